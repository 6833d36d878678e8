// Loads an index with keys until there are as many as asked for, and prints
// what it costs: anonymous memory per key, also at its highest while it grows,
// and the longest insertion.
//
//   index_load [KEYS]         default: 10,000,000

#include "storage/index.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

using namespace kvs::storage;

/// Anonymous resident memory of this process, in bytes.
std::uint64_t anonymous_bytes() {
  std::FILE* const status = std::fopen("/proc/self/status", "r");
  if (status == nullptr)
    return 0;
  char line[256];
  std::uint64_t kib = 0;
  while (std::fgets(line, sizeof(line), status) != nullptr)
    if (std::strncmp(line, "RssAnon:", 8) == 0)
      kib = std::strtoull(line + 8, nullptr, 10);
  std::fclose(status);
  return kib * 1024;
}

/// How often this process lost the processor.
long context_switches() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return used.ru_nivcsw + used.ru_nvcsw;
}

/// Sixteen bytes.
std::string key_number(std::uint64_t number) {
  char text[32];
  std::snprintf(text, sizeof(text), "k%015llu",
                static_cast<unsigned long long>(number));
  return text;
}

} // namespace

int main(int argc, char** argv) {
  const std::uint64_t keys
    = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000'000;
  const key_hasher hasher{1};
  kvs::storage::index loaded{0, partition_count};
  const std::uint64_t before = anonymous_bytes();
  // Records of 56 bytes, so that segments fill as they would.
  constexpr std::uint64_t record_bytes_each = 56;
  constexpr std::uint64_t per_segment = 128 * 1024 * 1024 / record_bytes_each;
  using clock = std::chrono::steady_clock;
  std::chrono::nanoseconds longest{0};
  // Another process may have had the processor meanwhile; that says nothing
  // about the index.
  std::chrono::nanoseconds longest_undisturbed{0};
  long switches = context_switches();
  std::chrono::nanoseconds total{0};
  double highest = 0;
  std::uint64_t next_look = 1'000'000;
  for (std::uint64_t i = 0; i < keys; ++i) {
    const key_hash hash = hasher(key_number(i));
    const record_location place{
      segment_id{static_cast<std::uint32_t>(1 + i / per_segment)},
      64 + i % per_segment * record_bytes_each, record_bytes_each};
    const auto begin = clock::now();
    loaded.insert(hash, place);
    const std::chrono::nanoseconds spent = clock::now() - begin;
    total += spent;
    longest = std::max(longest, spent);
    if (spent > longest_undisturbed) {
      const long now = context_switches();
      if (now == switches)
        longest_undisturbed = spent;
      switches = now;
    }
    if (i + 1 < next_look && i + 1 < keys)
      continue;
    const double per_key = static_cast<double>(anonymous_bytes() - before)
                           / static_cast<double>(i + 1);
    // Below ten million keys another bound holds.
    if (i + 1 >= 10'000'000)
      highest = std::max(highest, per_key);
    if (i + 1 == 1'000'000 || i + 1 == 10'000'000 || i + 1 == keys)
      std::printf("%llu keys: %.2f bytes each\n",
                  static_cast<unsigned long long>(i + 1), per_key);
    next_look += 100'000;
  }
  std::printf("highest from 10 million on: %.2f bytes each\n", highest);
  std::printf("insertion: %.0f ns on average, %.3f ms at most, %.3f ms of "
              "those that were not interrupted\n",
              static_cast<double>(total.count()) / static_cast<double>(keys),
              static_cast<double>(longest.count()) / 1e6,
              static_cast<double>(longest_undisturbed.count()) / 1e6);
}
