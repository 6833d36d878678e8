// How answers of the store become replies of the protocol.

#include "actors/byte_views.hpp"
#include "actors/request_router.hpp"
#include "actors/request_router_details.hpp"
#include "actors/wire_status.hpp"

namespace kvs::actors {
namespace {} // namespace

std::int64_t request_router::ttl_of(storage::timestamp_ms expires_at) const {
  if (expires_at == 0)
    return protocol::ttl_none;
  auto now = store_.clock->now();
  return expires_at > now ? static_cast<std::int64_t>(expires_at - now) : 0;
}

void request_router::reply(std::uint32_t slot, const protocol::reply& message,
                           const memory_owners& memory) {
  port_.reply(flights_[slot].wire_id, flights_[slot].type, message, memory);
  close_flight(slot);
}

void request_router::reply_failure(std::uint32_t slot, outcome code,
                                   const failure_detail& detail) {
  if (flights_[slot].is_operation) {
    answer failed;
    failed.code = code;
    failed.detail = detail;
    port_.answered(flights_[slot].wire_id, failed, {});
    return close_flight(slot);
  }
  protocol::error_reply error;
  error.code = to_wire_status(code);
  error.message = describe(code, detail);
  error.request_type = static_cast<std::uint8_t>(flights_[slot].type);
  reply(slot, error, {});
}

void request_router::reply_single(std::uint32_t slot, const answer& found,
                                  const operations_answered& message) {
  if (flights_[slot].is_operation) {
    port_.answered(flights_[slot].wire_id, found, message.memory);
    return close_flight(slot);
  }
  if (flights_[slot].more != nullptr && flights_[slot].more->what != nullptr)
    return end_program(slot, {found.code, found.detail}, found.version);
  if (found.code != outcome::ok)
    return reply_failure(slot, found.code, found.detail);
  auto durable = message.durable_version;
  switch (flights_[slot].type) {
    case protocol::request_type::get:
      return reply(slot, to_value_reply(found), message.memory);
    case protocol::request_type::exists:
      return reply(slot,
                   protocol::exists_reply{found.applied, found.version,
                                          ttl_of(found.expires_at)},
                   {});
    case protocol::request_type::erase:
      return reply(slot,
                   protocol::erase_reply{found.existed, found.applied,
                                         found.version, durable},
                   {});
    case protocol::request_type::increment:
      return reply(
        slot, protocol::increment_reply{found.number, found.version, durable},
        {});
    case protocol::request_type::append:
      return reply(
        slot,
        protocol::append_reply{static_cast<std::uint64_t>(found.number),
                               found.version, durable},
        {});
    case protocol::request_type::sync:
      return reply(slot, protocol::sync_reply{durable}, {});
    default:
      return reply(
        slot, protocol::write_reply{found.applied, found.version, durable}, {});
  }
}

void request_router::reply_value(std::uint32_t slot) {
  auto& more = details_of(slot);
  auto owners = more.answer_memory;
  if (flights_[slot].is_operation) {
    port_.answered(flights_[slot].wire_id, more.answers[0], owners);
    return close_flight(slot);
  }
  reply(slot, to_value_reply(more.answers[0]), owners);
}

protocol::value_reply
request_router::to_value_reply(const answer& found) const {
  protocol::value_reply value;
  value.found = found.applied;
  value.version = found.version;
  value.ttl_ms = ttl_of(found.expires_at);
  value.value = as_text(found.value);
  return value;
}

void request_router::reply_values(std::uint32_t slot) {
  auto& more = details_of(slot);
  protocol::values_reply values;
  values.values.reserve(more.answers.size());
  for (const auto& found : more.answers)
    values.values.push_back(to_value_reply(found));
  reply(slot, values, more.answer_memory);
}

void request_router::reply_figures(std::uint32_t slot) {
  auto& more = details_of(slot);
  auto figure = [&](std::string_view name) {
    for (const auto& [each, value] : more.figures)
      if (each == name)
        return value;
    return std::uint64_t{0};
  };
  if (flights_[slot].type == protocol::request_type::compact) {
    protocol::compact_reply done;
    done.segments_rewritten = figure("segments_rewritten");
    done.bytes_before = figure("bytes_before");
    done.bytes_after = figure("bytes_after");
    return reply(slot, done, {});
  }
  if (flights_[slot].type == protocol::request_type::backup) {
    protocol::backup_reply done;
    done.segments = figure("segments");
    done.bytes = figure("bytes");
    done.kept = figure("kept");
    done.linked = figure("linked");
    done.copied = figure("copied");
    done.copied_bytes = figure("copied_bytes");
    done.version = figure("version");
    return reply(slot, done, {});
  }
  protocol::stats_reply stats;
  for (const auto& [name, value] : more.figures)
    stats.figures.push_back({name, std::to_string(value)});
  reply(slot, stats, {});
}

} // namespace kvs::actors
