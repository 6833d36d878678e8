// What an INDEX SHARD is told by others: publications, segments, figures.

#include "actors/shard_state.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace kvs::actors {
namespace {

std::span<publication_part> take_group(std::span<publication_part>& rest) {
  return take_lookup_group(rest, &publication_part::records);
}

} // namespace

shard::shard(caf::actor_config& config, caf_compat::execution_base* loop,
             shard_args args)
  : caf_compat::pinnable<shard_impl::base>{config, loop},
    args_{std::move(args)}, index_{args_.keys->keys},
    expiring_{args_.keys->expiring}, key_count_{index_.size()},
    applied_up_to_{args_.applied_up_to}, persisted_time_{args_.persisted_time} {
  assert(!args_.readers.empty());
  expiring_.visit_expired(~storage::timestamp_ms{0}, [this](const auto& each) {
    expiries_.add(each.expires_at);
  });
  // Not kept: a file that is deleted takes its space until nobody has it open.
  for (const auto& each : std::exchange(args_.segments, {}))
    add_segment(each);
}

shard::behavior_type shard::make_behavior() {
  caf_compat::tell(this, this, shard_tick_due{});
  if (args_.residency)
    caf_compat::tell(this, args_.residency,
                     use_residency{residency_user_actor{this}});
  return {
    [this](read_batch& batch) {
      read(batch);
      end_turn();
    },
    [this](publish& message) {
      apply(message);
      end_turn();
    },
    [this](evaluate_batch& batch) { accept(batch); },
    [this](const evaluation_due&) {
      evaluate_arrived();
      end_turn();
    },
    [this](const evaluations_rejected& message) {
      for (auto id : message.evaluations)
        reject(id);
      end_turn();
    },
    [this](const evaluations_failed& message) {
      for (auto id : message.evaluations)
        fail(take_sent(id), message.why);
      end_turn();
    },
    [this](const segment_added& message) { add_segment(message.segment); },
    [this](const batch_released& message) {
      release(message);
      end_turn();
    },
    [this](const forget_watches& message) { forget(message); },
    [this](const scan_keys& request) {
      scan(request);
      end_turn();
    },
    [this](const count_keys& request) {
      count(request);
      end_turn();
    },
    [this](const collect_figures& request) { tell_figures(request); },
    [this](const mark_applied& message) {
      waiting_marks_.push_back({message.sequence, last_unsettled_});
      answer_marks();
    },
    [this](const count_live&) { return count_segments(); },
    [this](const query_liveness& query) { return judge(query); },
    [this](const locate_live& query) { return locate(query); },
    [this](apply_moves& message) { return move(message); },
    [this](const forget_segments& message) {
      for (auto id : message.segments)
        segments_.erase(static_cast<std::uint32_t>(id));
      return segments_forgotten{};
    },
    [this](const stop_shard&) { return stop(); },
    [this](const memory_granted& message) {
      read_reserved(message);
      end_turn();
    },
    [this](const memory_refused&) {
      refuse_reserved();
      end_turn();
    },
    [this](const shard_tick_due&) {
      tick();
      end_turn();
    },
    [this](const sweep_due&) {
      if (!stop_promise_)
        sweep();
      end_turn();
    },
    [this](const segment_resident& message) { look_at(message); },
    [this](const release_segment& message) {
      look_away(message.segment);
      return segment_released{};
    },
  };
}

void shard::prefetch_index(std::span<const publication_part> parts) const {
  for (const auto& part : parts)
    prefetch(part.records);
}

void shard::prefetch_records(std::span<const publication_part> parts) {
  for (const auto& part : parts)
    find_heads(part.records);
  prefetch_heads();
}

void shard::prefetch_heads() {
  // Nothing else in between: so the processor looks several of their pages up
  // at the same time.
  for (const auto& head : record_heads_)
    storage::prefetch(head.data());
  for (const auto& head : record_heads_)
    storage::prefetch(&head.back());
  record_heads_.clear();
}

void shard::apply(publish& message) {
  durable_version_ = std::max(durable_version_, message.durable_version);
  // While one group of parts is applied, the memory for the next ones is on
  // its way.
  std::span rest{message.parts};
  auto current = take_group(rest);
  prefetch_index(current);
  auto next = take_group(rest);
  prefetch_index(next);
  prefetch_records(current);
  while (!current.empty()) {
    auto later = take_group(rest);
    prefetch_index(later);
    prefetch_records(next);
    for (auto& part : current)
      apply_part(part);
    current = std::exchange(next, later);
  }
  applied_up_to_ = std::max(applied_up_to_, message.applied_up_to);
  live_changed_ = true;
}

