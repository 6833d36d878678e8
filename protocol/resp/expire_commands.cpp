// Deadlines: EXPIRE, TTL, PERSIST and their relatives.

#include "protocol/resp/handler_support.hpp"
#include "protocol/resp/handlers.hpp"

#include <algorithm>
#include <limits>

namespace kvs::protocol::resp::handlers {

namespace {

enum class time_unit : std::int64_t { milliseconds = 1, seconds = 1000 };

struct expire_conditions {
  bool is_nx{false};
  bool is_xx{false};
  bool is_gt{false};
  bool is_lt{false};

  /// Whether a deadline may replace `old_ms`, which is 0 for never.
  bool allow(std::int64_t old_ms, std::int64_t new_ms) const {
    const bool had_none = old_ms == 0;
    return !(is_nx && !had_none) && !(is_xx && had_none)
           && !(is_gt && (had_none || new_ms <= old_ms))
           && !(is_lt && !had_none && new_ms >= old_ms);
  }
};

std::optional<expire_conditions> conditions_or_reply(const command_call& call) {
  expire_conditions conditions;
  for (const auto word : call.args.subspan(3)) {
    if (is_word(word, "nx")) {
      conditions.is_nx = true;
    } else if (is_word(word, "xx")) {
      conditions.is_xx = true;
    } else if (is_word(word, "gt")) {
      conditions.is_gt = true;
    } else if (is_word(word, "lt")) {
      conditions.is_lt = true;
    } else {
      // Redis prints it as C does: up to the first NUL.
      const auto shown = word.substr(0, word.find('\0'));
      call.reply.error("ERR Unsupported option " + std::string{shown});
      return std::nullopt;
    }
  }
  if (conditions.is_nx
      && (conditions.is_xx || conditions.is_gt || conditions.is_lt)) {
    call.reply.error("ERR NX and XX, GT or LT options at the same time are "
                     "not compatible");
    return std::nullopt;
  }
  if (conditions.is_gt && conditions.is_lt) {
    call.reply.error(
      "ERR GT and LT options at the same time are not compatible");
    return std::nullopt;
  }
  return conditions;
}

/// The deadline, which may have passed, or nothing after an error reply.
std::optional<std::int64_t> time_or_reply(const command_call& call,
                                          std::int64_t base_ms, time_unit unit,
                                          std::string_view command) {
  using limits = std::numeric_limits<std::int64_t>;
  const auto given = integer_or_reply(call, call.args[2]);
  if (!given)
    return std::nullopt;
  const auto unit_ms = static_cast<std::int64_t>(unit);
  if (*given > limits::max() / unit_ms || *given < limits::min() / unit_ms
      || *given * unit_ms > limits::max() - base_ms) {
    reply_invalid_expiry(call, command);
    return std::nullopt;
  }
  return *given * unit_ms + base_ms;
}

void expire_at(const command_call& call, std::int64_t base_ms, time_unit unit,
               std::string_view command) {
  const auto conditions = conditions_or_reply(call);
  if (!conditions)
    return;
  const auto deadline_ms = time_or_reply(call, base_ms, unit, command);
  if (!deadline_ms)
    return;
  const auto key = call.args[1];
  const auto* found = call.keys.find(key);
  if (found == nullptr
      || !conditions->allow(found->expires_at_ms, *deadline_ms))
    return call.reply.integer(0);
  if (*deadline_ms <= call.keys.now_ms()) {
    erase_key(call, key);
  } else {
    call.keys.expire(key, *deadline_ms);
    notify_generic(call, "expire", key);
  }
  call.reply.integer(1);
}

enum class time_kind { left, absolute };

void reply_time(const command_call& call, time_kind kind, time_unit unit) {
  const auto* found = find_for_reading(call, call.args[1]);
  if (found == nullptr)
    return call.reply.integer(-2);
  if (found->expires_at_ms == 0)
    return call.reply.integer(-1);
  const std::int64_t base_ms = kind == time_kind::left ? call.keys.now_ms() : 0;
  const std::int64_t time_ms
    = std::max<std::int64_t>(found->expires_at_ms - base_ms, 0);
  // Half a second and more counts as a whole one.
  call.reply.integer(unit == time_unit::milliseconds
                       ? time_ms
                       : time_ms / 1000 + (time_ms % 1000 >= 500 ? 1 : 0));
}

} // namespace

void expire(const command_call& call) {
  expire_at(call, call.keys.now_ms(), time_unit::seconds, "expire");
}

void pexpire(const command_call& call) {
  expire_at(call, call.keys.now_ms(), time_unit::milliseconds, "pexpire");
}

void expireat(const command_call& call) {
  expire_at(call, 0, time_unit::seconds, "expireat");
}

void pexpireat(const command_call& call) {
  expire_at(call, 0, time_unit::milliseconds, "pexpireat");
}

void ttl(const command_call& call) {
  reply_time(call, time_kind::left, time_unit::seconds);
}

void pttl(const command_call& call) {
  reply_time(call, time_kind::left, time_unit::milliseconds);
}

void expiretime(const command_call& call) {
  reply_time(call, time_kind::absolute, time_unit::seconds);
}

void pexpiretime(const command_call& call) {
  reply_time(call, time_kind::absolute, time_unit::milliseconds);
}

void persist(const command_call& call) {
  const auto key = call.args[1];
  const auto* found = call.keys.find(key);
  if (found == nullptr || found->expires_at_ms == 0)
    return call.reply.integer(0);
  call.keys.expire(key, 0);
  notify_generic(call, "persist", key);
  call.reply.integer(1);
}

} // namespace kvs::protocol::resp::handlers
