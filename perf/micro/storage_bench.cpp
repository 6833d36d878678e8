#include "storage/crc32c.hpp"
#include "storage/hint_merge.hpp"
#include "storage/index.hpp"
#include "storage/key_hash.hpp"
#include "storage/log_writer.hpp"
#include "storage/segment_loader.hpp"

#include <benchmark/benchmark.h>

#include <stdlib.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

/// What single steps of the engine cost: records per second of an append, a
/// scan and a hint file, and look-ups of the index.
namespace kvs::storage {
namespace {

constexpr auto everything = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t value_bytes = 100;

/// A directory that goes when the benchmark ends.
class scratch_directory {
public:
  scratch_directory() {
    path_ = (std::filesystem::temp_directory_path() / "kvs-bench-XXXXXX");
    if (::mkdtemp(path_.data()) == nullptr)
      std::abort();
  }
  ~scratch_directory() {
    std::filesystem::remove_all(path_);
  }
  const std::string& path() const {
    return path_;
  }

private:
  std::string path_;
};

segment_ptr make_segment(file_system& files, const std::string& directory) {
  segment_header header;
  header.id = segment_id{1};
  header.context.identity.fill(std::byte{1});
  header.context.base_sequence = 1;
  return *create_segment(files, directory, header, 0);
}

/// 16 bytes, all different.
std::array<char, 16> key_number(std::uint64_t number) {
  std::array<char, 16> key{};
  key.fill('0');
  for (auto at = key.rbegin(); number != 0; ++at, number /= 10)
    *at = static_cast<char>('0' + number % 10);
  return key;
}

std::string_view view_of(const std::array<char, 16>& key) {
  return {key.data(), key.size()};
}

void add_record(benchmark::State& state) {
  scratch_directory scratch;
  auto files = posix_file_system();
  log_writer writer{make_segment(*files, scratch.path()), segment_header_bytes};
  const std::vector<std::byte> value(value_bytes, std::byte{1});
  const auto key = key_number(1);
  const auto crc = value_checksum(value);
  sequence_number sequence = 1;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
      writer.add(record_type::put, sequence++, 0, view_of(key), value, crc));
    if (writer.staged_bytes() > 256 * 1024)
      writer.discard_staged();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(add_record);

void add_and_checksum_record(benchmark::State& state) {
  scratch_directory scratch;
  auto files = posix_file_system();
  log_writer writer{make_segment(*files, scratch.path()), segment_header_bytes};
  const std::vector<std::byte> value(value_bytes, std::byte{1});
  const auto key = key_number(1);
  sequence_number sequence = 1;
  for (auto _ : state) {
    writer.add(record_type::put, sequence++, 0, view_of(key), value,
               value_checksum(value));
    if (writer.staged_bytes() > 256 * 1024)
      writer.discard_staged();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(add_and_checksum_record);

void checksum(benchmark::State& state) {
  const std::vector<std::byte> bytes(static_cast<std::size_t>(state.range(0)),
                                     std::byte{1});
  for (auto _ : state)
    benchmark::DoNotOptimize(extend_crc32c(0, bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(checksum)->Arg(40)->Arg(100)->Arg(4096)->Arg(1 << 20);

/// A sealed segment with a million records of 16 + 100 bytes.
struct filled_segment {
  static constexpr std::uint64_t records = 900'000;
  scratch_directory scratch;
  std::shared_ptr<file_system> files = posix_file_system();
  segment_ptr handle = make_segment(*files, scratch.path());
  segment_entry entry;

  filled_segment() {
    log_writer writer{handle, segment_header_bytes};
    const std::vector<std::byte> value(value_bytes, std::byte{1});
    const auto crc = value_checksum(value);
    for (std::uint64_t i = 1; i <= records; ++i) {
      const auto key = key_number(i);
      writer.add(record_type::put, i, 0, view_of(key), value, crc);
      if (i % 1000 == 0)
        (void)writer.write_staged(everything);
    }
    (void)writer.write_staged(everything);
    entry.id = handle->id();
    entry.identity = handle->context().identity;
    entry.base_sequence = 1;
    auto tail = load_unsealed(handle, entry, key_hasher{1});
    entry = tail->entry;
  }
};

void scan_segment(benchmark::State& state) {
  filled_segment filled;
  const auto checked = state.range(0) != 0 ? segment_scanner::values::verify
                                           : segment_scanner::values::skip;
  for (auto _ : state) {
    segment_scanner scanner{filled.handle, filled.entry.end_bytes, checked};
    while (*scanner.next()) {
    }
  }
  state.SetItemsProcessed(state.iterations()
                          * static_cast<std::int64_t>(filled_segment::records));
}
BENCHMARK(scan_segment)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

/// Hint file into a fresh index: what a start does per record.
void load_hint_into_index(benchmark::State& state) {
  filled_segment filled;
  const key_hasher hasher{1};
  const std::string directory = filled.scratch.path();
  // The first load finds no hint and writes one.
  (void)load_sealed(*filled.files, directory, filled.handle, filled.entry,
                    hasher);
  for (auto _ : state) {
    std::vector<std::unique_ptr<hint_source>> sources;
    sources.push_back(open_hint_file(*filled.files, directory, filled.entry));
    if (sources.back() == nullptr)
      return state.SkipWithError("the hint does not fit");
    index fresh{0, partition_count};
    expiry_queue expiring;
    if (!merge_hints(sources, {}, fresh, expiring))
      state.SkipWithError("the hint has changed");
    benchmark::DoNotOptimize(fresh.size());
    // A start does not take its index down again.
    state.PauseTiming();
    fresh = index{0, 0};
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations()
                          * static_cast<std::int64_t>(filled_segment::records));
}
BENCHMARK(load_hint_into_index)->Unit(benchmark::kMillisecond);

/// What indexes of the benchmarks below are filled with.
record_location place_of_number(std::uint64_t number) {
  return {segment_id{static_cast<std::uint32_t>(1 + (number >> 20))},
          (number & 0xfffff) * 128, 128};
}

void find_in_index(benchmark::State& state) {
  const auto keys = static_cast<std::uint64_t>(state.range(0));
  const key_hasher hasher{1};
  index filled{0, partition_count};
  for (std::uint64_t i = 0; i < keys; ++i)
    filled.insert(hasher(view_of(key_number(i))), place_of_number(i));
  std::vector<index_candidate> found;
  std::uint64_t i = 0;
  for (auto _ : state) {
    found.clear();
    filled.find(hasher(view_of(key_number(i))), found);
    benchmark::DoNotOptimize(found.data());
    // NOLINTNEXTLINE(clang-analyzer-core.DivideZero): keys is never 0.
    i = (i * 6364136223846793005u + 1442695040888963407u) % keys;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(find_in_index)->Arg(10'000)->Arg(1'000'000)->Arg(10'000'000);

void overwrite_in_index(benchmark::State& state) {
  constexpr std::uint64_t keys = 1'000'000;
  const key_hasher hasher{1};
  index filled{0, partition_count};
  std::vector<record_location> places;
  for (std::uint64_t i = 0; i < keys; ++i) {
    places.push_back(place_of_number(i));
    filled.insert(hasher(view_of(key_number(i))), places.back());
  }
  std::uint64_t i = 0;
  std::uint64_t next = keys;
  for (auto _ : state) {
    const key_hash hash = hasher(view_of(key_number(i)));
    filled.remove(hash, places[i]);
    places[i] = place_of_number(next++);
    filled.insert(hash, places[i]);
    i = (i * 6364136223846793005u + 1442695040888963407u) % keys;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(overwrite_in_index);

} // namespace
} // namespace kvs::storage

BENCHMARK_MAIN();
