// SET and its relatives: whole values are written.

#include "protocol/resp/expiry_options.hpp"
#include "protocol/resp/handler_support.hpp"
#include "protocol/resp/handlers.hpp"

namespace kvs::protocol::resp::handlers {

namespace {

key_state state_of(const command_call& call, std::string_view key) {
  return call.keys.find(key) == nullptr ? key_state::missing
                                        : key_state::present;
}

void set_key(const command_call& call, std::string_view key,
             std::string_view value, std::int64_t deadline_ms,
             key_state before) {
  store(call, key, borrowed(value), deadline_ms, before);
  notify_string(call, "set", key);
}

/// SETEX and PSETEX: key, time, value.
void set_expiring(const command_call& call, expiry_unit unit,
                  std::string_view command) {
  const auto key = call.args[1];
  const auto deadline_ms
    = deadline_or_reply(call, {unit, call.args[2]}, command);
  if (!deadline_ms)
    return;
  set_key(call, key, call.args[3], *deadline_ms, state_of(call, key));
  notify_generic(call, "expire", key);
  call.reply.ok();
}

void set_pairs(const command_call& call) {
  for (std::size_t i = 1; i < call.args.size(); i += 2) {
    const auto key = call.args[i];
    set_key(call, key, call.args[i + 1], 0, state_of(call, key));
  }
}

} // namespace

void set(const command_call& call) {
  const auto options = parse_string_options(call.args, 3, option_set::of_set);
  if (!options)
    return call.reply.error(syntax_error);
  std::int64_t deadline_ms = 0;
  if (options->expiry.is_given()) {
    const auto deadline = deadline_or_reply(call, options->expiry, "set");
    if (!deadline)
      return;
    deadline_ms = *deadline;
  }
  const auto key = call.args[1];
  const auto* found
    = options->wants_old ? find_for_reading(call, key) : call.keys.find(key);
  const bool existed = found != nullptr;
  if (options->wants_old) {
    if (existed)
      reply_bytes(call, found->value.bytes);
    else
      call.reply.null();
  }
  if (options->is_nx ? existed : options->is_xx && !existed) {
    if (!options->wants_old)
      call.reply.null();
    return;
  }
  if (options->keeps_ttl && existed)
    deadline_ms = found->expires_at_ms;
  set_key(call, key, call.args[2], deadline_ms,
          existed ? key_state::present : key_state::missing);
  if (options->expiry.is_given())
    notify_generic(call, "expire", key);
  if (!options->wants_old)
    call.reply.ok();
}

void setnx(const command_call& call) {
  const auto key = call.args[1];
  if (state_of(call, key) == key_state::present)
    return call.reply.integer(0);
  set_key(call, key, call.args[2], 0, key_state::missing);
  call.reply.integer(1);
}

void setex(const command_call& call) {
  set_expiring(call, expiry_unit::ex, "setex");
}

void psetex(const command_call& call) {
  set_expiring(call, expiry_unit::px, "psetex");
}

void mset(const command_call& call) {
  if (call.args.size() % 2 == 0)
    return call.reply.error("ERR wrong number of arguments for 'mset' command");
  set_pairs(call);
  call.reply.ok();
}

void msetnx(const command_call& call) {
  if (call.args.size() % 2 == 0)
    return call.reply.error(
      "ERR wrong number of arguments for 'msetnx' command");
  for (std::size_t i = 1; i < call.args.size(); i += 2) {
    if (state_of(call, call.args[i]) == key_state::present)
      return call.reply.integer(0);
  }
  set_pairs(call);
  call.reply.integer(1);
}

} // namespace kvs::protocol::resp::handlers
