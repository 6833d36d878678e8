// The WRITER's mailbox and its turns: what arrives is collected, and one turn
// appends all of it with one write call.

#include "actors/writer_state.hpp"

#include <cassert>
#include <iterator>

namespace kvs::actors {
namespace {

failure refused_read_only(const failure& why) {
  return make_failure(outcome::read_only,
                      "the store takes no writes since: "
                        + (why.detail ? *why.detail : std::string{"?"}));
}

} // namespace

writer::writer(caf::actor_config& config, caf_compat::execution_base* loop,
               writer_args args)
  : caf_compat::pinnable<writer_impl::base>{config, loop},
    args_{std::move(args)}, pace_{args_.segment_bytes},
    log_{args_.active, storage::segment_header_bytes}, next_{args_.next},
    last_sequence_{args_.last_sequence},
    written_end_{args_.active->id(), storage::segment_header_bytes},
    last_published_sequence_{args_.last_sequence}, durable_{written_end_},
    durable_version_{args_.last_sequence}, last_mark_end_{written_end_} {
  // A file that is deleted takes its space until nobody has it open.
  args_.active = nullptr;
  args_.next = nullptr;
  start_segment_entry();
}

writer::behavior_type writer::make_behavior() {
  return {
    [this](append_batch& batch) { accept(blind_input{std::move(batch)}); },
    [this](append_evaluated& batch) {
      accept(evaluated_input{std::move(batch)});
    },
    [this](const commit_due&) {
      commit_scheduled_ = false;
      commit();
      end_turn();
    },
    [this](const batch_applied& message) {
      batch_was_applied(message.batch_id);
      end_turn();
    },
    [this](const manifest_failed& message) {
      fail_store(message.why);
      end_turn();
    },
    [this](append_atomic& request) { accept(std::move(request)); },
    [this](const withdraw_evaluation& message) {
      auto it = reservations_.find(storage::slot_of(message.hash));
      if (it != reservations_.end() && !it->second.session
          && it->second.hash == message.hash)
        release_reservation(it->first);
      end_turn();
    },
    [this](const withdraw_transaction& message) {
      release_transaction(message.from, message.ref);
      end_turn();
    },
    [this](place_cut& cut) { place(cut); },
    [this](const count_at_cut& request) {
      for (std::uint32_t at = 0; at < shards_.size(); ++at)
        caf_compat::tell(this, shards_[at],
                         count_keys{request.from, {request.ref.id, at}});
    },
    [this](flush_store& request) { accept(std::move(request)); },
    [this](sync_now& request) { accept(std::move(request)); },
    [this](const collect_figures& request) { tell_figures(request); },
    [this](const mark_published&) {
      // Everything that has been published lies before this message in each
      // shard's mailbox.
      for (const auto& each : shards_)
        caf_compat::tell(this, each, mark_applied{last_published_sequence_});
    },
    [this](const compaction_debt& debt) { note_debt(debt); },
    [this](const rest_over&) {
      resting_ = false;
      schedule_commit();
    },
    [this](const connect_writer& message) {
      shards_ = message.shards;
      last_of_shard_.assign(shards_.size(), last_sequence_);
      committed_of_shard_ = last_of_shard_;
      compactor_ = message.compactor;
      for (const auto& each : shards_)
        caf_compat::tell(this, each, segment_added{log_.target()});
      keep_active_resident();
      request_segment();
    },
    [this](const seal_active&) -> caf::result<log_made_durable> {
      auto promise = this->make_response_promise<log_made_durable>();
      accept(seal_input{promise});
      return promise;
    },
    [this](const sync_log&) { return sync_for_actor(); },
    [this](const stop_writer& request) { return stop(request); },
    [this](const sync_due&) {
      sync_timer_armed_ = false;
      request_sync();
    },
    [this](const idle_mark_due& note) { add_idle_mark(note); },
    [this](const segment_retry_due&) {
      seal_synced_segments();
      record_durable_flush();
      request_segment();
    },
    [this](const reserving_session_gone& note) {
      release_session(note.session);
      end_turn();
    },
  };
}

void writer::accept(writer_input input) {
  if (read_only_ || stopping_) {
    refuse(input, read_only_ ? refused_read_only(*read_only_)
                             : make_failure(outcome::shutting_down,
                                            "the node is closing; nothing "
                                            "was written"));
    return end_turn();
  }
  inputs_.push_back(std::move(input));
  schedule_commit();
}

void writer::schedule_commit() {
  // The note lands behind everything that is in the mailbox now, so a turn
  // takes all of it.
  if (commit_scheduled_)
    return;
  commit_scheduled_ = true;
  caf_compat::tell(this, this, commit_due{});
}

void writer::refuse(writer_input& input, const failure& why) {
  if (auto* blind = std::get_if<blind_input>(&input)) {
    auto& ops = blind->batch.operations;
    for (auto at = blind->position; at < ops.size(); ++at)
      outbox_.fail(blind->batch.from, ops[at].ref, why);
  } else if (auto* evaluated = std::get_if<evaluated_input>(&input)) {
    evaluations_failed message{{}, why};
    auto& records = evaluated->batch.records;
    for (auto at = evaluated->position; at < records.size(); ++at)
      message.evaluations.push_back(records[at].evaluation);
    caf_compat::tell(this, shards_[evaluated->batch.shard], std::move(message));
  } else if (auto* atomic = std::get_if<append_atomic>(&input)) {
    release_transaction(atomic->from, atomic->ref);
    outbox_.fail(atomic->from, atomic->ref, why);
  } else if (auto* flush = std::get_if<flush_store>(&input)) {
    outbox_.fail(flush->from, flush->ref, why);
  } else if (auto* sync = std::get_if<sync_now>(&input)) {
    outbox_.fail(sync->from, sync->ref, why);
  } else if (auto* seal = std::get_if<seal_input>(&input)) {
    seal->promise.deliver(log_made_durable{why});
  }
}

void writer::commit() {
  if (writing_)
    return continue_write();
  if (read_only_) {
    for (auto& input : std::exchange(inputs_, {}))
      refuse(input, refused_read_only(*read_only_));
    return try_finish_stop();
  }
  if (resting_)
    return;
  // What was there before is full but for a few records.
  if (erases_only_ && next_ != nullptr && !roll_over())
    return;
  building_before_ = building_;
  coalesced_bytes_ = 0;
  auto blocked = false;
  while (!blocked && !inputs_.empty() && room_of_turn() > 0) {
    if (stage_run())
      continue;
    // Staging may put what waited for a reservation at the front.
    auto input = std::move(inputs_.front());
    inputs_.pop_front();
    blocked = !stage(input);
    if (blocked)
      inputs_.push_front(std::move(input));
  }
  if (group_) {
    writing_ = true;
    return continue_write();
  }
  if (blocked && segment_failure_ && !waits_for_space()) {
    auto refused = std::exchange(inputs_, {});
    for (auto& input : refused)
      refuse(input, *segment_failure_);
  }
  try_finish_stop();
}

void writer::continue_write() {
  if (log_.has_staged()) {
    ++figures_.write_calls;
    auto done = log_.write_staged(storage::turn_value_bytes_max);
    if (!done)
      return write_failed(to_failure(done.error()));
    if (!*done)
      return schedule_commit();
  }
  writing_ = false;
  rest_after(log_.end_bytes() - written_end_.offset_bytes);
  slots_.commit();
  committed_of_shard_ = last_of_shard_;
  written_end_ = {log_.target()->id(), log_.end_bytes()};
  auto group = std::move(*group_);
  group_.reset();
  group.end = written_end_;
  group.last_sequence = last_sequence_;
  group_written(std::move(group));
  extend_resident_segment(storage::mebibyte);
  if (!inputs_.empty())
    schedule_commit();
  try_finish_stop();
}

void writer::rest_after(std::uint64_t bytes) {
  auto unsealed = log_.end_bytes();
  for (const auto& [id, each] : uncounted_)
    unsealed += each;
  if (!has_told_slow_ && compactor_ && pace_.waits_for_compaction(unsealed)) {
    has_told_slow_ = true;
    caf_compat::tell(this, compactor_, writes_slowed{});
  }
  auto rest = pace_.after_writing(bytes, unsealed, room_of_last_segment());
  if (rest.count() == 0 || stopping_)
    return;
  resting_ = true;
  caf_compat::tell_after(this, this, rest, rest_over{});
}

void writer::note_debt(const compaction_debt& debt) {
  pace_.set_debt(debt.bytes);
  has_told_slow_ = false;
  std::erase_if(uncounted_, [&](const auto& each) {
    return each.first <= debt.counted_up_to;
  });
}

void writer::write_failed(const failure& why) {
  writing_ = false;
  // A start may find what could not be cut off.
  if (log_.is_broken())
    return fail_store(why);
  slots_.roll_back();
  last_of_shard_ = committed_of_shard_;
  building_ = building_before_;
  refused_.push_back({std::move(*group_), why});
  group_.reset();
  note_unsynced();
  request_sync();
  if (!inputs_.empty())
    schedule_commit();
  try_finish_stop();
}

void writer::place(const place_cut& cut) {
  assert(cut.per_shard.size() <= shards_.size());
  for (std::size_t at = 0; at < cut.per_shard.size(); ++at)
    if (!cut.per_shard[at].empty())
      caf_compat::tell(this, shards_[at],
                       read_batch{cut.from, cut.per_shard[at], cut.memory});
}

void writer::tell_figures(const collect_figures& request) {
  figures_collected reply;
  reply.ref = request.ref;
  reply.figures = {
    {"writes", figures_.writes},
    {"written_bytes", figures_.bytes},
    {"write_calls", figures_.write_calls},
    {"syncs", figures_.syncs},
    {"writes_rejected", figures_.rejections},
    {"writes_coalesced", figures_.coalesced},
    {"segments_sealed", figures_.rollovers},
    {"is_read_only", read_only_ ? 1u : 0u},
    {"last_version", last_sequence_},
    {"durable_version", durable_version_},
  };
  caf_compat::tell(this, request.from, std::move(reply));
}

void writer::release_reservation(std::uint32_t slot) {
  auto it = reservations_.find(slot);
  if (it == reservations_.end())
    return;
  auto waiting = std::move(it->second.waiting);
  reservations_.erase(it);
  inputs_.insert(inputs_.begin(), std::make_move_iterator(waiting.begin()),
                 std::make_move_iterator(waiting.end()));
  if (!inputs_.empty())
    schedule_commit();
}

void writer::release_transaction(const session_actor& session,
                                 request_ref ref) {
  release_matching([&](const slot_reservation& each) {
    return each.session == session && each.ref.id == ref.id;
  });
}

void writer::release_session(const caf::actor_addr& session) {
  watched_.erase(session.id());
  release_matching([&](const slot_reservation& each) {
    return each.session && each.session.address() == session;
  });
}

caf::result<writer_stopped> writer::stop(const stop_writer& request) {
  actor_died_ = request.actor_died;
  stopping_ = true;
  resting_ = false;
  release_matching([](const slot_reservation&) { return true; });
  auto promise = this->make_response_promise<writer_stopped>();
  stop_promise_ = promise;
  schedule_commit();
  return promise;
}

void writer::end_turn() {
  outbox_.send(this, durable_version_);
}

void writer::on_exit() {
  auto why = make_failure(outcome::shutting_down,
                          "the node is closing; nothing was written");
  for (auto& [slot, reservation] : reservations_)
    for (auto& input : reservation.waiting)
      refuse(input, why);
  reservations_.clear();
  for (auto& input : inputs_)
    refuse(input, why);
  inputs_.clear();
  // These are in the log and published; only their shards did not say so yet.
  for (const auto& [id, done] : applying_)
    answer_write(done);
  applying_.clear();
  auto unknown = make_failure(outcome::outcome_unknown,
                              "the node closed before the write was known to "
                              "be on disk");
  if (group_)
    fail_group(*group_, unknown);
  for (auto& group : unpublished_)
    fail_group(group, unknown);
  for (auto& each : refused_)
    fail_group(each.group, unknown);
  settle_sync_waiters(&unknown);
  settle_seal_waiters(why);
  outbox_.send(this, durable_version_);
  if (stop_promise_)
    stop_promise_->deliver(writer_stopped{unknown});
  shards_.clear();
  compactor_ = nullptr;
  args_ = {};
}

writer_actor spawn_writer(caf::actor_system& system, writer_args args) {
  return system.spawn<writer>(caf_compat::on_scheduler, std::move(args));
}

} // namespace kvs::actors
