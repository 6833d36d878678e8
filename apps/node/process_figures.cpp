#include "apps/node/process_figures.hpp"

#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>

namespace kvs::apps {
namespace {

void read_memory(actors::resp::process_figures& figures) {
  std::ifstream statm{"/proc/self/statm"};
  std::uint64_t whole = 0;
  std::uint64_t resident = 0;
  // Pages of files, among them the segments that are locked in memory.
  std::uint64_t shared = 0;
  statm >> whole >> resident >> shared;
  const auto page_bytes = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  figures.resident_bytes = resident * page_bytes;
  figures.machine_bytes
    = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * page_bytes;
  figures.own_bytes = (resident - std::min(resident, shared)) * page_bytes;
}

std::string seconds_of(const timeval& time) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%lld.%06lld",
                static_cast<long long>(time.tv_sec),
                static_cast<long long>(time.tv_usec));
  return text.data();
}

} // namespace

actors::resp::process_figures figures_of_this_process() {
  actors::resp::process_figures figures;
  figures.id = static_cast<std::uint64_t>(getpid());
  utsname system{};
  uname(&system);
  figures.system
    = std::string{system.sysname} + " " + system.release + " " + system.machine;
  figures.allocator = KVS_ALLOCATOR;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  read_memory(figures);
  // The system notes a peak now and then, not at once.
  figures.peak_bytes = std::max(
    static_cast<std::uint64_t>(usage.ru_maxrss) * 1024, figures.resident_bytes);
  figures.user_seconds = seconds_of(usage.ru_utime);
  figures.system_seconds = seconds_of(usage.ru_stime);
  return figures;
}

} // namespace kvs::apps
