#pragma once

#include <compare>
#include <cstdint>

namespace kvs::storage {

/// Names one segment file; never reused within a store. Log segments and
/// relocation segments draw from the same counter.
enum class segment_id : std::uint32_t {};

/// The order of all changes of a store: 1, 2, 3, …, with gaps. The high bits
/// are the epoch of the start that wrote the record, so a number that a power
/// cut erased is never given out again (docs/log_format.md). Zero is "before
/// everything". It is also what clients see as the version of a key.
using sequence_number = std::uint64_t;

/// Low bits of a sequence number that count within one epoch.
inline constexpr unsigned sequence_epoch_shift = 40;

/// A point in time: milliseconds since 1970-01-01 UTC as storage/clock.hpp
/// tells them. Zero means "never" where an expiry is stored.
using timestamp_ms = std::uint64_t;

/// Where one record lies on disk.
struct record_location {
  segment_id segment{};
  /// Bytes before the record in its file; a multiple of 8.
  std::uint64_t offset_bytes = 0;
  /// The whole record: header, key, value and padding.
  std::uint32_t size_bytes = 0;

  friend bool operator==(const record_location&, const record_location&)
    = default;
};

/// A place in the log as the WRITER fills it: everything before it was
/// written earlier. Ordered by segment, then by offset.
struct log_position {
  segment_id segment{};
  std::uint64_t offset_bytes = 0;

  friend auto operator<=>(const log_position&, const log_position&) = default;
};

} // namespace kvs::storage
