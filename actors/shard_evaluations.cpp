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

bool wants_value(const evaluation& current) {
  return std::any_of(current.running.begin(), current.running.end(),
                     [](const auto& each) { return needs_value(each.op); });
}

/// Whether an update of the evaluation copies the value.
bool copies_value(const evaluation& current) {
  return std::ranges::any_of(current.running, [](const auto& each) {
    return each.op.kind == operation_kind::update
           && each.op.update->copies_value();
  });
}

} // namespace

void shard::accept(evaluate_batch& batch) {
  // The note lands behind everything that is in the mailbox now: what many
  // clients sent is looked up together, and the WRITER gets one message for
  // all of it.
  if (arrived_.empty())
    caf_compat::tell(this, this, evaluation_due{});
  for (const auto& op : batch.operations)
    index_.prefetch_table(op.hash);
  arrived_.push_back(std::move(batch));
}

void shard::evaluate_arrived() {
  for (const auto& batch : arrived_)
    figures_.evaluations += batch.operations.size();
  std::span rest{arrived_};
  while (!rest.empty())
    evaluate(take_lookup_group(rest, &evaluate_batch::operations));
  arrived_.clear();
}

void shard::evaluate(std::span<const evaluate_batch> group) {
  auto for_each = [&](auto visit) {
    for (const auto& batch : group)
      for (const auto& op : batch.operations)
        visit(batch, op);
  };
  for_each(
    [&](const auto&, const auto& op) { index_.prefetch_block(op.hash); });
  for_each([&](const auto&, const auto& op) { index_.prefetch(op.hash); });
  for (const auto& batch : group)
    find_heads(batch.operations);
  prefetch_heads();
  for_each([&](const auto& batch, const auto& op) {
    add_to_evaluation({batch.from, op, batch.memory});
  });
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
  current->replaced.reset();
  current->reports_new_expiry = false;
  current->was_alive = false;
  candidates_.clear();
  index_.find(current->key.hash, candidates_);
  if (candidates_.empty())
    return decide_absent(current);
  auto target = head_buffer(current->key.bytes);
  auto whole_bytes_max = std::uint64_t{0};
  value_arena::room room;
  if (wants_value(*current)) {
    whole_bytes_max = inline_read_bytes_max;
    auto spare_bytes = append_bytes(*current);
    auto size = std::max<std::size_t>(candidates_.front().location.size_bytes,
                                      target.size());
    if (size + spare_bytes + update_bytes(*current) <= inline_read_bytes_max) {
      room = arena_.take(size + spare_bytes);
      target = room.bytes.first(size);
    }
  }
  auto found = resolve_now(candidates_, current->key.bytes, target);
  found.room = room.bytes;
  if (found.what != resolved_key::kind::elsewhere)
    return go_on(current, found, room.memory);
  resolve_cold(candidates_, current->key.bytes, whole_bytes_max,
               [this, current](const record_found& read) {
                 go_on(current, to_resolved(read), read.memory);
               });
}

void shard::go_on(const evaluation_ptr& current, const resolved_key& found,
                  const memory_owner& memory) {
  if (found.what == resolved_key::kind::failed)
    return fail(current, found.error);
  if (found.what != resolved_key::kind::found)
    return decide_absent(current);
  const auto& entry = found.entry;
  current->replaced = entry;
  if (has_expired(entry)) {
    current->reports_new_expiry = !expiry_is_persisted(entry);
    return decide_absent(current);
  }
  current->was_alive = true;
  key_state state;
  state.present = true;
  state.version = entry.sequence;
  state.expires_at = entry.expires_at;
  if (!wants_value(*current))
    return decide(current, std::move(state));
  if (found.record.size() == entry.location.size_bytes)
    return decide_read(current, std::move(state), found, memory);
  auto bytes = entry.location.size_bytes + append_bytes(*current)
               + update_bytes(*current);
  if (copies_value(*current))
    bytes += entry.location.size_bytes;
  if (bytes <= inline_read_bytes_max)
    return fetch_value(current, segment_of(found), entry, std::move(state));
  large_.push_back(
    {current, bytes, entry, std::move(state), segment_of(found)});
  reserve_next();
}

void shard::decide_absent(const evaluation_ptr& current) {
  auto bytes = update_bytes(*current);
  if (bytes <= inline_read_bytes_max)
    return decide(current, {});
  large_.push_back({current, bytes, {}, {}});
  reserve_next();
}

void shard::decide_read(const evaluation_ptr& current, key_state state,
                        const resolved_key& found, const memory_owner& memory) {
  const auto& location = found.entry.location;
  auto value = storage::verify_record(*segment_of(found), location.offset_bytes,
                                      found.record, current->key.bytes);
  if (!value)
    return fail(current, to_failure(value.error()));
  state.value = *value;
  state.value_crc = storage::value_checksum(*value);
  state.memory = memory;
  if (!found.room.empty()) {
    auto end = static_cast<std::size_t>(value->data() - found.record.data())
               + value->size();
    state.spare = found.room.subspan(end);
  }
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
    fetch_value(next.current, next.segment, *next.entry, std::move(next.state));
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

void shard::fetch_value(const evaluation_ptr& current,
                        const storage::segment_ptr& from,
                        const storage::index_entry& entry, key_state state) {
  ++figures_.cold_reads;
  read_record request{{from, entry.location, std::string{current->key.bytes}}};
  const auto& first = current->running.front();
  if (append_bytes(*current) > storage::turn_value_bytes_max) {
    // It is the only one of its round, and too large to be copied here.
    request.tail = first.op.value;
    request.memory = first.memory;
  } else {
    request.spare_bytes = append_bytes(*current);
  }
  caf_compat::ask(this, next_reader(), std::move(request))
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

} // namespace kvs::actors
