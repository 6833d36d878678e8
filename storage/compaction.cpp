#include "storage/compaction.hpp"

#include "storage/planted_bugs.hpp"

#include <algorithm>
#include <optional>

namespace kvs::storage {
namespace {

/// Tombstones from this number on must stay because of `segment`: an older
/// version of some key may be hidden in it, dead now only because of such a
/// tombstone. nullopt: it holds none in place.
std::optional<sequence_number> bound_by(const segment_usage& segment) noexcept {
  const segment_entry& entry = segment.entry;
  if (entry.record_count == 0 || dead_puts(segment) == 0)
    return std::nullopt;
  return std::max(entry.min_sequence, entry.purged_at + 1);
}

} // namespace

std::uint64_t dead_puts(const segment_usage& segment) noexcept {
  const std::uint64_t kept
    = segment.entry.tombstone_count + segment.live_records;
  return segment.entry.record_count > kept ? segment.entry.record_count - kept
                                           : 0;
}

tombstone_rule::tombstone_rule(std::span<const segment_usage> all,
                               sequence_number unsealed_base)
  : unsealed_base_{unsealed_base} {
  for (const segment_usage& segment : all)
    if (const auto bound = bound_by(segment))
      obstacles_.push_back({segment.entry.id, *bound});
  std::sort(obstacles_.begin(), obstacles_.end(),
            [](const obstacle& a, const obstacle& b) {
              return a.horizon != b.horizon ? a.horizon < b.horizon
                                            : a.id < b.id;
            });
}

sequence_number
tombstone_rule::horizon(std::span<const segment_id> victims) const noexcept {
  for (const obstacle& each : obstacles_)
    if (std::find(victims.begin(), victims.end(), each.id) == victims.end())
      return std::min(each.horizon, unsealed_base_);
  return unsealed_base_;
}

bool tombstone_may_go(sequence_number sequence,
                      std::span<const segment_id> victims,
                      std::span<const segment_usage> all,
                      sequence_number unsealed_base) {
  return sequence < tombstone_rule{all, unsealed_base}.horizon(victims);
}

verdict judge(const record_head& head, liveness found, timestamp_ms now,
              bool may_drop_tombstone) noexcept {
  switch (head.type) {
    case record_type::put:
      break;
    case record_type::tombstone:
      // A newer record of the key shadows whatever this one did.
      if (found == liveness::superseded || may_drop_tombstone
          || is_planted(planted_bug::drop_tombstone_early))
        return verdict::drop;
      return verdict::copy;
    case record_type::batch:
    case record_type::flush:
    case record_type::mark:
    case record_type::seal:
      return verdict::drop;
  }
  if (found == liveness::superseded)
    return verdict::drop;
  const bool expires = head.expires_at != 0;
  const bool expired = expires && head.expires_at <= now;
  if (found == liveness::live && !expired)
    return verdict::copy;
  // A key that may expire and is absent may have been swept by a shard whose
  // clock is ahead of `now`; then this record is its only shadow.
  if (!expires || is_planted(planted_bug::drop_expired_shadow))
    return verdict::drop;
  return may_drop_tombstone ? verdict::drop : verdict::copy_as_tombstone;
}

} // namespace kvs::storage
