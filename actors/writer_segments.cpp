// How the WRITER goes from one segment to the next, and how it stops.

#include "actors/writer_state.hpp"

#include <algorithm>
#include <utility>

namespace kvs::actors {

void writer::start_segment_entry() {
  const auto& header = log_.target()->header();
  building_ = {};
  building_.id = header.id;
  building_.kind = storage::segment_kind::log;
  building_.identity = header.context.identity;
  building_.base_sequence = header.context.base_sequence;
}

bool writer::room_for_record(std::uint64_t batch_bytes) {
  if (log_.fits(last_sequence_ + 1, args_.segment_bytes, batch_bytes))
    return true;
  // What is staged belongs to the full segment and is written first.
  return !group_ && roll_over();
}

bool writer::roll_over() {
  if (next_ == nullptr) {
    request_segment();
    return false;
  }
  if (!seal_log())
    return false;
  extend_resident_segment(1);
  ++figures_.rollovers;
  predecessor_end_ = written_end_;
  log_ = storage::log_writer{next_, storage::segment_header_bytes};
  written_end_ = {next_->id(), storage::segment_header_bytes};
  start_segment_entry();
  building_before_ = building_;
  for (const auto& each : shards_)
    caf_compat::tell(this, each, segment_added{next_});
  keep_active_resident();
  next_ = nullptr;
  request_segment();
  request_sync();
  return true;
}

bool writer::seal_log() {
  // Without this record recovery takes what follows in the next segment for
  // unacknowledged, so there is no going on without it.
  log_.add_bare(storage::record_type::seal, last_sequence_);
  auto done = log_.write_staged(storage::turn_value_bytes_max);
  if (!done) {
    segment_failure_ = to_failure(done.error());
    if (log_.is_broken())
      fail_store(*segment_failure_);
    else
      caf_compat::tell_after(this, this, segment_retry_period,
                             segment_retry_due{});
    return false;
  }
  segment_failure_.reset();
  building_.sealed = true;
  building_.end_bytes = log_.end_bytes();
  written_end_ = {log_.target()->id(), log_.end_bytes()};
  note_unsynced();
  sealing_.push_back({building_, log_.target(), false});
  uncounted_.emplace_back(building_.id, building_.end_bytes);
  return true;
}

void writer::keep_active_resident() {
  if (!args_.residency)
    return;
  told_residency_ = log_.end_bytes();
  caf_compat::tell(
    this, args_.residency,
    keep_resident{log_.target(), args_.segment_bytes, told_residency_});
}

void writer::extend_resident_segment(std::uint64_t step_bytes) {
  if (!args_.residency || log_.end_bytes() < told_residency_ + step_bytes)
    return;
  told_residency_ = log_.end_bytes();
  caf_compat::tell(this, args_.residency,
                   extend_resident{log_.target()->id(), told_residency_});
}

void writer::seal_synced_segments() {
  // One after the other, so that the COMPACTOR never knows of a segment while
  // an older one is missing.
  if (sealing_.empty() || sealing_.front().asked)
    return;
  auto& oldest = sealing_.front();
  if (storage::log_position{oldest.entry.id, oldest.entry.end_bytes} > durable_)
    return;
  oldest.asked = true;
  caf_compat::ask(this, args_.catalog, seal_segment{oldest.entry})
    .then(
      [this](const catalog_updated& reply) {
        oldest_was_sealed(reply);
        end_turn();
      },
      [this](const caf::error&) {
        fail_store(make_failure(outcome::io_error, "the CATALOG is gone"));
        end_turn();
      });
}

void writer::oldest_was_sealed(const catalog_updated& reply) {
  auto& oldest = sealing_.front();
  if (reply.is_final)
    return fail_store(reply.error);
  if (reply.error.code != outcome::ok && !stop_promise_) {
    // Nothing is lost: recovery can read a segment that is not listed as
    // sealed. It is tried again, unless there is no time left for it.
    oldest.asked = false;
    caf_compat::tell_after(this, this, segment_retry_period,
                           segment_retry_due{});
    return;
  }
  if (reply.error.code == outcome::ok && compactor_)
    caf_compat::tell(this, compactor_,
                     segment_sealed{oldest.entry, oldest.segment});
  sealing_.pop_front();
  seal_synced_segments();
  if (sealing_.empty())
    settle_seal_waiters({});
  try_finish_stop();
}

void writer::settle_seal_waiters(const failure& error) {
  for (auto& each : std::exchange(seal_waiters_, {}))
    each.promise.deliver(log_made_durable{error, each.sequence});
}

void writer::try_finish_stop() {
  if (!stop_promise_)
    return;
  if (!read_only_) {
    if (!inputs_.empty() || writing_ || group_)
      return;
    if (building_.max_sequence != 0 && !building_.sealed && !seal_log()) {
      // Unless the store has failed meanwhile, and the stop with it.
      if (stop_promise_)
        finish_stop(*segment_failure_);
      return;
    }
    request_sync();
    // A shard that has died will never say that it applied its part.
    auto applying = !applying_.empty() && !actor_died_;
    if (!unpublished_.empty() || !refused_.empty() || !sealing_.empty()
        || applying)
      return;
  }
  finish_stop(read_only_.value_or(failure{}));
}

void writer::finish_stop(const failure& error) {
  stop_promise_->deliver(writer_stopped{error});
  stop_promise_.reset();
  end_turn();
  this->quit();
}

} // namespace kvs::actors
