// Of a victim of which little lives, the COMPACTOR reads nothing else: the
// shards say where it lies. Small stores that are overwritten all the time
// spend most of their compaction on records that are dead otherwise.

#include "actors/compactor_state.hpp"

#include <algorithm>

namespace kvs::actors {
namespace {

/// Little: at most this part of the records.
constexpr std::uint64_t sparse_part = 2;
/// A dead record of a victim costs as much as so many records of an index:
/// those are looked at one behind the other, and it is read, hashed, and
/// looked up somewhere.
constexpr std::uint64_t searched_per_record = 16;

} // namespace

void compactor::locate_live_records() {
  locate_live query;
  std::uint64_t spared = 0;
  for (const auto& each : run_->usage) {
    const auto id = each.entry.id;
    // What the index does not find must not matter.
    if (!is_victim(id) || !is_counted(id) || drop_without_reading(id)
        || each.entry.max_shadow_sequence >= run_->tombstone_horizon
        || each.live_records * sparse_part > each.entry.record_count)
      continue;
    query.segments.push_back(id);
    run_->places[id];
    spared += each.entry.record_count - each.live_records;
  }
  if (query.segments.empty())
    return open_output();
  query.records_max = spared * searched_per_record / shards_.size();
  ask_where(0, std::move(query));
}

void compactor::ask_where(std::size_t shard, locate_live query) {
  caf_compat::ask(this, shards_[shard], query)
    .then(
      [this, shard, query,
       number = run_->number](const live_located& found) mutable {
        if (!run_ || run_->number != number)
          return;
        note_places(found);
        const auto is_last = found.which != live_located::part::more;
        query.partition = is_last ? 0 : found.next_partition;
        // One after the other: requests have their turns in between.
        const auto next = is_last ? shard + 1 : shard;
        if (!run_->reads_all && next < shards_.size())
          return ask_where(next, std::move(query));
        for (auto& [id, places] : run_->places)
          std::sort(places.begin(), places.end());
        if (run_->reads_all)
          run_->places.clear();
        open_output();
      },
      [this](const caf::error&) { run_.reset(); });
}

void compactor::note_places(const live_located& found) {
  for (const auto& each : found.places)
    run_->places[each.segment].push_back(each.offset_bytes);
  if (found.which == live_located::part::not_worth_it)
    run_->reads_all = true;
}

void compactor::open_victim(const tracked_segment& victim) {
  auto it = run_->places.find(victim.entry.id);
  if (it == run_->places.end())
    run_->reader.emplace(victim.handle, victim.entry.end_bytes);
  else
    run_->reader.emplace(victim.handle, victim.entry.end_bytes,
                         std::move(it->second));
}

} // namespace kvs::actors
