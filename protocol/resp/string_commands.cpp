// GET and its relatives: whole values are read.

#include "protocol/resp/expiry_options.hpp"
#include "protocol/resp/handler_support.hpp"
#include "protocol/resp/handlers.hpp"

namespace kvs::protocol::resp::handlers {

namespace {

/// Replies the value of a key, or null; false if there is none.
bool reply_value(const command_call& call, std::string_view key) {
  const auto* found = find_for_reading(call, key);
  if (found == nullptr)
    call.reply.null();
  else
    reply_bytes(call, found->value.bytes);
  return found != nullptr;
}

} // namespace

void get(const command_call& call) {
  reply_value(call, call.args[1]);
}

void mget(const command_call& call) {
  call.reply.array(call.args.size() - 1);
  for (const auto key : call.args.subspan(1))
    reply_value(call, key);
}

void strlen(const command_call& call) {
  const auto* found = find_for_reading(call, call.args[1]);
  call.reply.integer(found == nullptr
                       ? 0
                       : static_cast<std::int64_t>(found->value.bytes.size()));
}

void getset(const command_call& call) {
  const auto key = call.args[1];
  const bool existed = reply_value(call, key);
  store(call, key, borrowed(call.args[2]), 0,
        existed ? key_state::present : key_state::missing);
  notify_string(call, "set", key);
}

void getdel(const command_call& call) {
  if (reply_value(call, call.args[1]))
    erase_key(call, call.args[1]);
}

void getex(const command_call& call) {
  const auto options = parse_string_options(call.args, 2, option_set::of_getex);
  if (!options)
    return call.reply.error(syntax_error);
  const auto key = call.args[1];
  const auto* found = find_for_reading(call, key);
  if (found == nullptr)
    return call.reply.null();
  std::int64_t deadline_ms = 0;
  if (options->expiry.is_given()) {
    const auto deadline = deadline_or_reply(call, options->expiry, "getex");
    if (!deadline)
      return;
    deadline_ms = *deadline;
  }
  const bool had_deadline = found->expires_at_ms != 0;
  reply_bytes(call, found->value.bytes);
  if (options->expiry.is_absolute() && deadline_ms <= call.keys.now_ms())
    return erase_key(call, key);
  if (deadline_ms != 0) {
    call.keys.expire(key, deadline_ms);
    notify_generic(call, "expire", key);
  } else if (options->is_persist && had_deadline) {
    call.keys.expire(key, 0);
    notify_generic(call, "persist", key);
  }
}

} // namespace kvs::protocol::resp::handlers
