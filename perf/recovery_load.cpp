// Makes a store and measures what a start costs; perf/recovery.py puts that
// together.
//
//   recovery_load make DIR KEYS VALUE_BYTES   16-byte keys, then a clean stop
//   recovery_load start DIR WORKERS           opens it once, without a node
//   recovery_load cold DIR                    takes its files out of the cache
//   recovery_load read DIR                    reads its segments in sequence

#include "storage/recovery.hpp"
#include "tests/storage/mini_store.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace kvs::storage;
using clock_type = std::chrono::steady_clock;

double seconds_since(clock_type::time_point begin) {
  return std::chrono::duration<double>(clock_type::now() - begin).count();
}

double processor_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec)
           + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "recovery_load: %s\n", what.c_str());
  std::exit(1);
}

void make(const std::string& directory, std::uint64_t keys,
          std::size_t value_bytes) {
  testing::mini_store::options how;
  how.directory = directory;
  how.segment_bytes = segment_bytes_default;
  how.shard_count = std::max(1U, std::thread::hardware_concurrency());
  auto made = testing::mini_store::open(posix_file_system(), how);
  if (!made)
    fail(to_string(made.error()));
  const std::string value(value_bytes, 'v');
  for (std::uint64_t i = 0; i < keys; ++i) {
    char key[32];
    std::snprintf(key, sizeof(key), "k%015llu",
                  static_cast<unsigned long long>(i));
    if (auto done = (*made)->put(key, value); !done)
      fail(to_string(done.error()));
  }
  if (auto done = (*made)->close(); !done)
    fail(to_string(done.error()));
}

/// Plain threads do here what RECOVERY WORKERS do in a node.
void run_on(std::size_t workers, const work_units& units,
            const std::function<void()>& after_each) {
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < workers; ++i)
    threads.emplace_back([&] {
      for (std::size_t at = next++; at < units.size(); at = next++)
        units[at]();
    });
  for (std::thread& each : threads)
    each.join();
  for (std::size_t i = 0; i < units.size(); ++i)
    after_each();
}

void start(const std::string& directory, std::size_t workers) {
  recovery_options how;
  how.directory = directory;
  how.shard_count = std::max(1U, std::thread::hardware_concurrency());
  how.wall_clock = 1000;
  how.run_all = [workers](const auto& units, const auto& after_each) {
    run_on(workers, units, after_each);
  };
  const auto begin = clock_type::now();
  auto opened = open_store(posix_file_system(), how);
  const double wall = seconds_since(begin);
  if (!opened)
    fail(to_string(opened.error()));
  const recovery_report& report = opened->report;
  const char* const from = report.from_checkpoint           ? "checkpoint"
                           : report.segments_from_hints > 0 ? "hints"
                                                            : "segments";
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  std::printf("from=%s keys=%llu seconds=%.3f processor_seconds=%.3f "
              "million_records_per_core_second=%.2f peak_mib=%ld\n",
              from, static_cast<unsigned long long>(report.keys), wall,
              processor_seconds(),
              static_cast<double>(report.records) / 1e6 / processor_seconds(),
              used.ru_maxrss / 1024);
}

template <class Visit>
void for_each_file(const std::string& directory, Visit visit) {
  for (const auto& each : std::filesystem::directory_iterator(directory)) {
    const int file = ::open(each.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0)
      fail(each.path().string());
    visit(each.path(), file);
    ::close(file);
  }
}

void make_cold(const std::string& directory) {
  for_each_file(directory, [](const auto&, int file) {
    ::fdatasync(file);
    ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  });
}

void read_segments(const std::string& directory) {
  std::vector<char> buffer(512 * 1024);
  std::uint64_t bytes = 0;
  const auto begin = clock_type::now();
  for_each_file(directory, [&](const auto& path, int file) {
    if (path.extension() != ".log" && path.extension() != ".reloc")
      return;
    for (;;) {
      const auto got = ::read(file, buffer.data(), buffer.size());
      if (got <= 0)
        break;
      bytes += static_cast<std::uint64_t>(got);
    }
  });
  const double wall = seconds_since(begin);
  std::printf("bytes=%llu seconds=%.3f mib_per_second=%.0f\n",
              static_cast<unsigned long long>(bytes), wall,
              static_cast<double>(bytes) / 1048576 / wall);
}

} // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words{argv + 1, argv + argc};
  const auto number = [&](std::size_t at) {
    return std::strtoull(words[at].c_str(), nullptr, 10);
  };
  if (words.size() == 4 && words[0] == "make")
    make(words[1], number(2), number(3));
  else if (words.size() == 3 && words[0] == "start")
    start(words[1], number(2));
  else if (words.size() == 2 && words[0] == "cold")
    make_cold(words[1]);
  else if (words.size() == 2 && words[0] == "read")
    read_segments(words[1]);
  else
    fail("see the first lines of perf/recovery_load.cpp");
}
