/// How long the WRITER rests between two writes when space gets short.
#pragma once

#include "storage/limits.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>

namespace kvs::actors {

/// Writes slow down before they have to stop: the nearer the end, the longer
/// the rest after each byte (docs/compaction.md).
class write_pace {
public:
  explicit write_pace(std::uint64_t segment_bytes)
    : segment_bytes_{static_cast<double>(segment_bytes)} {
  }

  /// What sealed segments take too much, as far as compaction can free it;
  /// negative: there is room left.
  void set_debt(std::int64_t bytes) noexcept {
    debt_bytes_ = static_cast<double>(bytes);
  }

  /// Writes slow down for the sake of compaction.
  bool waits_for_compaction(std::uint64_t unsealed) const noexcept {
    return debt_pressure(unsealed) > 0;
  }

  /// The rest that is due after `bytes` were written. `unsealed`: what was
  /// written and is not part of the debt yet. `room`: what is left of the
  /// active segment if there is no next one. Rests too short for a timer are
  /// collected.
  std::chrono::microseconds after_writing(std::uint64_t bytes,
                                          std::uint64_t unsealed,
                                          std::optional<std::uint64_t> room) {
    const auto x = std::max(debt_pressure(unsealed), room_pressure(room));
    owed_us_ += std::min(longest_us, 4000 * x / std::max(1 - x, 1e-6))
                * static_cast<double>(bytes)
                / static_cast<double>(storage::mebibyte);
    if (owed_us_ < shortest_us)
      return {};
    const auto rest = std::min(owed_us_, longest_us);
    owed_us_ = 0;
    return std::chrono::microseconds{static_cast<std::int64_t>(rest)};
  }

private:
  static constexpr double shortest_us = 1000;
  static constexpr double longest_us = 250'000;

  double debt_pressure(std::uint64_t unsealed) const noexcept {
    const auto segments
      = (debt_bytes_ + static_cast<double>(unsealed)) / segment_bytes_;
    return std::clamp((segments - 1.1) / 0.75, 0.0, 1.0);
  }
  double room_pressure(std::optional<std::uint64_t> room) const noexcept {
    return room ? std::clamp(
             1 - static_cast<double>(*room) / (segment_bytes_ / 2), 0.0, 1.0)
                : 0;
  }

  double segment_bytes_;
  /// At first nobody knows.
  double debt_bytes_ = std::numeric_limits<double>::lowest();
  double owed_us_ = 0;
};

} // namespace kvs::actors
