#pragma once

#include "storage/compaction.hpp"

/// Segments that are nothing but counts, for tests of rules.
namespace kvs::storage::testing {

/// A segment of `records` records of `RecordBytes` with numbers from `min` on.
template <std::uint64_t RecordBytes>
segment_usage segment_of(std::uint32_t id, sequence_number min,
                         std::uint64_t records, std::uint64_t live) {
  segment_usage made;
  made.entry.id = segment_id{id};
  made.entry.sealed = true;
  made.entry.record_count = records;
  made.entry.end_bytes = segment_header_bytes + records * RecordBytes;
  made.entry.min_sequence = records == 0 ? 0 : min;
  made.entry.max_sequence = records == 0 ? 0 : min + records - 1;
  made.live_records = live;
  made.live_bytes = live * RecordBytes;
  return made;
}

/// The same with so many tombstones of that size, up to that number.
template <std::uint64_t RecordBytes>
segment_usage with_tombstones(segment_usage made, std::uint64_t count,
                              sequence_number highest) {
  made.entry.tombstone_count = count;
  made.entry.tombstone_bytes = count * RecordBytes;
  made.entry.max_shadow_sequence = highest;
  return made;
}

} // namespace kvs::storage::testing
