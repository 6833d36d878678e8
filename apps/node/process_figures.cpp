#include "apps/node/process_figures.hpp"

#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>

namespace kvs::apps {
namespace {

std::uint64_t resident_bytes() {
  std::ifstream statm{"/proc/self/statm"};
  std::uint64_t whole = 0;
  std::uint64_t resident = 0;
  statm >> whole >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
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
  figures.resident_bytes = resident_bytes();
  figures.peak_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  figures.user_seconds = seconds_of(usage.ru_utime);
  figures.system_seconds = seconds_of(usage.ru_stime);
  return figures;
}

} // namespace kvs::apps
