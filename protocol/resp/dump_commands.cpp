// DUMP and RESTORE.

#include "protocol/resp/handler_support.hpp"
#include "protocol/resp/handlers.hpp"
#include "protocol/resp/rdb.hpp"

#include <limits>

namespace kvs::protocol::resp::handlers {

namespace {

struct restore_options {
  bool replaces{false};
  bool is_absolute{false};
  bool has_idle_time{false};
  bool has_frequency{false};
};

/// Idle times and frequencies are checked and forgotten: keys have neither.
bool hint_or_reply(const command_call& call, std::string_view text,
                   std::int64_t highest, std::string_view error) {
  const auto value = integer_or_reply(call, text);
  if (!value)
    return false;
  if (*value < 0 || *value > highest) {
    call.reply.error(error);
    return false;
  }
  return true;
}

std::optional<restore_options> options_or_reply(const command_call& call) {
  restore_options options;
  const auto args = call.args;
  for (std::size_t i = 4; i < args.size(); ++i) {
    const bool has_more = i + 1 < args.size();
    if (is_word(args[i], "replace")) {
      options.replaces = true;
    } else if (is_word(args[i], "absttl")) {
      options.is_absolute = true;
    } else if (is_word(args[i], "idletime") && has_more
               && !options.has_frequency) {
      options.has_idle_time = true;
      if (!hint_or_reply(call, args[++i],
                         std::numeric_limits<std::int64_t>::max(),
                         "ERR Invalid IDLETIME value, must be >= 0"))
        return std::nullopt;
    } else if (is_word(args[i], "freq") && has_more && !options.has_idle_time) {
      options.has_frequency = true;
      if (!hint_or_reply(call, args[++i], 255,
                         "ERR Invalid FREQ value, must be >= 0 and <= 255"))
        return std::nullopt;
    } else {
      call.reply.error(syntax_error);
      return std::nullopt;
    }
  }
  return options;
}

/// The deadline, 0 for none, or nothing after an error reply.
std::optional<std::int64_t> ttl_or_reply(const command_call& call,
                                         bool is_absolute) {
  const auto ttl_ms = integer_or_reply(call, call.args[2]);
  if (!ttl_ms)
    return std::nullopt;
  if (*ttl_ms < 0) {
    call.reply.error("ERR Invalid TTL value, must be >= 0");
    return std::nullopt;
  }
  const std::int64_t base_ms
    = *ttl_ms == 0 || is_absolute ? 0 : call.keys.now_ms();
  std::int64_t deadline_ms = 0;
  // In Redis a time beyond all times wraps around and has passed long ago.
  if (__builtin_add_overflow(*ttl_ms, base_ms, &deadline_ms))
    return -1;
  return deadline_ms;
}

std::optional<std::string> value_or_reply(const command_call& call) {
  auto restored
    = restore_string(call.args[3], call.limits.value_bytes_max, call.pace);
  switch (restored.result) {
    case restored_string::outcome::value:
      return std::move(restored.value);
    case restored_string::outcome::bad_checksum:
      call.reply.error("ERR DUMP payload version or checksum are wrong");
      return std::nullopt;
    case restored_string::outcome::bad_format:
      break;
  }
  call.reply.error("ERR Bad data format");
  return std::nullopt;
}

} // namespace

void dump(const command_call& call) {
  const auto* found = find_for_reading(call, call.args[1]);
  if (found == nullptr)
    return call.reply.null();
  reply_bytes(call, dump_string(found->value.bytes, call.pace));
}

void restore(const command_call& call) {
  const auto options = options_or_reply(call);
  if (!options)
    return;
  const auto key = call.args[1];
  const bool existed = call.keys.find(key) != nullptr;
  if (existed && !options->replaces)
    return call.reply.error("BUSYKEY Target key name already exists.");
  const auto deadline_ms = ttl_or_reply(call, options->is_absolute);
  if (!deadline_ms)
    return;
  auto value = value_or_reply(call);
  if (!value)
    return;
  call.reply.ok();
  if (*deadline_ms != 0 && *deadline_ms <= call.keys.now_ms()) {
    if (existed)
      erase_key(call, key);
    return;
  }
  // It is new even if it replaces another.
  store(call, key, owned(std::move(*value)), *deadline_ms, key_state::missing);
  notify_generic(call, "restore", key);
}

} // namespace kvs::protocol::resp::handlers
