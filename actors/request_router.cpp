// Where requests go, and which have to wait for which.

#include "actors/request_router.hpp"

#include "actors/byte_views.hpp"
#include "actors/request_router_details.hpp"
#include "storage/record.hpp"

#include <cassert>
#include <utility>

namespace kvs::actors {
namespace {

/// What a request whose reply is much larger than itself counts for in the
/// window: a rough share of what its reply may hold in memory.
std::uint64_t reply_bytes_of(const protocol::request& request) {
  constexpr std::uint64_t bytes_per_key = 8 * storage::kibibyte;
  if (auto* many = std::get_if<protocol::multi_get>(&request))
    return many->keys.size() * bytes_per_key;
  return std::holds_alternative<protocol::scan>(request) ? storage::mebibyte
                                                         : 0;
}

} // namespace

request_router::request_router(store_access store, router_port& port)
  : store_{std::move(store)}, port_{port}, reads_(store_.shards.size()),
    evaluations_(store_.shards.size()) {
}

request_router::~request_router() = default;

std::uint32_t request_router::open_flight(std::uint64_t wire_id,
                                          protocol::request_type type) {
  ++in_flight_;
  if (free_.empty()) {
    flights_.emplace_back();
    free_.push_back(static_cast<std::uint32_t>(flights_.size() - 1));
  }
  auto slot = free_.back();
  free_.pop_back();
  flights_[slot].wire_id = wire_id;
  flights_[slot].type = type;
  return slot;
}

void request_router::close_flight(std::uint32_t slot) {
  --in_flight_;
  auto ended = std::move(flights_[slot]);
  in_flight_bytes_ -= ended.bytes;
  flights_[slot] = {};
  free_.push_back(slot);
  if (ended.way == route::read)
    return;
  --writes_in_flight_;
  if (ended.way != route::atomic)
    leave_lane(ended.hash);
  else
    for (auto hash : ended.more->lanes)
      leave_lane(hash);
  if (ended.is_exclusive)
    exclusive_ = false;
  if (writes_in_flight_ == 0)
    release_barrier();
}

request_router::details& request_router::details_of(std::uint32_t slot) {
  auto& more = flights_[slot].more;
  if (more == nullptr)
    more = std::make_unique<details>();
  return *more;
}

storage::timestamp_ms request_router::expiry_after(std::int64_t ttl_ms) const {
  return ttl_ms == 0
           ? 0
           : store_.clock->now() + static_cast<storage::timestamp_ms>(ttl_ms);
}

operation request_router::to_operation(const protocol::put& request) const {
  operation op;
  op.kind = operation_kind::put;
  op.condition = static_cast<write_condition>(request.condition);
  op.expected_version = request.expected_version;
  op.expires_at = expiry_after(request.expiry_ms);
  return op;
}

std::optional<request_router::single>
request_router::single_of(const protocol::request& request) const {
  auto plain = [](operation_kind kind, std::string_view key, route way) {
    single one;
    one.op.kind = kind;
    one.key = key;
    one.way = way;
    return one;
  };
  if (auto* get = std::get_if<protocol::get>(&request))
    return plain(operation_kind::get, get->key, route::read);
  if (auto* put = std::get_if<protocol::put>(&request)) {
    auto way = put->condition == protocol::write_condition::none
                 ? route::blind
                 : route::evaluate;
    auto one = plain(operation_kind::put, put->key, way);
    one.op = to_operation(*put);
    one.value = put->value;
    return one;
  }
  if (auto* exists = std::get_if<protocol::exists>(&request))
    return plain(operation_kind::exists, exists->key, route::read);
  if (auto* erase = std::get_if<protocol::erase>(&request)) {
    auto one = plain(operation_kind::erase, erase->key, route::evaluate);
    if (erase->expected_version) {
      one.op.condition = write_condition::if_version;
      one.op.expected_version = *erase->expected_version;
    }
    return one;
  }
  if (auto* add = std::get_if<protocol::increment>(&request)) {
    auto one = plain(operation_kind::increment, add->key, route::evaluate);
    one.op.delta = add->delta;
    return one;
  }
  if (auto* append = std::get_if<protocol::append>(&request)) {
    auto one = plain(operation_kind::append, append->key, route::evaluate);
    one.value = append->value;
    return one;
  }
  if (auto* touch = std::get_if<protocol::touch>(&request)) {
    auto one = plain(operation_kind::touch, touch->key, route::evaluate);
    one.op.expires_at = expiry_after(touch->ttl_ms);
    return one;
  }
  if (auto* persist = std::get_if<protocol::persist>(&request))
    return plain(operation_kind::persist, persist->key, route::evaluate);
  return std::nullopt;
}

void request_router::submit(std::uint64_t wire_id, protocol::request request,
                            const memory_owner& memory,
                            std::vector<std::uint32_t> value_crcs) {
  auto slot = open_flight(wire_id, protocol::type_of(request));
  if (auto one = single_of(request)) {
    flights_[slot].bytes = one->key.size() + one->value.size();
    in_flight_bytes_ += flights_[slot].bytes;
    one->op.ref.id = slot;
    one->op.key = one->key;
    one->op.hash = (*store_.hash)(one->key);
    one->op.value = as_bytes(one->value);
    // An erase or an increment has no value and needs no checksum of one.
    if (one->value.data() != nullptr)
      one->op.value_crc = value_crcs.empty()
                            ? storage::value_checksum(one->op.value)
                            : value_crcs.front();
    return route_single(slot, one->op, one->way, memory);
  }
  auto& more = details_of(slot);
  flights_[slot].bytes = reply_bytes_of(request);
  in_flight_bytes_ += flights_[slot].bytes;
  more.request = std::move(request);
  more.memory = memory;
  more.value_crcs = std::move(value_crcs);
  auto type = flights_[slot].type;
  route_wide(slot, type != protocol::request_type::multi_get
                     && type != protocol::request_type::batch
                     && type != protocol::request_type::transact);
}

void request_router::submit(std::uint64_t wire_id, operation op, route way,
                            const memory_owner& memory) {
  auto slot = open_flight(wire_id, protocol::request_type::get);
  flights_[slot].is_operation = true;
  flights_[slot].bytes = op.key.size() + op.value.size();
  in_flight_bytes_ += flights_[slot].bytes;
  op.ref = {slot, 0};
  route_single(slot, op, way, memory);
}

void request_router::submit(std::shared_ptr<program> what,
                            std::uint64_t bytes) {
  auto slot = open_flight(0, protocol::request_type::transact);
  flights_[slot].bytes = bytes;
  in_flight_bytes_ += bytes;
  auto& more = details_of(slot);
  auto whole_store = what->whole_store;
  more.what = std::move(what);
  route_wide(slot, whole_store);
}

void request_router::route_single(std::uint32_t slot, const operation& op,
                                  route way, const memory_owner& memory) {
  flights_[slot].hash = op.hash;
  if (exclusive_ || !barrier_.empty()) {
    keep(slot, op, way, memory);
    barrier_.push_back(slot);
    return;
  }
  auto it = lanes_.find(op.hash);
  if (it != lanes_.end()
      && (it->second.way != way || !it->second.held.empty())) {
    keep(slot, op, way, memory);
    it->second.held.push_back(slot);
    return;
  }
  dispatch(slot, op, way, memory);
}

void request_router::keep(std::uint32_t slot, const operation& op, route way,
                          const memory_owner& memory) {
  flights_[slot].way = way;
  auto& more = details_of(slot);
  more.op = op;
  more.memory = memory;
}

void request_router::dispatch(std::uint32_t slot, const operation& op,
                              route way, const memory_owner& memory) {
  flights_[slot].way = way;
  auto shard = store_.shard_of(op.hash);
  if (way == route::read) {
    reads_[shard].add(op, memory);
    return;
  }
  ++writes_in_flight_;
  enter_lane(op.hash, way);
  if (way == route::blind)
    blind_.add(op, memory);
  else
    evaluations_[shard].add(op, memory);
}

void request_router::enter_lane(storage::key_hash hash, route way) {
  auto& own = lanes_[hash];
  own.way = way;
  ++own.count;
}

void request_router::leave_lane(storage::key_hash hash) {
  auto it = lanes_.find(hash);
  assert(it != lanes_.end());
  if (--it->second.count > 0)
    return;
  auto held = std::move(it->second.held);
  lanes_.erase(it);
  // What comes first decides the way; the rest follows as far as it goes the
  // same way.
  while (!held.empty()) {
    auto slot = held.front();
    auto way = flights_[slot].way;
    auto found = lanes_.find(hash);
    if (found != lanes_.end() && found->second.way != way) {
      found->second.held = std::move(held);
      return;
    }
    held.erase(held.begin());
    auto op = details_of(slot).op;
    auto memory = details_of(slot).memory;
    dispatch(slot, op, way, memory);
  }
}

void request_router::route_wide(std::uint32_t slot, bool whole_store) {
  auto& more = details_of(slot);
  more.wide = true;
  more.whole_store = whole_store;
  if (!whole_store)
    collect_keys(slot);
  if (exclusive_ || !barrier_.empty() || conflicts(slot))
    barrier_.push_back(slot);
  else
    start_wide(slot);
}

bool request_router::conflicts(std::uint32_t slot) {
  const auto& more = details_of(slot);
  if (more.whole_store)
    return writes_in_flight_ > 0;
  if (!more.wide) {
    auto it = lanes_.find(more.op.hash);
    return it != lanes_.end() && it->second.way != flights_[slot].way;
  }
  for (auto hash : more.lanes)
    if (lanes_.contains(hash))
      return true;
  return false;
}

void request_router::release_barrier() {
  while (!barrier_.empty() && !exclusive_ && !conflicts(barrier_.front())) {
    auto slot = barrier_.front();
    barrier_.pop_front();
    auto& more = details_of(slot);
    if (more.wide) {
      start_wide(slot);
    } else {
      auto op = more.op;
      auto memory = more.memory;
      dispatch(slot, op, flights_[slot].way, memory);
    }
  }
}

void request_router::send_collected() {
  for (std::uint32_t shard = 0; shard < reads_.size(); ++shard)
    if (!reads_[shard].empty())
      port_.forward(shard, reads_[shard].take());
  for (std::uint32_t shard = 0; shard < evaluations_.size(); ++shard)
    if (!evaluations_[shard].empty())
      port_.forward(shard, evaluations_[shard].take());
  if (!blind_.empty())
    port_.forward(blind_.take());
}

void request_router::handle(operations_answered& message) {
  for (auto& found : message.answers) {
    auto slot = static_cast<std::uint32_t>(found.ref.id);
    const auto& current = flights_[slot];
    if (found.stored != nullptr && current.type == protocol::request_type::get
        && (current.more == nullptr || current.more->parts_left == 0)) {
      // A get of one key, which now has to remember what else was told.
      auto& more = details_of(slot);
      more.parts_left = 1;
      more.answers.resize(1);
    }
    if (current.more != nullptr && current.more->parts_left > 0)
      take_answer(slot, found, message);
    else
      reply_single(slot, found, message);
  }
}

} // namespace kvs::actors