void shard::apply_part(publication_part& part) {
  switch (part.kind) {
    case publication_kind::blind: {
      auto& answers = outbox_.to(part.session, applied_up_to_).answers;
      answers.reserve(answers.size() + part.records.size());
      for (const auto& record : part.records) {
        if (record.entry.location.size_bytes != 0)
          apply_record(record, std::nullopt);
        answer reply;
        reply.ref = record.ref;
        reply.applied = true;
        reply.version = record.entry.sequence;
        reply.expires_at = record.entry.expires_at;
        answers.push_back(std::move(reply));
      }
      return;
    }
    case publication_kind::evaluated:
      for (const auto& record : part.records) {
        apply_record(record, sent_.at(record.ref.id)->replaced);
        applied_up_to_ = std::max(applied_up_to_, record.entry.sequence);
        publish_evaluated(record);
      }
      return;
    case publication_kind::atomic:
      for (const auto& record : part.records)
        apply_record(record, std::nullopt);
      return hold_batch(part);
    case publication_kind::flush:
      // Publications come in the order of the log.
      index_.clear();
      expiring_.clear();
      expiries_ = {};
      key_count_ = 0;
      inexact_hashes_.clear();
      ++flushes_;
      flushed_below_ = part.sequence;
      return hold_batch(part);
  }
}

void shard::hold_batch(const publication_part& part) {
  if (part.batch_id == 0) // No other shard takes part.
    return;
  auto& hashes = held_batches_[part.batch_id];
  for (const auto& record : part.records) {
    hashes.push_back(record.hash);
    ++held_keys_[record.hash];
  }
  if (part.kind == publication_kind::flush)
    ++held_flush_count_;
  caf_compat::tell(this, args_.writer, batch_applied{part.batch_id});
}

void shard::release(const batch_released& message) {
  auto it = held_batches_.find(message.batch_id);
  if (it == held_batches_.end())
    return;
  if (it->second.empty())
    --held_flush_count_;
  for (auto hash : it->second)
    if (auto held = held_keys_.find(hash); --held->second == 0)
      held_keys_.erase(held);
  held_batches_.erase(it);
  while (!parked_.empty()
         && (held_batches_.empty()
             || parked_.front().batch_id < held_batches_.begin()->first)) {
    caf_compat::tell(this, parked_.front().session,
                     std::move(parked_.front().message));
    parked_.pop_front();
  }
  while (held_batches_.empty() && !held_scans_.empty()) {
    scan(held_scans_.front());
    held_scans_.pop_front();
  }
}

bool shard::is_held(storage::key_hash hash) const {
  return held_flush_count_ > 0
         || (!held_keys_.empty() && held_keys_.contains(hash));
}

outbox& shard::box_for(storage::key_hash hash, bool expiry_is_persisted) {
  if (!expiry_is_persisted)
    return timed_next_;
  return is_held(hash) ? held_ : outbox_;
}

void shard::park(outbox& box) {
  auto last = held_batches_.rbegin()->first;
  box.take([&](const session_actor& session, operations_answered message) {
    message.durable_version = durable_version_;
    parked_.push_back({last, session, std::move(message)});
  });
}

void shard::tell_figures(const collect_figures& request) {
  figures_collected reply;
  reply.ref = request.ref;
  reply.figures = {
    {"keys", key_count_},
    {"keys_expiring", expiries_.count},
    {"ttl_sum_s", expiries_.remaining_s(args_.clock->now())},
    {"reads", figures_.reads},
    {"cold_reads", figures_.cold_reads},
    {"evaluations", figures_.evaluations},
    {"evaluations_rejected", figures_.rejections},
    {"keys_expired", figures_.expired},
  };
  caf_compat::tell(this, request.from, std::move(reply));
}

void shard::end_turn() {
  send_outgoing();
  send_announced();
  if (!timed_next_.empty() && !time_requested_) {
    std::swap(timed_, timed_next_);
    request_time();
  }
  if (!timed_scans_.empty())
    request_time();
  if (!held_.empty())
    park(held_);
  outbox_.send(this, durable_version_);
  if (stop_promise_ && unsettled_.empty())
    finish_stop();
}

shard_actor spawn_shard(caf::actor_system& system, shard_args args) {
  return system.spawn<shard>(caf_compat::on_scheduler, std::move(args));
}

} // namespace kvs::actors
