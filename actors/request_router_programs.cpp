// How programs read, are run, and are run again after a conflict.

#include "actors/request_router.hpp"
#include "actors/request_router_details.hpp"

#include <algorithm>
#include <utility>

namespace kvs::actors {
namespace {

/// Values that one program may read together, beyond small ones, and keys
/// that it may list: it holds them until it is done.
constexpr std::uint64_t program_bytes_max = 64 * storage::mebibyte;

/// Keys that one step of a list returns, roughly.
constexpr std::uint32_t list_step_entries = 1000;

operation_kind kind_of(key_use use) {
  switch (use) {
    case key_use::value:
      return operation_kind::get;
    case key_use::watch:
      return operation_kind::watch;
    case key_use::watched:
      return operation_kind::watched;
    default:
      return operation_kind::exists;
  }
}

} // namespace

void request_router::start_program(std::uint32_t slot) {
  auto& more = details_of(slot);
  auto& current = flights_[slot];
  current.is_exclusive = more.what->whole_store;
  exclusive_ = exclusive_ || current.is_exclusive;
  if (more.what->writes || current.is_exclusive) {
    current.way = route::atomic;
    ++writes_in_flight_;
    for (auto hash : more.lanes)
      enter_lane(hash, route::atomic);
  }
  send_collected();
  look_up_program(slot);
}

void request_router::look_up_program(std::uint32_t slot) {
  auto& more = details_of(slot);
  auto& what = *more.what;
  what.value_memory = {};
  more.stored_bytes = 0;
  more.parts_left = 1; // This call's own, so that it does not end within.
  place_cut cut;
  cut.per_shard.resize(store_.shards.size());
  for (std::uint32_t at = 0; at < what.keys.size(); ++at) {
    auto& key = what.keys[at];
    if (key.use == key_use::none)
      continue;
    operation op;
    op.ref = {slot, at};
    op.kind = kind_of(key.use);
    op.key = key.key;
    op.hash = key.hash;
    cut.per_shard[store_.shard_of(op.hash)].push_back(op);
    ++more.parts_left;
  }
  cut.memory.add(what.memory);
  cut.memory.add(more.what);
  auto used = std::ranges::count_if(
    cut.per_shard, [](const auto& each) { return !each.empty(); });
  if (used > 1 && !what.writes && what.in_one_cut) {
    port_.forward(std::move(cut));
  } else {
    // One shard shows one point of the log anyway; what several have shown is
    // validated by the WRITER.
    for (std::uint32_t shard = 0; shard < cut.per_shard.size(); ++shard)
      if (!cut.per_shard[shard].empty())
        port_.forward(
          shard, read_batch{{}, std::move(cut.per_shard[shard]), cut.memory});
  }
  if (what.whole_store)
    list_keys(slot);
  take_part(slot);
}

void request_router::list_keys(std::uint32_t slot) {
  auto& more = details_of(slot);
  more.what->all_keys.clear();
  more.listed_bytes = 0;
  more.observed_shards.clear();
  auto shard_count = static_cast<std::uint32_t>(store_.shards.size());
  more.parts_left += shard_count;
  for (std::uint32_t shard = 0; shard < shard_count; ++shard)
    list_more(slot, shard, storage::first_partition(shard, shard_count));
}

void request_router::list_more(std::uint32_t slot, std::uint32_t shard,
                               std::uint32_t partition) {
  scan_keys message;
  message.ref = {slot, shard};
  message.partition = partition;
  message.entries_min = list_step_entries;
  port_.forward(shard, std::move(message));
}

void request_router::take_listed(std::uint32_t slot,
                                 const keys_scanned& message) {
  auto& more = details_of(slot);
  auto shard = message.ref.part;
  auto& seen = more.observed_shards;
  // The oldest step counts: whatever changes later is a conflict.
  if (std::ranges::none_of(
        seen, [&](const auto& each) { return each.shard == shard; }))
    seen.push_back({shard, message.evaluated_at});
  for (const auto& key : message.keys) {
    more.listed_bytes += key.size() + sizeof(std::string);
    more.what->all_keys.push_back(key);
  }
  if (more.listed_bytes > program_bytes_max && more.error.code == outcome::ok)
    more.error = make_failure(outcome::value_too_large,
                              "the keys are more than 64 MiB together; nothing "
                              "was done: use a scan");
  auto shard_count = static_cast<std::uint32_t>(store_.shards.size());
  auto end = storage::first_partition(shard + 1, shard_count);
  if (message.next_partition < end && more.error.code == outcome::ok)
    return list_more(slot, shard, message.next_partition);
  take_part(slot);
}

void request_router::take_looked_up(std::uint32_t slot, answer& found,
                                    const operations_answered& message) {
  auto& more = details_of(slot);
  if (found.code != outcome::ok) // `more.error` knows why.
    return take_part(slot);
  auto& what = *more.what;
  auto& key = what.keys[found.ref.part];
  key.present = found.applied;
  key.version = found.version;
  key.expires_at = found.expires_at;
  key.value = found.value;
  key.made_at = static_cast<storage::sequence_number>(found.number);
  key.evaluated_at = message.evaluated_at;
  what.value_memory.add(message.memory);
  if (found.stored != nullptr) {
    more.stored_bytes += found.stored->location.size_bytes;
    if (more.stored_bytes <= program_bytes_max || what.keys.size() == 1)
      return port_.fetch(found.ref, std::move(found.stored));
    more.error = make_failure(
      outcome::value_too_large,
      "the values are more than 64 MiB together; nothing was done");
  }
  take_part(slot);
}

void request_router::run_program(std::uint32_t slot) {
  auto& more = details_of(slot);
  // Values that no shard reads inline are too many bytes for one turn.
  if (more.stored_bytes > storage::turn_value_bytes_max)
    return port_.run({slot, 0}, more.what);
  protocol::pacer unpaced;
  programmed({slot, 0}, {}, more.what->run(unpaced));
}

void request_router::programmed(request_ref ref, const failure& error,
                                std::vector<operation> operations) {
  auto slot = static_cast<std::uint32_t>(ref.id);
  auto& more = details_of(slot);
  auto& what = *more.what;
  if (error.code != outcome::ok || !what.writes)
    return end_program(slot, error, 0);
  append_atomic message;
  message.ref = ref;
  message.rejection_count = more.rejection_count;
  message.memory.add(more.what);
  message.memory.add(what.memory);
  message.memory.add(what.value_memory);
  message.operations = std::move(operations);
  message.observed_shards = more.observed_shards;
  for (const auto& key : what.keys)
    if (key.use != key_use::none)
      message.observed.push_back({key.hash, key.evaluated_at});
  port_.forward(std::move(message));
}

void request_router::end_program(std::uint32_t slot, const failure& error,
                                 storage::sequence_number version) {
  auto what = details_of(slot).what;
  what->done(error, version);
  close_flight(slot);
}

} // namespace kvs::actors
