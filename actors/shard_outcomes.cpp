// What becomes of the evaluations of an INDEX SHARD: their records go to the
// WRITER and come back published, rejected or failed.

#include "actors/shard_state.hpp"

#include <cassert>
#include <utility>

namespace kvs::actors {
namespace {

/// An evaluation that has ended keeps memory for so many operations, …
constexpr std::size_t spare_operations_max = 4;
/// … and so many are kept: what many clients with full pipelines have under
/// way, 4 MiB at most.
constexpr std::size_t spare_evaluations_max = 4096;

template <class T>
void clear_and_limit(std::vector<T>& all) {
  if (all.capacity() > spare_operations_max)
    all = {};
  all.clear();
}

/// Moves on those who can be decided in one turn.
void fill_round(evaluation& current) {
  std::uint64_t total = 0;
  for (const auto& each : current.running)
    total += each.op.value.size();
  auto next = current.waiting.begin();
  for (; next != current.waiting.end(); ++next) {
    total += next->op.value.size();
    if (!current.running.empty() && total > storage::turn_value_bytes_max)
      break;
    current.running.push_back(std::move(*next));
  }
  current.waiting.erase(current.waiting.begin(), next);
}

} // namespace

void shard::settle(const evaluation_ptr& current) {
  auto& result = *current->result;
  if (result.change_count() == 0) {
    withdraw(*current);
    return complete(current, 0);
  }
  const auto& after = result.state();
  keep_sent(current);
  evaluated_record record;
  record.evaluation = current->id;
  record.type = after.present ? storage::record_type::put
                              : storage::record_type::tombstone;
  record.hash = current->key.hash;
  record.key = current->key.bytes;
  record.value = after.value;
  record.value_crc = after.value_crc;
  record.expires_at = after.expires_at;
  record.change_count = result.change_count();
  record.evaluated_at = current->evaluated_at;
  record.rejection_count = current->rejection_count;
  record.notes.is_unnoticed = !result.is_noticed();
  record.notes.was_made = result.was_made();
  record.notes.was_alive = current->was_alive;
  outgoing_.records.push_back(record);
  // Everything that the record's bytes may lie in.
  for (const auto& pending : current->running)
    outgoing_.memory.add(pending.memory);
  outgoing_.memory.add(after.memory);
  outgoing_.memory.add(current->charge);
}

void shard::keep_sent(const evaluation_ptr& current) {
  if (unsent_.empty()) {
    unsent_.push_back(sent_.size());
    sent_.emplace_back();
  }
  current->id = unsent_.back();
  unsent_.pop_back();
  sent_[current->id] = current;
}

evaluation_ptr shard::take_sent(std::uint64_t id) {
  // The WRITER settles every evaluation exactly once.
  assert(sent_[id] != nullptr);
  unsent_.push_back(id);
  return std::exchange(sent_[id], nullptr);
}

void shard::publish_evaluated(const published_record& record) {
  complete(take_sent(record.ref.id), record.entry.sequence);
}

void shard::reject(std::uint64_t id) {
  ++figures_.rejections;
  auto current = take_sent(id);
  ++current->rejection_count;
  fill_round(*current);
  start(current);
}

void shard::fail(const evaluation_ptr& current, const failure& why) {
  for (auto& pending : current->running)
    outbox_.fail(pending.session, pending.op.ref, why);
  withdraw(*current);
  end_round(current);
}

void shard::withdraw(const evaluation& ended) {
  // Only a rejected evaluation may have keys reserved for it.
  if (ended.rejection_count > 0)
    caf_compat::tell(this, args_.writer, withdraw_evaluation{ended.key.hash});
}

void shard::complete(const evaluation_ptr& current,
                     storage::sequence_number version) {
  for (std::size_t at = 0; at < current->running.size(); ++at) {
    auto& reply = current->answers[at];
    current->result->settle_version(reply, version);
    box_for(current->key.hash, !current->reports_new_expiry)
      .to(current->running[at].session, applied_up_to_)
      .answers.push_back(std::move(reply));
  }
  end_round(current);
}

void shard::end_round(const evaluation_ptr& current) {
  auto it = evaluations_.find(current->key);
  assert(it != evaluations_.end());
  evaluations_.erase(it);
  clear_and_limit(current->running);
  clear_and_limit(current->answers);
  current->result.reset();
  current->charge.reset();
  current->rejection_count = 0;
  if (!current->waiting.empty()) {
    fill_round(*current);
    const auto& first = current->running.front().op;
    current->key = {first.hash, first.key};
    evaluations_.emplace(current->key, current);
    return start(current);
  }
  clear_and_limit(current->waiting);
  if (spare_evaluations_.size() < spare_evaluations_max)
    spare_evaluations_.push_back(current);
}

void shard::send_outgoing() {
  if (outgoing_.records.empty())
    return;
  outgoing_.shard = args_.shard_index;
  caf_compat::tell(this, args_.writer, std::move(outgoing_));
  outgoing_ = append_evaluated{};
}

} // namespace kvs::actors
