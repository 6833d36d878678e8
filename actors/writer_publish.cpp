// When the WRITER lets records be seen: syncs, groups, failures.

#include "actors/writer_state.hpp"
#include "storage/planted_bugs.hpp"

#include <algorithm>
#include <cassert>

namespace kvs::actors {
namespace {

using storage::is_planted;
using storage::planted_bug;

/// The log counts as idle after this; then a mark makes its last group
/// provable (docs/log_format.md).
constexpr std::chrono::milliseconds idle_delay{500};

constexpr std::chrono::milliseconds flush_retry_period{200};

failure unknown_after(const failure& why) {
  return make_failure(
    outcome::outcome_unknown,
    "the write is in the log but may not survive a restart: "
      + (why.detail ? *why.detail : std::string{"the disk failed"}));
}

} // namespace

void writer::note_unsynced() {
  if (unsynced_.empty() || unsynced_.back() != log_.target())
    unsynced_.push_back(log_.target());
}

void writer::group_written(written_group group) {
  // A sync failed while a large record was being written: nobody will sync it.
  if (read_only_)
    return fail_group(group, unknown_after(*read_only_));
  if (group.flush_sequence != 0)
    flush_to_record_ = {group.end, group.flush_sequence};
  unpublished_.push_back(std::move(group));
  if (written_end_ > durable_) {
    note_unsynced();
    if (args_.mode == sync_mode::always)
      request_sync();
    else if (args_.mode == sync_mode::interval)
      arm_sync_timer();
  }
  // A rollover asks for this sync too, but not while another one is running.
  if (unpublished_.back().barrier > durable_)
    request_sync();
  publish_ready();
}

void writer::arm_sync_timer() {
  auto now = this->clock().now();
  if (!oldest_unsynced_)
    oldest_unsynced_ = now;
  if (sync_timer_armed_ || syncing_)
    return;
  // Half the interval is for waiting, half for the sync itself.
  sync_timer_armed_ = true;
  auto due = *oldest_unsynced_ + args_.sync_interval / 2;
  caf_compat::tell_after(
    this, this, due > now ? due - now : caf::actor_clock::duration_type{0},
    sync_due{});
}

bool writer::may_publish(const written_group& group) const {
  if (args_.mode == sync_mode::always)
    return group.end <= durable_ || is_planted(planted_bug::acknowledge_early);
  if (group.barrier > durable_)
    return false;
  // When the disk is slower than the interval, writes wait for it.
  return args_.mode == sync_mode::none || !oldest_unsynced_
         || group.end <= durable_
         || this->clock().now() - *oldest_unsynced_ < args_.sync_interval;
}

void writer::publish_ready() {
  while (!unpublished_.empty() && may_publish(unpublished_.front())) {
    auto group = std::move(unpublished_.front());
    unpublished_.pop_front();
    publish_group(group);
  }
  // What had no room may have waited for this.
  if (!inputs_.empty())
    schedule_commit();
  try_finish_stop();
}

void writer::publish_group(written_group& group) {
  last_published_sequence_ = group.last_sequence;
  for (std::size_t at = 0; at < shards_.size(); ++at) {
    if (!group.per_shard[at].empty())
      caf_compat::tell(this, shards_[at],
                       publish{std::move(group.per_shard[at]),
                               group.last_sequence, durable_version_});
    if (!group.rejected[at].empty())
      caf_compat::tell(this, shards_[at],
                       evaluations_rejected{std::move(group.rejected[at])});
  }
  for (auto& [session, ref] : group.rejected_transactions)
    caf_compat::tell(this, session, transaction_rejected{ref});
  for (auto& atomic : group.atomics) {
    if (atomic.batch_id == 0)
      answer_write(atomic);
    else
      applying_.emplace(atomic.batch_id, atomic);
  }
}

void writer::fail_group(written_group& group, const failure& why) {
  for (std::size_t at = 0; at < shards_.size(); ++at) {
    evaluations_failed failed{std::move(group.rejected[at]), why};
    for (const auto& part : group.per_shard[at]) {
      for (const auto& record : part.records) {
        if (part.kind == publication_kind::blind)
          outbox_.fail(part.session, record.ref, why);
        else if (part.kind == publication_kind::evaluated)
          failed.evaluations.push_back(record.ref.id);
      }
    }
    if (!failed.evaluations.empty())
      caf_compat::tell(this, shards_[at], std::move(failed));
  }
  for (const auto& atomic : group.atomics)
    outbox_.fail(atomic.session, atomic.ref, why);
  for (const auto& [session, ref] : group.rejected_transactions) {
    release_transaction(session, ref);
    outbox_.fail(session, ref, why);
  }
}

void writer::request_sync() {
  auto has_news = !unsynced_.empty() && written_end_ > durable_;
  if (syncing_ || read_only_ || (!has_news && refused_.empty()))
    return;
  syncing_ = true;
  refused_before_sync_ = refused_.size();
  sync_began_ = this->clock().now();
  caf_compat::ask(this, args_.syncer,
                  sync_up_to{unsynced_, written_end_, last_complete_sequence()})
    .then(
      [this](const log_synced& reply) {
        synced(reply);
        end_turn();
      },
      [this](const caf::error&) {
        fail_store(make_failure(outcome::io_error, "the SYNCER is gone"));
        end_turn();
      });
}

storage::sequence_number writer::last_complete_sequence() const {
  return unpublished_.empty() ? last_published_sequence_
                              : unpublished_.back().last_sequence;
}

void writer::synced(const log_synced& reply) {
  syncing_ = false;
  if (reply.error.code != outcome::ok)
    return fail_store(reply.error);
  ++figures_.syncs;
  durable_ = reply.end;
  durable_version_ = std::max(durable_version_, reply.sequence);
  if (log_.target()->id() == durable_.segment)
    log_.durable_to(durable_.offset_bytes);
  settle_refused();
  // The cut of one that is left is in one of these files.
  if (refused_.empty())
    std::erase_if(unsynced_, [this](const auto& each) {
      return each->id() < durable_.segment
             || (each->id() == durable_.segment && written_end_ <= durable_);
    });
  oldest_unsynced_.reset();
  if (written_end_ > durable_) {
    // What was written since is at most as old as the sync that just ended.
    oldest_unsynced_ = sync_began_;
    if (args_.mode == sync_mode::interval)
      arm_sync_timer();
  } else {
    arm_idle_mark();
  }
  record_durable_flush();
  seal_synced_segments();
  settle_sync_waiters(nullptr);
  publish_ready();
  auto barrier_waits = !unpublished_.empty() || !sync_waiters_.empty()
                       || !refused_.empty() || predecessor_end_ > durable_;
  if (args_.mode == sync_mode::always || barrier_waits || stop_promise_)
    request_sync();
}

void writer::settle_refused() {
  for (; refused_before_sync_ > 0; --refused_before_sync_) {
    fail_group(refused_.front().group, refused_.front().why);
    refused_.pop_front();
  }
}

void writer::record_durable_flush() {
  if (!flush_to_record_ || flush_to_record_->first > durable_)
    return;
  caf_compat::ask(this, args_.catalog, record_flush{flush_to_record_->second})
    .then(
      [this,
       sequence = flush_to_record_->second](const catalog_updated& reply) {
        if (reply.is_final)
          fail_store(reply.error);
        else if (reply.error.code != outcome::ok)
          caf_compat::tell_after(this, this, flush_retry_period,
                                 segment_retry_due{});
        else
          flush_was_recorded(sequence);
        end_turn();
      },
      [this](const caf::error&) {
        fail_store(make_failure(outcome::io_error, "the CATALOG is gone"));
        end_turn();
      });
}

void writer::flush_was_recorded(storage::sequence_number sequence) {
  recorded_flush_ = std::max(recorded_flush_, sequence);
  if (flush_to_record_ && flush_to_record_->second <= sequence)
    flush_to_record_.reset();
  settle_sync_waiters(nullptr);
}

void writer::fail_store(const failure& why) {
  if (read_only_)
    return;
  read_only_ = why;
  auto unknown = unknown_after(why);
  for (auto& group : std::exchange(unpublished_, {}))
    fail_group(group, unknown);
  for (auto& each : std::exchange(refused_, {}))
    fail_group(each.group, unknown);
  if (group_ && !writing_) {
    fail_group(*group_, unknown);
    group_.reset();
  }
  settle_sync_waiters(&unknown);
  settle_seal_waiters(why);
  // What waits for a reservation becomes input, which the next turn refuses.
  release_matching([](const slot_reservation&) { return true; });
  schedule_commit();
  if (args_.on_failure)
    args_.on_failure(why);
  try_finish_stop();
}

void writer::arm_idle_mark() {
  if (idle_mark_armed_ || written_end_ == last_mark_end_)
    return;
  idle_mark_armed_ = true;
  caf_compat::tell_after(this, this, idle_delay, idle_mark_due{written_end_});
}

void writer::add_idle_mark(const idle_mark_due& note) {
  idle_mark_armed_ = false;
  if (read_only_ || stopping_ || writing_ || group_)
    return;
  if (written_end_ != note.end || durable_ != note.end) {
    if (durable_ == written_end_)
      arm_idle_mark();
    return;
  }
  // Nobody waits for the mark, so it needs no sync; if it does not fit on
  // the disk, the last group is merely not provable.
  log_.add_bare(storage::record_type::mark, last_sequence_);
  if (auto done = log_.write_staged(storage::turn_value_bytes_max); !done) {
    if (log_.is_broken())
      fail_store(to_failure(done.error()));
    return;
  }
  written_end_ = {log_.target()->id(), log_.end_bytes()};
  last_mark_end_ = written_end_;
  note_unsynced();
}

void writer::batch_was_applied(std::uint64_t batch_id) {
  auto it = applying_.find(batch_id);
  assert(it != applying_.end());
  if (--it->second.shards_left > 0)
    return;
  for (const auto& each : shards_)
    caf_compat::tell(this, each, batch_released{batch_id});
  answer_write(it->second);
  applying_.erase(it);
  try_finish_stop();
}

void writer::answer_write(const atomic_write& done) {
  answer reply;
  reply.ref = done.ref;
  reply.applied = true;
  reply.version = done.version;
  outbox_.to(done.session).answers.push_back(std::move(reply));
}

caf::result<log_made_durable> writer::sync_for_actor() {
  auto promise = this->make_response_promise<log_made_durable>();
  if (read_only_) {
    promise.deliver(log_made_durable{*read_only_});
    return promise;
  }
  // A compaction may drop the record of a flush once this is answered.
  auto flush = flush_to_record_ ? flush_to_record_->second : 0;
  sync_waiters_.push_back({written_end_, {}, {}, promise, flush});
  request_sync();
  settle_sync_waiters(nullptr);
  return promise;
}

void writer::settle_sync_waiters(const failure* error) {
  std::erase_if(sync_waiters_, [&](sync_waiter& each) {
    auto done = each.end <= durable_ && each.flush_sequence <= recorded_flush_;
    if (error == nullptr && !done)
      return false;
    if (each.promise)
      each.promise->deliver(
        log_made_durable{error != nullptr ? *error : failure{}});
    else if (error != nullptr)
      outbox_.fail(each.session, each.ref, *error);
    else
      answer_write({each.session, each.ref, durable_version_, 0, 0});
    return true;
  });
}

} // namespace kvs::actors
