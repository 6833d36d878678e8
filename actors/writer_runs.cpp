// How the WRITER stages puts without condition: many at once, so that a put
// whose key is written again in the same turn needs no record of its own.

#include "actors/writer_state.hpp"
#include "storage/planted_bugs.hpp"

#include <algorithm>
#include <span>

namespace kvs::actors {

std::uint64_t writer::room_of_turn() const {
  auto used = log_.staged_bytes() + coalesced_bytes_;
  return storage::turn_value_bytes_max
         - std::min(storage::turn_value_bytes_max, used);
}

void writer::plan_run() {
  run_.clear();
  auto room
    = std::min(room_of_turn(), args_.segment_bytes - log_.next_offset());
  room = std::min(room, room_of_last_segment().value_or(room));
  std::uint64_t bytes = storage::record_head_bytes;
  for (const auto& input : inputs_) {
    const auto* blind = std::get_if<blind_input>(&input);
    if (blind == nullptr || blind->position == blind->batch.operations.size())
      return;
    std::span puts{blind->batch.operations};
    puts = puts.subspan(blind->position);
    slots_.prefetch(puts);
    for (const auto& op : puts) {
      bytes += record_bytes_of(op);
      if (run_.size() == put_run::puts_max || (run_.size() > 0 && bytes > room))
        return;
      run_.add(op);
    }
  }
}

bool writer::stage_run() {
  // Only for a put that can be staged now a segment may have to be sealed.
  if (!std::holds_alternative<blind_input>(inputs_.front())
      || !reservations_.empty() || refusal_of_puts() != nullptr
      || !room_for_record())
    return false;
  plan_run();
  // The record of a replaced put would have come before others of the run. So
  // none of them may survive a crash without the put that replaces it.
  const auto as_batch
    = run_.replaces_any()
      && !storage::is_planted(storage::planted_bug::coalesce_without_batch);
  if (as_batch)
    log_.begin_batch(last_sequence_ + 1);
  for (std::size_t at = 0; at < run_.size(); ++at) {
    auto& input = std::get<blind_input>(inputs_.front());
    auto& batch = input.batch;
    const auto& op = batch.operations[input.position];
    auto& part = part_of(shard_of(op.hash), publication_kind::blind, batch.from,
                         batch.memory);
    if (part.records.capacity() == 0)
      part.records.reserve(batch.operations.size() - input.position);
    if (run_.is_replaced(at))
      coalesce(op, part);
    else
      stage_record(op, storage::record_type::put, take_sequences(1), part);
    if (++input.position == batch.operations.size())
      inputs_.pop_front();
  }
  if (as_batch)
    log_.end_batch();
  const auto is_staged = run_.size() != 0;
  // The operations are gone.
  run_.clear();
  return is_staged;
}

void writer::coalesce(const operation& op, publication_part& part) {
  ++figures_.writes;
  ++figures_.coalesced;
  coalesced_bytes_ += record_bytes_of(op);
  part.records.push_back({op.ref,
                          storage::record_type::put,
                          op.hash,
                          op.key,
                          {{}, take_sequences(1), op.expires_at},
                          op.notes});
}

} // namespace kvs::actors
