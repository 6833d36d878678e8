// How the WRITER turns requests into staged records, and which of them have to
// wait or go back. The rules are in docs/architecture.md.

#include "actors/writer_state.hpp"

#include <algorithm>
#include <cassert>

namespace kvs::actors {
namespace {

/// What a batch of these takes in the log; 0: they are no batch.
std::uint64_t batch_bytes(const std::vector<operation>& operations) {
  if (operations.size() < 2)
    return 0;
  std::uint64_t bytes = storage::record_head_bytes;
  for (const auto& op : operations)
    bytes += record_bytes_of(op);
  return bytes;
}

} // namespace

bool writer::stage(writer_input& input) {
  if (auto* blind = std::get_if<blind_input>(&input))
    return stage_blind(*blind);
  if (auto* evaluated = std::get_if<evaluated_input>(&input))
    return stage_evaluated(*evaluated);
  if (auto* atomic = std::get_if<append_atomic>(&input))
    return stage_atomic(*atomic);
  if (auto* flush = std::get_if<flush_store>(&input))
    return stage_flush(*flush);
  // The other two concern what is in the file, so what is staged goes first.
  if (group_)
    return false;
  if (auto* sync = std::get_if<sync_now>(&input)) {
    sync_waiters_.push_back({written_end_, sync->from, sync->ref, {}});
    request_sync();
    settle_sync_waiters(nullptr);
    return true;
  }
  if (building_.max_sequence != 0 && !roll_over())
    return false;
  seal_waiters_.push_back(
    {std::get<seal_input>(input).promise, last_sequence_});
  if (sealing_.empty())
    settle_seal_waiters({});
  return true;
}

/// Puts that are not staged as a run: they are refused, have no room, or some
/// of them wait for a reservation.
bool writer::stage_blind(blind_input& input) {
  auto& batch = input.batch;
  slots_.prefetch(batch.operations);
  for (; input.position < batch.operations.size(); ++input.position) {
    const auto& op = batch.operations[input.position];
    if (const auto* why = refusal_of_puts()) {
      if (waits_for_space())
        return false;
      outbox_.fail(batch.from, op.ref, *why);
      continue;
    }
    if (log_.staged_bytes() >= storage::turn_value_bytes_max
        || !room_for_record())
      return false;
    if (auto* reserved = reservation_of(op.hash)) {
      reserved->waiting.push_back(
        blind_input{{batch.from, {op}, batch.memory}});
      continue;
    }
    auto& part = part_of(shard_of(op.hash), publication_kind::blind, batch.from,
                         batch.memory);
    if (part.records.capacity() == 0)
      part.records.reserve(batch.operations.size() - input.position);
    stage_record(op, storage::record_type::put, take_sequences(1), part);
  }
  return true;
}

bool writer::stage_evaluated(evaluated_input& input) {
  auto& batch = input.batch;
  slots_.prefetch(batch.records);
  for (; input.position < batch.records.size(); ++input.position) {
    const auto& record = batch.records[input.position];
    auto* reserved = reservation_of(record.hash);
    auto own = reserved != nullptr && !reserved->session
               && reserved->hash == record.hash;
    const auto* why = refusal_of_puts();
    if (why != nullptr && record.type == storage::record_type::put) {
      if (waits_for_space())
        return false;
      caf_compat::tell(this, shards_[batch.shard],
                       evaluations_failed{{record.evaluation}, *why});
      if (own)
        release_reservation(storage::slot_of(record.hash));
      continue;
    }
    if (log_.staged_bytes() >= storage::turn_value_bytes_max
        || !room_for_record())
      return false;
    if (reserved != nullptr && !own) {
      reserved->waiting.push_back(
        evaluated_input{{batch.shard, {record}, batch.memory}});
      continue;
    }
    if (slots_.last(record.hash) > record.evaluated_at) {
      reject(batch.shard, record);
      continue;
    }
    auto& part
      = part_of(batch.shard, publication_kind::evaluated, {}, batch.memory);
    if (part.records.capacity() == 0)
      part.records.reserve(batch.records.size() - input.position);
    operation op;
    op.ref.id = record.evaluation;
    op.hash = record.hash;
    op.key = record.key;
    op.value = record.value;
    op.value_crc = record.value_crc;
    op.expires_at = record.expires_at;
    op.notes = record.notes;
    stage_record(op, record.type, take_sequences(record.change_count), part);
    if (own)
      release_reservation(storage::slot_of(record.hash));
  }
  return true;
}

void writer::reject(std::uint32_t shard, const evaluated_record& record) {
  ++figures_.rejections;
  auto slot = storage::slot_of(record.hash);
  // The second rejection reserves: nobody is rejected for ever. But what comes
  // back after a stop is refused, and nothing may wait behind the last seal.
  if (record.rejection_count > 0 && !stopping_ && !reservations_.contains(slot))
    reservations_[slot].hash = record.hash;
  // It goes back behind the publication of the record that beat it, which is
  // in this group or an earlier one.
  open_group().rejected[shard].push_back(record.evaluation);
}

bool writer::stage_atomic(append_atomic& input) {
  auto erases = std::all_of(
    input.operations.begin(), input.operations.end(),
    [](const auto& op) { return op.kind == operation_kind::erase; });
  if (const auto* why = refusal_of_puts(); why != nullptr && !erases) {
    if (waits_for_space())
      return false;
    release_transaction(input.from, input.ref);
    outbox_.fail(input.from, input.ref, *why);
    return true;
  }
  auto bytes = batch_bytes(input.operations);
  if (bytes > storage::segment_bytes_max - storage::segment_header_bytes) {
    release_transaction(input.from, input.ref);
    outbox_.fail(input.from, input.ref,
                 make_failure(outcome::value_too_large,
                              "what is written together is more than 128 MiB; "
                              "nothing changed"));
    return true;
  }
  if (log_.staged_bytes() >= storage::turn_value_bytes_max
      || !room_for_record(bytes))
    return false;
  if (auto* obstacle = obstacle_of(input)) {
    obstacle->waiting.push_back(std::move(input));
    return true;
  }
  if (!observed_unchanged(input)) {
    reject(input);
    return true;
  }
  atomic_write done{input.from, input.ref, last_sequence_, 0, 0};
  if (!input.operations.empty())
    stage_batch(input, done);
  open_group().atomics.push_back(done);
  release_transaction(input.from, input.ref);
  return true;
}

void writer::stage_batch(append_atomic& input, atomic_write& done) {
  std::vector<bool> touched(shards_.size(), false);
  for (const auto& op : input.operations)
    touched[shard_of(op.hash)] = true;
  auto shard_count = std::count(touched.begin(), touched.end(), true);
  if (shard_count > 1) {
    done.batch_id = ++last_batch_id_;
    done.shards_left = static_cast<std::size_t>(shard_count);
  }
  auto as_batch = input.operations.size() > 1;
  if (as_batch)
    log_.begin_batch(last_sequence_ + 1);
  for (const auto& op : input.operations) {
    auto& part = part_of(shard_of(op.hash), publication_kind::atomic,
                         input.from, input.memory, done.batch_id);
    auto type = op.kind == operation_kind::erase
                  ? storage::record_type::tombstone
                  : storage::record_type::put;
    stage_record(op, type, take_sequences(1), part);
  }
  if (as_batch)
    log_.end_batch();
  done.version = last_sequence_;
}

void writer::reject(append_atomic& input) {
  ++figures_.rejections;
  if (input.rejection_count > 0 && !stopping_) {
    auto reserve = [&](std::uint32_t slot) {
      auto [it, fresh] = reservations_.try_emplace(slot);
      if (fresh) {
        it->second.session = input.from;
        it->second.ref = input.ref;
      }
    };
    for (const auto& seen : input.observed)
      reserve(storage::slot_of(seen.hash));
    if (!input.observed_shards.empty())
      reserve(every_slot);
    // If it dies with the keys reserved, others must not wait for ever.
    if (watched_.insert(input.from.id()).second)
      caf_compat::watch(input.from, writer_impl{this},
                        reserving_session_gone{input.from.address()});
  }
  open_group().rejected_transactions.emplace_back(input.from, input.ref);
}

bool writer::observed_unchanged(const append_atomic& input) const {
  return std::all_of(input.observed.begin(), input.observed.end(),
                     [this](const observed_slot& seen) {
                       return slots_.last(seen.hash) <= seen.evaluated_at;
                     })
         && std::all_of(
           input.observed_shards.begin(), input.observed_shards.end(),
           [this](const observed_shard& seen) {
             return last_of_shard_[seen.shard] <= seen.evaluated_at;
           });
}

slot_reservation* writer::reservation_of(storage::key_hash hash) {
  if (reservations_.empty())
    return nullptr;
  auto it = reservations_.find(every_slot);
  if (it == reservations_.end())
    it = reservations_.find(storage::slot_of(hash));
  return it == reservations_.end() ? nullptr : &it->second;
}

slot_reservation* writer::obstacle_of(const append_atomic& input) {
  auto foreign = [&](storage::key_hash hash) -> slot_reservation* {
    auto* found = reservation_of(hash);
    auto own = found != nullptr && found->session == input.from
               && found->ref.id == input.ref.id;
    return own ? nullptr : found;
  };
  for (const auto& seen : input.observed)
    if (auto* found = foreign(seen.hash))
      return found;
  for (const auto& op : input.operations)
    if (auto* found = foreign(op.hash))
      return found;
  if (!input.observed_shards.empty())
    for (auto& [slot, found] : reservations_)
      if (found.session != input.from || found.ref.id != input.ref.id)
        return &found;
  return nullptr;
}

bool writer::stage_flush(flush_store& input) {
  if (!room_for_record())
    return false;
  if (auto it = reservations_.find(every_slot); it != reservations_.end()) {
    it->second.waiting.push_back(std::move(input));
    return true;
  }
  auto sequence = take_sequences(1);
  std::ranges::fill(last_of_shard_, sequence);
  auto place = log_.add_bare(storage::record_type::flush, sequence);
  note_record(storage::record_type::flush, sequence, 0, place.size_bytes);
  slots_.raise_all(sequence);
  atomic_write done{input.from, input.ref, sequence, 0, 0};
  if (shards_.size() > 1) {
    done.batch_id = ++last_batch_id_;
    done.shards_left = shards_.size();
  }
  for (std::uint32_t at = 0; at < shards_.size(); ++at)
    part_of(at, publication_kind::flush, input.from, {}, done.batch_id).sequence
      = sequence;
  open_group().atomics.push_back(done);
  open_group().flush_sequence = sequence;
  return true;
}

void writer::stage_record(const operation& op, storage::record_type type,
                          storage::sequence_number sequence,
                          publication_part& part) {
  auto place
    = log_.add(type, sequence, op.expires_at, op.key, op.value, op.value_crc);
  slots_.raise(op.hash, sequence);
  last_of_shard_[shard_of(op.hash)] = sequence;
  note_record(type, sequence, op.expires_at, place.size_bytes);
  part.records.push_back({op.ref,
                          type,
                          op.hash,
                          op.key,
                          {place, sequence, op.expires_at},
                          op.notes});
}

void writer::note_record(storage::record_type type,
                         storage::sequence_number sequence,
                         storage::timestamp_ms expires_at,
                         std::uint64_t bytes) {
  ++figures_.writes;
  figures_.bytes += bytes;
  storage::record_head head;
  head.type = type;
  head.sequence = sequence;
  head.expires_at = expires_at;
  storage::count_record(building_, head, bytes);
}

publication_part& writer::part_of(std::uint32_t shard, publication_kind kind,
                                  const session_actor& session,
                                  const memory_owners& memory,
                                  std::uint64_t batch_id) {
  auto& parts = open_group().per_shard[shard];
  // Requests of one message come in a run, so only the last part can fit.
  if (parts.empty() || parts.back().kind != kind
      || parts.back().session != session || parts.back().batch_id != batch_id
      || !parts.back().memory.same_as(memory)
      || kind == publication_kind::flush) {
    publication_part fresh;
    fresh.kind = kind;
    fresh.session = session;
    fresh.memory = memory;
    fresh.batch_id = batch_id;
    parts.push_back(std::move(fresh));
  }
  return parts.back();
}

storage::sequence_number writer::take_sequences(std::uint32_t count) {
  last_sequence_ += count;
  return last_sequence_;
}

std::uint32_t writer::shard_of(storage::key_hash hash) const {
  return storage::shard_of(hash, static_cast<std::uint32_t>(shards_.size()));
}

written_group& writer::open_group() {
  if (!group_) {
    group_.emplace();
    group_->barrier = predecessor_end_;
    group_->per_shard.resize(shards_.size());
    group_->rejected.resize(shards_.size());
  }
  return *group_;
}

} // namespace kvs::actors
