// Commands about single keys: DEL, EXISTS, TYPE, RENAME, COPY.

#include "protocol/resp/handler_support.hpp"
#include "protocol/resp/handlers.hpp"

#include <limits>

namespace kvs::protocol::resp::handlers {

namespace {

/// Moves or copies what `found` is to `target`, which Redis always announces
/// as a new key.
void store_as(const command_call& call, std::string_view target,
              const found_value& found) {
  store(call, target, found.value, found.expires_at_ms, key_state::missing);
}

enum class rename_rule { overwrites, refuses };

/// Whether the key has its new name, or nothing after an error reply.
std::optional<bool> rename_key(const command_call& call, rename_rule rule) {
  const auto from = call.args[1];
  const auto to = call.args[2];
  const auto found = find_for_writing(call, from);
  if (!found) {
    call.reply.error("ERR no such key");
    return std::nullopt;
  }
  if (from == to)
    return rule == rename_rule::overwrites;
  if (rule == rename_rule::refuses && call.keys.find(to) != nullptr)
    return false;
  store_as(call, to, *found);
  call.keys.erase(from);
  notify_generic(call, "rename_from", from);
  notify_generic(call, "rename_to", to);
  return true;
}

/// Whether an existing copy is replaced, or nothing after an error reply.
std::optional<bool> copy_options_or_reply(const command_call& call) {
  bool replaces = false;
  for (std::size_t i = 3; i < call.args.size(); ++i) {
    if (is_word(call.args[i], "replace")) {
      replaces = true;
    } else if (is_word(call.args[i], "db") && i + 1 < call.args.size()) {
      const auto database = integer_or_reply(call, call.args[++i]);
      if (!database)
        return std::nullopt;
      using limits = std::numeric_limits<std::int32_t>;
      if (*database < limits::min() || *database > limits::max()) {
        call.reply.error("ERR value is out of range, value must between "
                         "-2147483648 and 2147483647");
        return std::nullopt;
      }
      if (*database != 0) {
        call.reply.error("ERR DB index is out of range");
        return std::nullopt;
      }
    } else {
      call.reply.error(syntax_error);
      return std::nullopt;
    }
  }
  return replaces;
}

} // namespace

void del(const command_call& call) {
  std::int64_t erased = 0;
  for (const auto key : call.args.subspan(1)) {
    if (call.keys.find(key) == nullptr)
      continue;
    erase_key(call, key);
    ++erased;
  }
  call.reply.integer(erased);
}

void exists(const command_call& call) {
  std::int64_t found = 0;
  for (const auto key : call.args.subspan(1))
    found += find_for_reading(call, key) == nullptr ? 0 : 1;
  call.reply.integer(found);
}

void type(const command_call& call) {
  const bool is_there = find_for_reading(call, call.args[1]) != nullptr;
  call.reply.simple(is_there ? "string" : "none");
}

void rename(const command_call& call) {
  if (rename_key(call, rename_rule::overwrites))
    call.reply.ok();
}

void renamenx(const command_call& call) {
  if (const auto is_renamed = rename_key(call, rename_rule::refuses))
    call.reply.integer(*is_renamed ? 1 : 0);
}

void copy(const command_call& call) {
  const auto from = call.args[1];
  const auto to = call.args[2];
  const auto replaces = copy_options_or_reply(call);
  if (!replaces)
    return;
  if (from == to)
    return call.reply.error("ERR source and destination objects are the same");
  const auto* original = find_for_reading(call, from);
  if (original == nullptr)
    return call.reply.integer(0);
  const found_value found = *original;
  if (call.keys.find(to) != nullptr && !*replaces)
    return call.reply.integer(0);
  store_as(call, to, found);
  notify_generic(call, "copy_to", to);
  call.reply.integer(1);
}

} // namespace kvs::protocol::resp::handlers
