#include "storage/victims.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <map>

namespace kvs::storage {
namespace {

/// An entry of a hint file; those of records with an expiry have 8 more.
constexpr std::uint64_t hint_entry_bytes = 32;

bool is_among(segment_id id, std::span<const segment_id> some) {
  return std::find(some.begin(), some.end(), id) != some.end();
}

std::uint64_t body_bytes(const segment_entry& entry) noexcept {
  return entry.end_bytes > segment_header_bytes
           ? entry.end_bytes - segment_header_bytes
           : 0;
}

struct candidate {
  segment_id id;
  std::uint64_t reclaimable = 0;
  std::uint64_t body = 0;
  double age = 1;
  double score = 0;

  double reclaimable_share() const noexcept {
    return static_cast<double>(reclaimable)
           / static_cast<double>(std::max<std::uint64_t>(body, 1));
  }
  /// What a rewrite copies: tombstones, too.
  std::uint64_t left() const noexcept {
    return body - std::min(body, reclaimable);
  }
  bool is_dead() const noexcept {
    return reclaimable >= body;
  }
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
      small.push_back({segment.entry.id, 0, body_bytes(segment.entry)});
  std::sort(small.begin(), small.end(),
            [](const candidate& a, const candidate& b) {
              return a.body != b.body ? a.body < b.body : a.id < b.id;
            });
  std::vector<segment_id> row;
  std::size_t longest = 0;
  std::uint64_t sum = 0;
  for (const candidate& next : small) {
    if (sum + next.body > policy.segment_bytes)
      break;
    row.push_back(next.id);
    if (next.body <= sum && row.size() >= merged_segments_min)
      longest = row.size();
    sum += next.body;
  }
  row.resize(longest);
  return row;
}

/// What an average byte of the store has to offer, halved: a segment that
/// offers less only looks worthwhile because it is old.
double least_share(const space_usage& space, compaction_need need) noexcept {
  if (need == compaction_need::command)
    return 0;
  // Below, a byte of space costs more than thirty bytes of copying.
  constexpr double hardly_anything = 0.03;
  if (need == compaction_need::shortage)
    return hardly_anything;
  const double average = static_cast<double>(space.reclaimable_bytes)
                         / static_cast<double>(space.segment_bytes);
  return std::max(average / 2, hardly_anything);
}

double factor_for(const compaction_policy& policy,
                  compaction_need need) noexcept {
  switch (need) {
    case compaction_need::load:
      return policy.space_factor;
    case compaction_need::rest:
      return policy.rest_space_factor;
    case compaction_need::shortage:
    case compaction_need::command:
      break;
  }
  return 1;
}

std::vector<candidate> candidates_of(std::span<const segment_usage> all,
                                     const compaction_policy& policy,
                                     const tombstone_rule& rule) {
  const record_ages ages{all};
  std::vector<candidate> found;
  for (const segment_usage& segment : all) {
    candidate next{segment.entry.id, reclaimable_bytes(segment, rule),
                   body_bytes(segment.entry)};
    if (next.reclaimable == 0 || is_among(next.id, policy.excluded))
      continue;
    next.age = static_cast<double>(ages.since(segment.entry.max_sequence)) + 1;
    const double share = next.reclaimable_share();
    next.score = share / std::max(1 - share, 1e-9) * std::sqrt(next.age);
    found.push_back(next);
  }
  std::sort(found.begin(), found.end(),
            [](const candidate& a, const candidate& b) {
              return a.score != b.score ? a.score > b.score : a.id < b.id;
            });
  return found;
}

std::vector<segment_id> dead_ones(std::span<const candidate> candidates) {
  std::vector<segment_id> dead;
  for (const candidate& next : candidates)
    if (next.is_dead() && dead.size() < victims_max)
      dead.push_back(next.id);
  return dead;
}

/// The best one and those of its age that fit into the same output.
std::vector<segment_id> group_of_best(std::span<const candidate> candidates,
                                      std::uint64_t segment_bytes) {
  const candidate& best = candidates.front();
  std::vector<segment_id> group;
  std::uint64_t left = 0;
  for (const candidate& next : candidates) {
    if (next.age > best.age * similar_age_factor
        || next.age < best.age / similar_age_factor)
      continue;
    left += next.left();
    if (!group.empty() && (left > segment_bytes || group.size() == victims_max))
      break;
    group.push_back(next.id);
  }
  return group;
}

/// The segment that holds the most tombstones in place.
std::vector<segment_id> worst_obstacle(const compaction_policy& policy,
                                       const tombstone_rule& rule) {
  for (const auto& each : rule.obstacles())
    if (!is_among(each.id, policy.excluded))
      return {each.id};
  return {};
}

} // namespace

record_ages::record_ages(std::span<const segment_usage> all) {
  std::map<sequence_number, sequence_number> highest;
  for (const segment_usage& segment : all) {
    auto& found = highest[segment.entry.max_sequence >> sequence_epoch_shift];
    found = std::max(found, segment.entry.max_sequence);
  }
  for (const auto& [start, sequence] : highest)
    highest_.push_back(sequence);
}

std::uint64_t record_ages::since(sequence_number sequence) const noexcept {
  std::uint64_t records = 0;
  for (const sequence_number highest : highest_) {
    const bool same_start
      = highest >> sequence_epoch_shift == sequence >> sequence_epoch_shift;
    if (same_start && highest > sequence)
      records += highest - sequence;
    else if (!same_start && highest > sequence)
      records += highest & ((sequence_number{1} << sequence_epoch_shift) - 1);
  }
  return records;
}

space_usage space_of(std::span<const segment_usage> all,
                     const compaction_policy& policy) {
  const tombstone_rule rule{all, policy.unsealed_base};
  space_usage space;
  space.live_bytes = policy.unsealed_live_bytes;
  for (const segment_usage& segment : all) {
    if (is_among(segment.entry.id, policy.excluded))
      continue;
    const std::uint64_t body = body_bytes(segment.entry);
    const std::uint64_t dead
      = body > segment.live_bytes ? body - segment.live_bytes : 0;
    const std::uint64_t reclaimable
      = std::min(dead, reclaimable_bytes(segment, rule));
    space.segment_bytes += segment.entry.end_bytes;
    space.hint_bytes += segment.entry.record_count * hint_entry_bytes;
    space.live_bytes += segment.live_bytes;
    space.reclaimable_bytes += reclaimable;
    space.pinned_bytes += dead - reclaimable;
  }
  return space;
}

std::int64_t excess_bytes(const space_usage& space, double factor) noexcept {
  if (space.segment_bytes == 0)
    return 0;
  const auto segments = static_cast<double>(space.segment_bytes);
  const double hints = static_cast<double>(space.hint_bytes) / segments;
  const double allowed = std::max(factor / (1 + hints), 1 + (factor - 1) / 2);
  return static_cast<std::int64_t>(
    segments - allowed * static_cast<double>(space.live_bytes));
}

std::int64_t excess_under_load(const space_usage& space,
                               const compaction_policy& policy) noexcept {
  const std::uint64_t less
    = std::min(policy.small_store_bytes, space.live_bytes / 4);
  return excess_bytes(space, policy.space_factor)
         - static_cast<std::int64_t>(policy.small_store_bytes - less);
}

std::int64_t tolerated(const compaction_policy& policy) noexcept {
  return static_cast<std::int64_t>(policy.segment_bytes * 3 / 4);
}

std::uint64_t reclaimable_bytes(const segment_usage& segment,
                                const tombstone_rule& rule) {
  const segment_entry& entry = segment.entry;
  if (entry.record_count == 0)
    return entry.end_bytes;
  const std::array<segment_id, 1> alone{entry.id};
  // The highest shadow decides, because a lower one may go wherever that one
  // may.
  const bool tombstones_go = entry.max_shadow_sequence < rule.horizon(alone);
  const std::uint64_t tombstone_bytes
    = tombstones_go ? 0 : entry.tombstone_bytes;
  if (dead_puts(segment) == 0 && (entry.tombstone_count == 0 || !tombstones_go))
    return 0;
  const std::uint64_t kept = segment.live_bytes + tombstone_bytes;
  return body_bytes(entry) > kept ? body_bytes(entry) - kept : 0;
}

std::vector<segment_id> choose_victims(std::span<const segment_usage> all,
                                       const compaction_policy& policy,
                                       compaction_need need) {
  assert(policy.space_factor > 1 && policy.rest_space_factor > 1);
  const tombstone_rule rule{all, policy.unsealed_base};
  auto candidates = candidates_of(all, policy, rule);
  if (auto dead = dead_ones(candidates); !dead.empty())
    return dead;
  const space_usage space = space_of(all, policy);
  const auto enough = need <= compaction_need::rest ? tolerated(policy) : 0;
  const std::int64_t excess = need == compaction_need::load
                                ? excess_under_load(space, policy)
                                : excess_bytes(space, factor_for(policy, need));
  const double least = least_share(space, need);
  std::erase_if(candidates, [least](const candidate& each) {
    return each.reclaimable_share() < least;
  });
  // The excess sets what lives in unsealed segments off against what is dead in
  // sealed ones, which a full disk cannot wait for.
  const bool is_worthwhile
    = need == compaction_need::shortage && !candidates.empty();
  if (excess <= enough && !is_worthwhile)
    return mergeable(all, policy);
  const bool tombstones_prevail = space.pinned_bytes > space.reclaimable_bytes;
  if (need != compaction_need::command
      && (tombstones_prevail || candidates.empty()))
    if (auto victims = worst_obstacle(policy, rule); !victims.empty())
      return victims;
  return candidates.empty() ? mergeable(all, policy)
                            : group_of_best(candidates, policy.segment_bytes);
}

} // namespace kvs::storage
