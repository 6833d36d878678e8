// Counts latencies in little memory.

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace kvs::apps {

/// Counts nanoseconds in buckets that are at most 1/32 as wide as what they
/// hold, so that a percentile is right to about 3 %; the maximum is exact.
class latency_histogram {
public:
  void add(std::uint64_t nanoseconds, std::uint64_t times) {
    counts_[bucket_of(nanoseconds)] += times;
    total_ += times;
    max_ = std::max(max_, nanoseconds);
  }

  /// The latency that `share` (0 to 1) of all do not exceed; 0 without any.
  std::uint64_t percentile(double share) const {
    const auto wanted = static_cast<std::uint64_t>(
      share * static_cast<double>(total_) + 0.999999);
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
      seen += counts_[bucket];
      if (seen >= wanted && seen != 0)
        return std::min(end_of(bucket), max_);
    }
    return max_;
  }

  std::uint64_t max() const {
    return max_;
  }

private:
  static constexpr unsigned sub_bits = 5;
  static constexpr std::uint64_t sub_count = 1U << sub_bits;

  static std::size_t bucket_of(std::uint64_t ns) {
    if (ns < sub_count)
      return ns;
    const auto shift = static_cast<unsigned>(std::bit_width(ns)) - sub_bits - 1;
    return (shift + 1) * sub_count + ((ns >> shift) & (sub_count - 1));
  }

  static std::uint64_t end_of(std::size_t bucket) {
    if (bucket < sub_count)
      return bucket;
    const std::uint64_t shift = bucket / sub_count - 1;
    const std::uint64_t low = bucket % sub_count + sub_count;
    return ((low + 1) << shift) - 1;
  }

  std::array<std::uint64_t, (65 - sub_bits) * sub_count> counts_{};
  std::uint64_t total_{0};
  std::uint64_t max_{0};
};

} // namespace kvs::apps
