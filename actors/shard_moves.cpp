// What an INDEX SHARD does for compaction.

#include "actors/shard_state.hpp"

#include <algorithm>
#include <utility>

namespace kvs::actors {
namespace {

/// Records of the index that one turn looks at, at least: some ten
/// microseconds.
constexpr std::size_t located_records_min = 4096;

} // namespace

liveness_found shard::judge(const query_liveness& query) {
  liveness_found found;
  found.persisted_time = persisted_time_;
  found.verdicts.reserve(query.records.size());
  prefetch(query.records);
  for (const auto& record : query.records)
    found.verdicts.push_back(judge(record));
  return found;
}

storage::liveness shard::judge(const liveness_query& record) {
  if (index_.contains(record.hash, record.location))
    return storage::liveness::live;
  if (!record.key)
    return storage::liveness::absent;
  candidates_.clear();
  index_.find(record.hash, candidates_);
  if (candidates_.empty())
    return storage::liveness::absent;
  // If the newer record is not in memory, the older one counts as one of an
  // absent key: that keeps more than is needed, never less.
  auto newer = resolve_now(candidates_, *record.key, head_buffer(*record.key));
  return newer.what == resolved_key::kind::found ? storage::liveness::superseded
                                                 : storage::liveness::absent;
}

void shard::answer_marks() {
  // What an unsettled deletion hides is in the index, too, and would count as
  // live. Whoever decides on such counts could leave the deletion out.
  while (
    !waiting_marks_.empty()
    && (unsettled_.empty()
        || unsettled_.begin()->first > waiting_marks_.front().last_unsettled)) {
    caf_compat::tell(
      this, args_.compactor,
      applied_marked{args_.shard_index, waiting_marks_.front().sequence});
    waiting_marks_.pop_front();
  }
}

live_counted shard::count_segments() const {
  return {args_.shard_index, index_.live_segments(), applied_up_to_,
          inexact_hashes_.empty()};
}

live_located shard::locate(const locate_live& query) const {
  live_located found;
  if (index_.size() > query.records_max) {
    found.which = live_located::part::not_worth_it;
    return found;
  }
  found.next_partition
    = index_.scan(query.partition, located_records_min,
                  [&](std::uint64_t, const storage::index_candidate& record) {
                    if (std::find(query.segments.begin(), query.segments.end(),
                                  record.location.segment)
                        != query.segments.end())
                      found.places.push_back(record.location);
                  });
  if (found.next_partition < index_.end_partition())
    found.which = live_located::part::more;
  return found;
}

caf::result<moves_applied> shard::move(apply_moves& message) {
  if (message.target != nullptr)
    add_segment(message.target);
  if (!touches_unsettled(message))
    return apply(message);
  auto promise = this->make_response_promise<moves_applied>();
  held_moves_.push_back({std::move(message), promise});
  return promise;
}

bool shard::touches_unsettled(const apply_moves& message) const {
  return !unsettled_hashes_.empty()
         && std::any_of(message.moves.begin(), message.moves.end(),
                        [this](const auto& each) {
                          return unsettled_hashes_.contains(each.hash);
                        });
}

moves_applied shard::apply(const apply_moves& message) {
  moves_applied done;
  read_heads expired;
  prefetch(message.moves);
  for (const auto& each : message.moves) {
    storage::index_entry entry{each.to, 0, each.expires_at};
    if (each.to.size_bytes != 0) {
      if (!index_.move(each.hash, each.from, each.to))
        continue;
      // The queue knows it by its place; it is counted already.
      if (each.expires_at != 0)
        expiring_.add({each.hash, each.to, each.expires_at});
      ++done.moved;
    } else if (index_.is_deletion(each.hash, each.from)) {
      // Neither its key nor its expiry is counted any more. One that goes on
      // hiding what could not be read stays, and so does its segment.
      if (!inexact_hashes_.contains(each.hash)
          && index_.remove(each.hash, each.from))
        ++done.moved;
    } else if (index_.remove(each.hash, each.from)) {
      // Its time had come before it was swept.
      forget_expiry(entry);
      --key_count_;
      ++done.moved;
      ++figures_.expired;
      if (args_.expiry_listener)
        expired.records.push_back(
          {segment_of(each.from.segment), each.from, false});
    }
  }
  if (!expired.records.empty())
    announce_expired(std::move(expired));
  live_changed_ = true;
  return done;
}

} // namespace kvs::actors
