// How an INDEX SHARD serves reads.

#include "actors/shard_state.hpp"

#include <algorithm>
#include <cassert>

namespace kvs::actors {
namespace {

/// Values that one batch of reads has read here, all together, roughly.
constexpr std::size_t inline_batch_bytes = 1024 * 1024;

answer value_answer(const operation& op, const storage::index_entry& entry) {
  answer reply;
  reply.ref = op.ref;
  reply.applied = true;
  reply.existed = true;
  reply.version = entry.sequence;
  reply.expires_at = entry.expires_at;
  return reply;
}

} // namespace

void shard::read(read_batch& batch) {
  figures_.reads += batch.operations.size();
  prefetch(batch.operations);
  // First pass: look everything up, so that one buffer serves the whole batch.
  struct looked_up {
    std::size_t end = 0;
    std::size_t inline_bytes = 0;
  };
  std::vector<looked_up> lookups;
  lookups.reserve(batch.operations.size());
  candidates_.clear();
  std::size_t buffer_bytes = 0;
  for (const auto& op : batch.operations) {
    auto begin = candidates_.size();
    index_.find(op.hash, candidates_);
    for (auto at = begin; at < candidates_.size(); ++at)
      prefetch_bytes(resident_at(candidates_[at].location));
    looked_up found{candidates_.size(), 0};
    if (op.kind == operation_kind::get && found.end > begin
        && candidates_[begin].location.size_bytes <= inline_read_bytes_max
        && buffer_bytes < inline_batch_bytes) {
      // At least a head, for a deletion that has no size.
      found.inline_bytes = std::max<std::size_t>(
        candidates_[begin].location.size_bytes, storage::match_bytes(op.key));
      buffer_bytes += found.inline_bytes;
    }
    lookups.push_back(found);
  }
  auto buffer = std::make_shared_for_overwrite<std::byte[]>(buffer_bytes);
  std::size_t used_bytes = 0;
  pending_operation wanted{batch.from, {}, batch.memory};
  outbox_.to(batch.from, applied_up_to_)
    .answers.reserve(batch.operations.size());
  std::size_t begin = 0;
  for (std::size_t at = 0; at < batch.operations.size(); ++at) {
    wanted.op = batch.operations[at];
    auto [end, inline_bytes] = lookups[at];
    auto candidates = std::span{candidates_}.subspan(begin, end - begin);
    begin = end;
    auto target = inline_bytes > 0
                    ? std::span{buffer.get() + used_bytes, inline_bytes}
                    : head_buffer(wanted.op.key);
    used_bytes += inline_bytes;
    auto found = resolve_now(candidates, wanted.op.key, target);
    if (found.what == resolved_key::kind::elsewhere)
      read_cold(wanted, candidates);
    else
      answer_read(wanted, found, buffer);
  }
}

void shard::answer_read(const pending_operation& wanted,
                        const resolved_key& found, const memory_owner& memory) {
  const auto& entry = found.entry;
  if (found.what == resolved_key::kind::failed)
    return outbox_.fail(wanted.session, wanted.op.ref, found.error);
  auto is_there = found.what == resolved_key::kind::found;
  if (!is_there || has_expired(entry)) {
    answer absent;
    absent.ref = wanted.op.ref;
    add_watch(wanted.op, false, absent);
    box_for(wanted.op.hash, !is_there || expiry_is_persisted(entry))
      .to(wanted.session, applied_up_to_)
      .answers.push_back(std::move(absent));
    return;
  }
  if (wanted.op.kind != operation_kind::get) {
    auto present = value_answer(wanted.op, entry);
    add_watch(wanted.op, true, present);
    box_for(wanted.op.hash)
      .to(wanted.session, applied_up_to_)
      .answers.push_back(std::move(present));
    return;
  }
  // All of it is there, or the session has it read when it has room for it.
  if (found.record.size() < entry.location.size_bytes)
    return point_to_value(wanted, found);
  const auto& from = *segment_of(found);
  auto value = storage::verify_record(from, entry.location.offset_bytes,
                                      found.record, wanted.op.key);
  if (!value)
    return outbox_.fail(wanted.session, wanted.op.ref,
                        to_failure(value.error()));
  auto& message = box_for(wanted.op.hash).to(wanted.session, applied_up_to_);
  message.memory.add(memory);
  message.answers.push_back(value_answer(wanted.op, entry));
  message.answers.back().value = *value;
}

void shard::point_to_value(const pending_operation& wanted,
                           const resolved_key& found) {
  auto reply = value_answer(wanted.op, found.entry);
  reply.stored = std::make_shared<const stored_value>(stored_value{
    segment_of(found), found.entry.location, std::string{wanted.op.key}});
  box_for(wanted.op.hash)
    .to(wanted.session, applied_up_to_)
    .answers.push_back(std::move(reply));
}

void shard::read_cold(const pending_operation& wanted,
                      std::span<const storage::index_candidate> candidates) {
  auto number = ++last_cold_read_;
  cold_reads_.emplace(number, wanted);
  auto whole_bytes_max
    = wanted.op.kind == operation_kind::get ? inline_read_bytes_max : 0;
  resolve_cold(candidates, wanted.op.key, whole_bytes_max,
               [this, number](const record_found& found) {
                 finish_cold_read(number, found);
               });
}

void shard::finish_cold_read(std::uint64_t number, const record_found& found) {
  auto it = cold_reads_.find(number);
  assert(it != cold_reads_.end());
  auto wanted = std::move(it->second);
  cold_reads_.erase(it);
  answer_read(wanted, to_resolved(found), found.memory);
}

} // namespace kvs::actors
