// OBJECT and MEMORY USAGE: how Redis would keep a value.

#include "protocol/resp/command_replies.hpp"
#include "protocol/resp/commands.hpp"
#include "protocol/resp/handler_support.hpp"
#include "protocol/resp/handlers.hpp"

namespace kvs::protocol::resp::handlers {

namespace {

enum class encoding { integer, embedded, raw };

// An integer of 64 bits has at most so many digits.
constexpr std::size_t integer_text_bytes_max = 20;
// What fits into 64 bytes together with its header.
constexpr std::size_t embedded_bytes_max = 44;
// Small integers exist once and are never counted.
constexpr std::int64_t shared_integers = 10000;
constexpr std::int64_t shared_count = 2147483647;

encoding encoding_of(std::string_view value) {
  if (value.size() <= integer_text_bytes_max && to_integer(value))
    return encoding::integer;
  return value.size() <= embedded_bytes_max ? encoding::embedded
                                            : encoding::raw;
}

/// The key that OBJECT asks for, or nothing after a null reply. It is no
/// miss.
const found_value* find_or_reply(const command_call& call) {
  const auto* found = call.keys.find(call.args[2]);
  if (found == nullptr)
    call.reply.null();
  return found;
}

/// A string with its header and a byte behind it, as an allocator rounds it.
std::uint64_t string_bytes(std::size_t size) {
  const std::size_t header = size < 32 ? 1 : size < 256 ? 3 : 17;
  const std::uint64_t bytes = header + size + 1;
  const std::uint64_t step = bytes <= 128 ? 16 : bytes / 8;
  return (bytes + step - 1) / step * step;
}

std::uint64_t value_bytes(std::string_view value) {
  constexpr std::uint64_t object_bytes = 16;
  switch (encoding_of(value)) {
    case encoding::integer:
      return object_bytes;
    case encoding::embedded:
      return object_bytes + value.size() + 4;
    case encoding::raw:
      break;
  }
  return object_bytes + string_bytes(value.size());
}

} // namespace

void object_encoding(const command_call& call) {
  const auto* found = find_or_reply(call);
  if (found == nullptr)
    return;
  switch (encoding_of(found->value.bytes)) {
    case encoding::integer:
      return call.reply.bulk("int");
    case encoding::embedded:
      return call.reply.bulk("embstr");
    case encoding::raw:
      return call.reply.bulk("raw");
  }
}

void object_refcount(const command_call& call) {
  const auto* found = find_or_reply(call);
  if (found == nullptr)
    return;
  const auto number = to_integer(found->value.bytes);
  const bool is_shared = number && *number >= 0 && *number < shared_integers;
  call.reply.integer(is_shared ? shared_count : 1);
}

void object_idletime(const command_call& call) {
  if (find_or_reply(call) != nullptr)
    call.reply.integer(0);
}

void object_freq(const command_call& call) {
  if (find_or_reply(call) != nullptr)
    call.reply.error(
      "ERR An LFU maxmemory policy is not selected, access frequency not "
      "tracked. Please note that when switching between policies at runtime "
      "LRU and LFU data will take some time to adjust.");
}

void memory_usage(const command_call& call) {
  for (std::size_t i = 3; i < call.args.size(); i += 2) {
    if (!is_word(call.args[i], "samples") || i + 1 == call.args.size())
      return call.reply.error(syntax_error);
    const auto samples = integer_or_reply(call, call.args[i + 1]);
    if (!samples)
      return;
    if (*samples < 0)
      return call.reply.error(syntax_error);
  }
  const auto* found = find_or_reply(call);
  if (found == nullptr)
    return;
  // The entry of the table that the key is in.
  constexpr std::uint64_t entry_bytes = 24;
  call.reply.integer(
    static_cast<std::int64_t>(entry_bytes + string_bytes(call.args[2].size())
                              + value_bytes(found->value.bytes)));
}

void help(const command_call& call) {
  reply_to_help(*find_command(call.args[0]), call.reply);
}

} // namespace kvs::protocol::resp::handlers
