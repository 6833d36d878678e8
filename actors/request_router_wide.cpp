// Requests that concern several keys or the whole store.

#include "actors/byte_views.hpp"
#include "actors/request_router.hpp"
#include "actors/request_router_details.hpp"
#include "storage/record.hpp"

#include <algorithm>
#include <cassert>

namespace kvs::actors {
namespace {

const std::vector<protocol::operation>&
writes_of(const protocol::request& request) {
  if (auto* batch = std::get_if<protocol::batch>(&request))
    return batch->operations;
  return std::get<protocol::transact>(request).writes;
}

/// Values that one multi-get may return together, beyond small ones: its reply
/// is one frame, put together in memory.
constexpr std::uint64_t multi_get_bytes_max = 64 * storage::mebibyte;

} // namespace

void request_router::collect_keys(std::uint32_t slot) {
  auto& more = details_of(slot);
  auto add
    = [&](std::string_view key) { more.lanes.push_back((*store_.hash)(key)); };
  if (more.what != nullptr) {
    for (const auto& each : more.what->keys)
      more.lanes.push_back(each.hash);
  } else if (auto* many = std::get_if<protocol::multi_get>(&more.request)) {
    for (auto key : many->keys)
      add(key);
  } else {
    if (auto* both = std::get_if<protocol::transact>(&more.request))
      for (const auto& seen : both->reads)
        add(seen.key);
    for (const auto& write : writes_of(more.request))
      add(write.key);
  }
  std::sort(more.lanes.begin(), more.lanes.end());
  more.lanes.erase(std::unique(more.lanes.begin(), more.lanes.end()),
                   more.lanes.end());
}

void request_router::start_wide(std::uint32_t slot) {
  auto& more = details_of(slot);
  if (more.what != nullptr)
    return start_program(slot);
  request_ref ref{slot, 0};
  // What was collected earlier in this turn was submitted earlier.
  switch (flights_[slot].type) {
    case protocol::request_type::multi_get:
      return start_multi_get(slot);
    case protocol::request_type::batch:
    case protocol::request_type::transact:
      return start_atomic(slot);
    case protocol::request_type::scan: {
      const auto& scan = std::get<protocol::scan>(more.request);
      return start_scan(slot, scan);
    }
    case protocol::request_type::count:
      more.parts_left = static_cast<std::uint32_t>(store_.shards.size());
      send_collected();
      return port_.forward(count_at_cut{{}, ref});
    case protocol::request_type::stats:
      more.parts_left = static_cast<std::uint32_t>(store_.shards.size() + 2);
      return port_.forward(collect_figures{{}, ref});
    case protocol::request_type::sync:
      send_collected();
      return port_.forward(sync_now{{}, ref});
    case protocol::request_type::compact:
      more.parts_left = 1;
      return port_.forward(compact_store{{}, ref});
    case protocol::request_type::backup: {
      const auto& wanted = std::get<protocol::backup>(more.request);
      more.parts_left = 1;
      send_collected();
      return port_.forward(make_backup{{},
                                       ref,
                                       std::string{wanted.to},
                                       std::string{wanted.earlier},
                                       wanted.copies});
    }
    case protocol::request_type::flush:
      send_collected();
      flights_[slot].way = route::atomic;
      flights_[slot].is_exclusive = true;
      exclusive_ = true;
      ++writes_in_flight_;
      return port_.forward(flush_store{{}, ref});
    default:
      assert(false); // Single keys do not come here; hello and ping neither.
  }
}

void request_router::start_scan(std::uint32_t slot,
                                const protocol::scan& request) {
  // A cursor is a partition, shifted by one so that 0 means "beginning".
  auto partition = request.cursor == 0 ? 0 : request.cursor - 1;
  if (partition >= storage::partition_count) {
    protocol::error_reply error;
    error.code = protocol::status::bad_argument;
    error.message = "the cursor is not one that a scan has returned; nothing "
                    "was listed";
    error.request_type
      = static_cast<std::uint8_t>(protocol::request_type::scan);
    return reply(slot, error, {});
  }
  constexpr std::uint32_t count_max = 1000;
  scan_keys message;
  message.ref = {slot, 0};
  message.partition = static_cast<std::uint32_t>(partition);
  message.entries_min = std::clamp(request.count_hint, 1U, count_max);
  message.prefix = request.prefix;
  auto shard = storage::shard_of_partition(
    message.partition, static_cast<std::uint32_t>(store_.shards.size()));
  port_.forward(shard, std::move(message));
}

void request_router::start_multi_get(std::uint32_t slot) {
  auto& more = details_of(slot);
  const auto& keys = std::get<protocol::multi_get>(more.request).keys;
  more.parts_left = static_cast<std::uint32_t>(keys.size());
  more.answers.resize(keys.size());
  if (keys.empty())
    return reply_values(slot);
  place_cut cut;
  cut.per_shard.resize(store_.shards.size());
  cut.memory.add(more.memory);
  std::size_t shards_used = 0;
  std::uint32_t last_shard = 0;
  for (std::uint32_t at = 0; at < keys.size(); ++at) {
    operation op;
    op.ref = {slot, at};
    op.kind = operation_kind::get;
    op.key = keys[at];
    op.hash = (*store_.hash)(op.key);
    last_shard = store_.shard_of(op.hash);
    shards_used += cut.per_shard[last_shard].empty() ? 1 : 0;
    cut.per_shard[last_shard].push_back(op);
  }
  // One shard sees one point of the log anyway.
  if (shards_used == 1)
    return port_.forward(last_shard,
                         read_batch{{},
                                    std::move(cut.per_shard[last_shard]),
                                    std::move(cut.memory)});
  port_.forward(std::move(cut));
}

void request_router::start_atomic(std::uint32_t slot) {
  auto& more = details_of(slot);
  flights_[slot].way = route::atomic;
  ++writes_in_flight_;
  for (auto hash : more.lanes)
    enter_lane(hash, route::atomic);
  send_collected();
  if (auto* both = std::get_if<protocol::transact>(&more.request))
    for (const auto& seen : both->reads)
      more.keys.push_back(
        {(*store_.hash)(seen.key), seen.key, seen.version, 0, 0});
  collect_writes(slot);
  look_up(slot);
}

void request_router::collect_writes(std::uint32_t slot) {
  auto& more = details_of(slot);
  boost::unordered_flat_map<std::string_view, std::size_t> last;
  const auto& writes = writes_of(more.request);
  for (std::size_t at = 0; at < writes.size(); ++at)
    last[writes[at].key] = at;
  for (std::size_t at = 0; at < writes.size(); ++at) {
    const auto& write = writes[at];
    if (last[write.key] != at) // A later one of the same key wins.
      continue;
    operation op;
    op.ref = {slot, 0};
    op.key = write.key;
    op.hash = (*store_.hash)(write.key);
    if (write.kind == protocol::operation_kind::erase) {
      op.kind = operation_kind::erase;
      more.keys.push_back({op.hash, op.key, std::nullopt, 0, 0});
    } else {
      op.kind = operation_kind::put;
      op.value = as_bytes(write.value);
      op.value_crc = more.value_crcs.empty() ? storage::value_checksum(op.value)
                                             : more.value_crcs[at];
      op.expires_at = expiry_after(write.expiry_ms);
    }
    more.writes.push_back(op);
  }
}

void request_router::look_up(std::uint32_t slot) {
  auto& more = details_of(slot);
  if (more.keys.empty())
    return append_writes(slot);
  more.looking_up = true;
  more.parts_left = static_cast<std::uint32_t>(more.keys.size());
  std::vector<read_batch> per_shard(store_.shards.size());
  for (std::uint32_t at = 0; at < more.keys.size(); ++at) {
    operation op;
    op.ref = {slot, at};
    op.kind = operation_kind::exists;
    op.key = more.keys[at].key;
    op.hash = more.keys[at].hash;
    per_shard[store_.shard_of(op.hash)].operations.push_back(op);
  }
  for (std::uint32_t shard = 0; shard < per_shard.size(); ++shard) {
    if (per_shard[shard].operations.empty())
      continue;
    per_shard[shard].memory.add(more.memory);
    port_.forward(shard, std::move(per_shard[shard]));
  }
}

void request_router::take_answer(std::uint32_t slot, answer& found,
                                 const operations_answered& message) {
  auto& more = details_of(slot);
  if (found.code != outcome::ok && more.error.code == outcome::ok)
    more.error = {found.code, found.detail};
  if (more.what != nullptr)
    return take_looked_up(slot, found, message);
  if (more.looking_up) {
    auto& key = more.keys[found.ref.part];
    key.version = found.applied ? found.version : 0;
    key.evaluated_at = message.evaluated_at;
  } else if (!more.answers.empty()) {
    more.answer_memory.add(message.memory);
    auto& kept = more.answers[found.ref.part];
    kept = std::move(found);
    if (kept.stored != nullptr) {
      more.stored_bytes += kept.stored->location.size_bytes;
      if (more.stored_bytes > multi_get_bytes_max && more.answers.size() > 1) {
        more.error = make_failure(
          outcome::value_too_large,
          "the values are more than 64 MiB together; nothing is returned: "
          "ask for fewer keys at once");
        kept.stored = nullptr;
        return take_part(slot);
      }
      return port_.fetch(kept.ref, std::move(kept.stored));
    }
  } else {
    more.sum += found.number;
  }
  take_part(slot);
}

void request_router::fetched(request_ref ref, const failure& error,
                             memory_owner memory,
                             std::span<const std::byte> value) {
  auto slot = static_cast<std::uint32_t>(ref.id);
  auto& more = details_of(slot);
  if (error.code != outcome::ok && more.error.code == outcome::ok)
    more.error = error;
  if (more.what != nullptr) {
    more.what->keys[ref.part].value = value;
    more.what->value_memory.add(memory);
  } else {
    more.answers[ref.part].value = value;
    more.answer_memory.add(memory);
  }
  take_part(slot);
}

void request_router::take_part(std::uint32_t slot) {
  auto& more = details_of(slot);
  if (--more.parts_left > 0)
    return;
  if (more.error.code != outcome::ok) {
    auto error = more.error;
    if (more.rejection_count > 0)
      port_.forward(withdraw_transaction{{}, {slot, 0}});
    if (more.what != nullptr)
      return end_program(slot, error, 0);
    return reply_failure(slot, error.code, error.detail);
  }
  if (more.what != nullptr)
    return run_program(slot);
  if (more.looking_up)
    return finish_look_up(slot);
  switch (flights_[slot].type) {
    case protocol::request_type::get:
      return reply_value(slot);
    case protocol::request_type::multi_get:
      return reply_values(slot);
    default:
      return reply(
        slot, protocol::count_reply{static_cast<std::uint64_t>(more.sum)}, {});
  }
}

void request_router::finish_look_up(std::uint32_t slot) {
  auto& more = details_of(slot);
  more.looking_up = false;
  auto changed = std::any_of(
    more.keys.begin(), more.keys.end(), [](const looked_up_key& key) {
      return key.expected && *key.expected != key.version;
    });
  if (!changed)
    return append_writes(slot);
  if (more.rejection_count > 0)
    port_.forward(withdraw_transaction{{}, {slot, 0}});
  reply_failure(slot, outcome::conflict,
                std::make_shared<const std::string>(
                  "a key of the read set has another version by now; nothing "
                  "was written"));
}

void request_router::append_writes(std::uint32_t slot) {
  auto& more = details_of(slot);
  append_atomic message;
  message.ref = {slot, 0};
  message.rejection_count = more.rejection_count;
  message.memory.add(more.memory);
  for (const auto& key : more.keys)
    message.observed.push_back({key.hash, key.evaluated_at});
  for (const auto& op : more.writes) {
    auto absent = std::any_of(more.keys.begin(), more.keys.end(),
                              [&](const looked_up_key& key) {
                                return key.version == 0 && key.key == op.key;
                              });
    // An erase of an absent key writes nothing.
    if (op.kind != operation_kind::erase || !absent)
      message.operations.push_back(op);
  }
  port_.forward(std::move(message));
}

void request_router::handle(const transaction_rejected& message) {
  auto slot = static_cast<std::uint32_t>(message.ref.id);
  auto& more = details_of(slot);
  ++more.rejection_count;
  if (more.what != nullptr)
    return look_up_program(slot);
  look_up(slot);
}

void request_router::handle(const keys_scanned& message) {
  auto slot = static_cast<std::uint32_t>(message.ref.id);
  if (flights_[slot].more->what != nullptr)
    return take_listed(slot, message);
  protocol::scan_reply listed;
  listed.next_cursor = message.next_partition >= storage::partition_count
                         ? 0
                         : std::uint64_t{message.next_partition} + 1;
  listed.keys.assign(message.keys.begin(), message.keys.end());
  reply(slot, listed, {});
}

void request_router::handle(const figures_collected& message) {
  auto slot = static_cast<std::uint32_t>(message.ref.id);
  auto& more = details_of(slot);
  for (const auto& figure : message.figures) {
    auto it = std::find_if(
      more.figures.begin(), more.figures.end(),
      [&](const auto& each) { return each.first == figure.first; });
    if (it == more.figures.end())
      more.figures.push_back(figure);
    else
      it->second += figure.second;
  }
  if (--more.parts_left == 0)
    reply_figures(slot);
}

} // namespace kvs::actors
