// What an INDEX SHARD does because time passes: expiry, and what it tells the
// COMPACTOR now and then.

#include "actors/shard_state.hpp"

#include <algorithm>
#include <utility>

namespace kvs::actors {
namespace {

/// Expired keys leave the counts within this and one replacement of the
/// MANIFEST; also how often the COMPACTOR hears of dead bytes.
constexpr std::chrono::milliseconds tick_period{500};

/// Records that one turn removes at most, roughly.
constexpr std::size_t sweep_records_max = 4096;

/// Written again while the time is being persisted; the MANIFEST may fail for
/// long. Whoever listens to more hears nothing of them.
constexpr std::size_t rewritten_keys_max = 65'536;

} // namespace

bool shard::has_expired(const storage::index_entry& entry) const {
  return entry.expires_at != 0 && entry.expired_at(args_.clock->now());
}

bool shard::expiry_is_persisted(const storage::index_entry& entry) const {
  return entry.expires_at <= persisted_time_;
}

void shard::request_time() {
  if (time_requested_)
    return;
  time_requested_ = true;
  caf_compat::ask(this, args_.catalog, persist_time{args_.clock->now()})
    .then(
      [this](const time_persisted& reply) {
        time_requested_ = false;
        if (reply.is_final)
          caf_compat::tell(this, args_.writer, manifest_failed{reply.error});
        if (reply.error.code != outcome::ok) {
          timed_.fail_all(reply.error);
          timed_.send(this, durable_version_);
          fail_timed_scans(reply.error);
        } else {
          persisted_time_ = std::max(persisted_time_, reply.time);
          announce_rewritten();
          if (held_batches_.empty())
            timed_.send(this, durable_version_);
          else
            park(timed_);
          send_timed_scans();
          sweep();
        }
        end_turn();
      },
      [this](const caf::error&) {
        auto why = make_failure(outcome::shutting_down,
                                "the node is closing; nothing was read");
        timed_.fail_all(why);
        timed_.send(this, durable_version_);
        fail_timed_scans(why);
        end_turn();
      });
}

void shard::tick() {
  if (stop_promise_)
    return;
  expiring_.purge_some([this](const auto& each) {
    return index_.contains(each.hash, each.location);
  });
  if (!rewritten_.empty())
    request_time();
  auto earliest = expiring_.earliest();
  if (earliest != 0 && earliest <= args_.clock->now()) {
    if (earliest <= persisted_time_)
      sweep();
    else
      request_time();
  }
  if (std::exchange(live_changed_, false))
    caf_compat::tell(this, args_.compactor, count_segments());
  caf_compat::tell_after(this, this, tick_period, shard_tick_due{});
}

void shard::sweep() {
  auto until = std::min(args_.clock->now(), persisted_time_);
  read_heads gone;
  auto expired = expiring_.take_expired(until, sweep_records_max);
  auto kept = std::size_t{0};
  for (const auto& each : expired) {
    if (unsettled_hashes_.contains(each.hash)) {
      // Whether it is counted is not known yet.
      expiring_.add(each);
      ++kept;
      continue;
    }
    if (!retire(each))
      continue; // It has been replaced or moved.
    --key_count_;
    expiries_.remove(each.expires_at);
    ++figures_.expired;
    live_changed_ = true;
    if (args_.expiry_listener)
      gone.records.push_back(
        {segment_of(each.location.segment), each.location, false});
  }
  if (!gone.records.empty())
    announce_expired(std::move(gone));
  // Others get their turn in between.
  if (expired.size() >= sweep_records_max && kept < expired.size())
    caf_compat::tell(this, this, sweep_due{});
}

void shard::note_expired(std::string_view key,
                         const storage::index_entry& older) {
  ++figures_.expired;
  if (!args_.expiry_listener)
    return;
  if (expiry_is_persisted(older))
    announced_.keys.emplace_back(key);
  else if (rewritten_.size() < rewritten_keys_max)
    rewritten_.push_back({older.expires_at, std::string{key}});
}

void shard::announce_rewritten() {
  std::erase_if(rewritten_, [&](auto& each) {
    if (each.first > persisted_time_)
      return false;
    announced_.keys.push_back(std::move(each.second));
    return true;
  });
  send_announced();
}

void shard::send_announced() {
  if (!announced_.keys.empty())
    caf_compat::tell(this, args_.expiry_listener,
                     std::exchange(announced_, {}));
}

bool shard::retire(const storage::expiring_record& expired) {
  // A record that it has replaced could not be read and is in the index, too:
  // it must go on hiding that one.
  return inexact_hashes_.contains(expired.hash)
           ? index_.turn_into_deletion(expired.hash, expired.location)
           : index_.remove(expired.hash, expired.location);
}

void shard::announce_expired(read_heads gone) {
  caf_compat::ask(this, next_reader(), std::move(gone))
    .then(
      [this](const heads_read& found) {
        keys_expired message;
        for (const auto& head : found.heads)
          message.keys.push_back(head.key);
        caf_compat::tell(this, args_.expiry_listener, std::move(message));
      },
      [](const caf::error&) {
        // The node is closing, and nobody listens any more.
      });
}

} // namespace kvs::actors
