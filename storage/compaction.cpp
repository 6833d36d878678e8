#include "storage/compaction.hpp"

#include <algorithm>
#include <array>
#include <cassert>

namespace kvs::storage {
namespace {

bool is_among(segment_id id, std::span<const segment_id> some) {
  return std::find(some.begin(), some.end(), id) != some.end();
}

std::uint64_t body_bytes(const segment_entry& entry) noexcept {
  return entry.end_bytes > segment_header_bytes
           ? entry.end_bytes - segment_header_bytes
           : 0;
}

/// Puts that nothing refers to.
std::uint64_t dead_puts(const segment_usage& segment) noexcept {
  const std::uint64_t kept
    = segment.entry.tombstone_count + segment.live_records;
  return segment.entry.record_count > kept ? segment.entry.record_count - kept
                                           : 0;
}

/// Whether an older version of some key may be hidden in `segment`, dead now
/// only because of a tombstone numbered `sequence`.
bool may_need_shadow(const segment_usage& segment,
                     sequence_number sequence) noexcept {
  const segment_entry& entry = segment.entry;
  if (entry.record_count == 0 || entry.min_sequence > sequence)
    return false;
  if (dead_puts(segment) == 0)
    return false;
  return entry.purged_at < sequence;
}

struct candidate {
  segment_id id;
  std::uint64_t reclaimable = 0;
  std::uint64_t body = 0;
  std::uint64_t live = 0;
};

/// Small segments that are worth merging: the longest row of the smallest
/// ones in which the last is not larger than all others together. So a byte
/// at least doubles its company with each copy, and is copied rarely.
std::vector<segment_id> mergeable(std::span<const segment_usage> all,
                                  const compaction_policy& policy) {
  std::vector<candidate> small;
  for (const segment_usage& segment : all)
    if (segment.entry.end_bytes < policy.segment_bytes / small_segment_part
        && !is_among(segment.entry.id, policy.excluded))
      small.push_back({segment.entry.id, 0, body_bytes(segment.entry), 0});
  std::sort(small.begin(), small.end(),
            [](const candidate& a, const candidate& b) {
              return a.body != b.body ? a.body < b.body : a.id < b.id;
            });
  std::vector<segment_id> row;
  std::size_t longest = 0;
  std::uint64_t sum = 0;
  for (const candidate& next : small) {
    row.push_back(next.id);
    if (next.body <= sum && row.size() >= merged_segments_min)
      longest = row.size();
    sum += next.body;
    if (sum > policy.segment_bytes)
      break;
  }
  row.resize(longest);
  return row;
}

/// By the share of the segment that comes free, which is what a byte of
/// copying buys.
bool more_worthwhile(const candidate& a, const candidate& b) noexcept {
  const double share_a
    = static_cast<double>(a.reclaimable)
      / static_cast<double>(std::max<std::uint64_t>(a.body, 1));
  const double share_b
    = static_cast<double>(b.reclaimable)
      / static_cast<double>(std::max<std::uint64_t>(b.body, 1));
  return share_a != share_b ? share_a > share_b : a.id < b.id;
}

} // namespace

std::uint64_t reclaimable_bytes(const segment_usage& segment,
                                std::span<const segment_usage> all,
                                sequence_number unsealed_base) {
  const segment_entry& entry = segment.entry;
  if (entry.record_count == 0)
    return entry.end_bytes;
  const std::array<segment_id, 1> alone{entry.id};
  // The highest shadow decides, because a lower one may go wherever that one
  // may.
  const bool tombstones_go
    = tombstone_may_go(entry.max_shadow_sequence, alone, all, unsealed_base);
  const std::uint64_t tombstone_bytes
    = tombstones_go ? 0 : entry.tombstone_bytes;
  if (dead_puts(segment) == 0 && (entry.tombstone_count == 0 || !tombstones_go))
    return 0;
  const std::uint64_t kept = segment.live_bytes + tombstone_bytes;
  return body_bytes(entry) > kept ? body_bytes(entry) - kept : 0;
}

std::vector<segment_id> choose_victims(std::span<const segment_usage> all,
                                       const compaction_policy& policy,
                                       bool force) {
  assert(policy.dead_share_min > 0);
  std::vector<candidate> candidates;
  for (const segment_usage& segment : all) {
    candidate found{segment.entry.id,
                    reclaimable_bytes(segment, all, policy.unsealed_base),
                    body_bytes(segment.entry), segment.live_bytes};
    const double enough
      = policy.dead_share_min * static_cast<double>(found.body);
    if (found.reclaimable != 0 && !is_among(found.id, policy.excluded)
        && (force || static_cast<double>(found.reclaimable) >= enough))
      candidates.push_back(found);
  }
  std::sort(candidates.begin(), candidates.end(), more_worthwhile);
  if (candidates.empty())
    return mergeable(all, policy);
  std::vector<segment_id> victims;
  std::uint64_t live = 0;
  for (const candidate& next : candidates) {
    live += next.live;
    if (!victims.empty() && live > policy.segment_bytes)
      break;
    victims.push_back(next.id);
  }
  return victims;
}

bool tombstone_may_go(sequence_number sequence,
                      std::span<const segment_id> victims,
                      std::span<const segment_usage> all,
                      sequence_number unsealed_base) {
  if (unsealed_base <= sequence)
    return false;
  return std::none_of(all.begin(), all.end(),
                      [&](const segment_usage& segment) {
                        return !is_among(segment.entry.id, victims)
                               && may_need_shadow(segment, sequence);
                      });
}

verdict judge(const record_head& head, liveness found, timestamp_ms now,
              bool may_drop_tombstone) noexcept {
  switch (head.type) {
    case record_type::put:
      break;
    case record_type::tombstone:
      // A newer record of the key shadows whatever this one did.
      if (found == liveness::superseded || may_drop_tombstone)
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
  if (!expires)
    return verdict::drop;
  return may_drop_tombstone ? verdict::drop : verdict::copy_as_tombstone;
}

} // namespace kvs::storage
