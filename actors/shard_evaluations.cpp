// How an INDEX SHARD decides conditional writes. The rules are in
// docs/architecture.md, "The life of a conditional put".

#include "actors/evaluation_work.hpp"
#include "actors/shard_state.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace kvs::actors {
namespace {

/// What the updates of an evaluation may take beyond the value.
std::uint64_t update_bytes(const evaluation& current) {
  std::uint64_t total = 0;
  for (const auto& each : current.running)
    if (each.op.kind == operation_kind::update)
      total += each.op.update->growth_bytes();
  return total;
}

/// What the appends of an evaluation add to the value.
std::uint64_t append_bytes(const evaluation& current) {
  std::uint64_t total = 0;
  for (const auto& each : current.running)
    if (each.op.kind == operation_kind::append)
      total += each.op.value.size();
  return total;
}

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

void shard::evaluate(evaluate_batch& batch) {
  figures_.evaluations += batch.operations.size();
  if (outgoing_.records.capacity() == 0)
    outgoing_.records.reserve(batch.operations.size());
  prefetch(batch.operations);
  for (const auto& op : batch.operations)
    add_to_evaluation({batch.from, op, batch.memory});
}

void shard::add_to_evaluation(pending_operation pending) {
  hashed_key key{pending.op.hash, pending.op.key};
  auto [it, is_first] = evaluations_.try_emplace(key);
  if (!is_first) {
    it->second->waiting.push_back(std::move(pending));
    return;
  }
  it->second = new_evaluation();
  auto current = it->second;
  current->key = key;
  current->running.push_back(std::move(pending));
  start(current);
}

evaluation_ptr shard::new_evaluation() {
  if (spare_evaluations_.empty())
    return std::make_shared<evaluation>();
  auto made = std::move(spare_evaluations_.back());
  spare_evaluations_.pop_back();
  return made;
}

void shard::start(const evaluation_ptr& current) {
  current->answers.clear();
  // A value that a rejected round has read gives its memory back first.
  current->result.reset();
  current->charge.reset();
  // The stamp is taken before any I/O: whatever is published while a value is
  // being read makes the WRITER reject the result.
  current->evaluated_at = applied_up_to_;
  const auto* entry = index_.find(current->key.hash, current->key.bytes);
  current->reports_new_expiry = false;
  if (entry == nullptr || has_expired(*entry)) {
    current->reports_new_expiry
      = entry != nullptr && !expiry_is_persisted(*entry);
    auto bytes = update_bytes(*current);
    if (bytes <= inline_read_bytes_max)
      return decide(current, {});
    large_.push_back({current, bytes, {}, {}});
    return reserve_next();
  }
  auto wants_value
    = std::any_of(current->running.begin(), current->running.end(),
                  [](const auto& each) { return needs_value(each.op); });
  if (wants_value)
    return fetch_value(current, *entry);
  key_state known;
  known.present = true;
  known.version = entry->sequence;
  known.expires_at = entry->expires_at;
  decide(current, std::move(known));
}

void shard::fetch_value(const evaluation_ptr& current,
                        const storage::index_entry& entry) {
  key_state state;
  state.present = true;
  state.version = entry.sequence;
  state.expires_at = entry.expires_at;
  auto spare_bytes = append_bytes(*current);
  auto bytes = entry.location.size_bytes + spare_bytes + update_bytes(*current);
  if (copies_value(*current))
    bytes += entry.location.size_bytes;
  if (bytes > inline_read_bytes_max) {
    large_.push_back({current, bytes, entry, std::move(state)});
    return reserve_next();
  }
  const auto& from = segment_of(entry.location.segment);
  auto room = arena_.take(entry.location.size_bytes + spare_bytes);
  auto target = room.bytes.first(entry.location.size_bytes);
  auto count
    = from->bytes().read_resident_at(entry.location.offset_bytes, target);
  if (!count)
    return fail(current, to_failure(count.error()));
  if (!*count)
    return fetch_cold_value(current, entry, std::move(state));
  auto place = storage::verify_head(*from, entry.location.offset_bytes,
                                    target.size(), target, current->key.bytes);
  if (!place)
    return fail(current, to_failure(place.error()));
  state.value = target.subspan(place->offset_bytes, place->size_bytes);
  state.value_crc = storage::value_checksum(state.value);
  if (state.value_crc != place->crc)
    return fail(current, to_failure(storage::value_damaged(
                           *from, entry.location.offset_bytes)));
  state.memory = std::move(room.memory);
  state.spare
    = room.bytes.subspan(place->offset_bytes + place->size_bytes, spare_bytes);
  decide(current, std::move(state));
}

void shard::reserve_next() {
  if (reserving_ || large_.empty())
    return;
  reserving_ = true;
  caf_compat::tell(this, args_.budget,
                   reserve_memory{shard_impl{this}, large_.front().bytes, 0,
                                  append_bytes(*large_.front().current)});
}

void shard::read_reserved(const memory_granted& granted) {
  auto next = std::move(large_.front());
  large_.pop_front();
  reserving_ = false;
  // Its messages own it too, and they tell owners by their address.
  next.current->charge = charged_memory(std::make_shared<std::byte>(),
                                        {args_.budget, granted.bytes});
  if (next.entry)
    fetch_cold_value(next.current, *next.entry, std::move(next.state));
  else
    decide(next.current, {});
  reserve_next();
}

void shard::refuse_reserved() {
  auto current = std::move(large_.front().current);
  large_.pop_front();
  reserving_ = false;
  fail(current, make_failure(outcome::overloaded,
                             "the memory for large values is used up; nothing "
                             "changed"));
  reserve_next();
}

void shard::fetch_cold_value(const evaluation_ptr& current,
                             const storage::index_entry& entry,
                             key_state state) {
  ++figures_.cold_reads;
  const auto& reader = args_.readers[next_reader_++ % args_.readers.size()];
  read_record request{{segment_of(entry.location.segment), entry.location,
                       std::string{current->key.bytes}}};
  const auto& first = current->running.front();
  if (append_bytes(*current) > storage::turn_value_bytes_max) {
    // It is the only one of its round, and too large to be copied here.
    request.tail = first.op.value;
    request.memory = first.memory;
  } else {
    request.spare_bytes = append_bytes(*current);
  }
  caf_compat::ask(this, reader, std::move(request))
    .then(
      [this, current, state](const record_read& found) {
        if (found.error.code != outcome::ok) {
          fail(current, found.error);
        } else {
          auto known = state;
          known.value = found.value;
          known.value_crc = found.value_crc;
          known.memory = found.memory;
          known.spare = found.spare;
          known.operand_follows = found.joined;
          decide(current, std::move(known));
        }
        end_turn();
      },
      [this, current](const caf::error&) {
        fail(current, make_failure(outcome::shutting_down,
                                   "the node is closing; nothing changed"));
        end_turn();
      });
}

void shard::decide(const evaluation_ptr& current, key_state state) {
  if (decide_elsewhere(current, state))
    return;
  storage::timestamp_ms now = 0;
  for (const auto& pending : current->running) {
    if (pending.op.kind == operation_kind::update && now == 0)
      now = args_.clock->now();
    if (pending.op.kind == operation_kind::increment && state.digits.empty()) {
      auto room = arena_.take(digits_max);
      state.digits = room.bytes;
      state.digits_memory = std::move(room.memory);
    }
  }
  current->result.emplace(std::move(state), args_.value_bytes_max, now);
  current->answers.reserve(current->running.size());
  for (const auto& pending : current->running)
    current->answers.push_back(current->result->apply(pending.op));
  settle(current);
}

bool shard::decide_elsewhere(const evaluation_ptr& current,
                             const key_state& state) {
  auto bytes = update_bytes(*current);
  if (copies_value(*current))
    bytes += state.value.size();
  if (bytes <= storage::turn_value_bytes_max)
    return false;
  auto work = std::make_shared<evaluation_work>(
    *current, state, args_.value_bytes_max, args_.clock->now());
  const auto& reader = args_.readers[next_reader_++ % args_.readers.size()];
  caf_compat::ask(this, reader, do_work{work})
    .then(
      [this, current, work](const work_done& done) {
        if (done.error.code != outcome::ok) {
          fail(current, done.error);
        } else {
          current->result.emplace(std::move(work->result));
          current->answers = std::move(work->answers);
          settle(current);
        }
        end_turn();
      },
      [this, current](const caf::error&) {
        fail(current, make_failure(outcome::shutting_down,
                                   "the node is closing; nothing changed"));
        end_turn();
      });
  return true;
}

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
  record.is_unnoticed = !result.is_noticed();
  record.was_made = result.was_made();
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
