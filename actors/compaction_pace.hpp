/// How long the COMPACTOR rests between two chunks of a rewrite.
#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

namespace kvs::actors {

/// A rewrite shall take a quarter of the time in which a segment is written:
/// not less, to disturb nobody, and not more, because its syncs come on top
/// (docs/compaction.md).
class compaction_pace {
public:
  using clock = std::chrono::steady_clock;
  using duration = clock::duration;

  /// `effort_min`: the least share of the time that a rewrite works (0 < x ≤
  /// 1).
  explicit compaction_pace(double effort_min) : effort_min_{effort_min} {
  }

  void start(clock::time_point now) noexcept {
    last_seal_ = now;
  }

  void note_sealed(clock::time_point now) noexcept {
    const auto last = now - std::exchange(last_seal_, now);
    // A single short or long interval says little, and a pause of hours
    // nothing; nor does the time until the first seal.
    if (std::exchange(has_sealed_, true))
      seal_interval_
        = seal_interval_.count() == 0
            ? std::min(last, first_interval_max)
            : (seal_interval_ * 3 + std::min(last, seal_interval_ * 8)) / 4;
  }

  /// The rest after a chunk that took `worked`, and which is this `share` of
  /// the rewrite (0 to 1). Zero: too short for a timer.
  duration rest_after(duration worked, double share) const noexcept {
    const auto planned = scaled(seal_interval_, run_part_of_interval * share);
    const auto most = scaled(worked, 1 / effort_min_ - 1);
    const auto rest = std::min({planned - worked, most, longest_rest});
    return rest < shortest_rest ? duration{} : rest;
  }

private:
  static constexpr double run_part_of_interval = 0.25;
  static constexpr duration shortest_rest = std::chrono::microseconds{100};
  /// The chunk may have waited for a busy shard, not worked.
  static constexpr duration longest_rest = std::chrono::seconds{1};

  static duration scaled(duration span, double factor) noexcept {
    return std::chrono::duration_cast<duration>(span * factor);
  }

  /// Nobody knows better yet.
  static constexpr duration first_interval_max = std::chrono::seconds{60};

  double effort_min_;
  clock::time_point last_seal_;
  bool has_sealed_ = false;
  duration seal_interval_{};
};

} // namespace kvs::actors
