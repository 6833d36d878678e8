// SETBIT and GETBIT.

#include "protocol/resp/bit_arguments.hpp"
#include "protocol/resp/bits.hpp"
#include "protocol/resp/handler_support.hpp"
#include "protocol/resp/handlers.hpp"

#include <algorithm>

namespace kvs::protocol::resp::handlers {

std::optional<std::uint64_t> bit_offset_or_reply(const command_call& call,
                                                 std::string_view argument,
                                                 int size_bits) {
  const bool is_multiple = size_bits > 0 && argument.starts_with('#');
  const auto given = to_integer(argument.substr(is_multiple ? 1 : 0));
  std::int64_t offset = 0;
  if (!given
      || __builtin_mul_overflow(*given, is_multiple ? size_bits : 1, &offset)
      || offset < 0
      || static_cast<std::uint64_t>(offset) / 8
           >= call.limits.value_bytes_max) {
    call.reply.error("ERR bit offset is not an integer or out of range");
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(offset);
}

void setbit(const command_call& call) {
  constexpr std::string_view no_bit
    = "ERR bit is not an integer or out of range";
  const auto key = call.args[1];
  const auto offset = bit_offset_or_reply(call, call.args[2]);
  if (!offset)
    return;
  const auto wanted = integer_or_reply(call, call.args[3], no_bit);
  if (!wanted)
    return;
  if (*wanted != 0 && *wanted != 1)
    return call.reply.error(no_bit);
  const auto found = find_for_writing(call, key);
  const auto old = bytes_of(found);
  const bool old_bit = bit_at(old, *offset);
  call.reply.integer(old_bit ? 1 : 0);
  const std::size_t size = std::max(old.size(), *offset / 8 + 1);
  if (found && size == old.size() && old_bit == (*wanted == 1))
    return;
  std::string value = copy_of(call, old, size);
  set_bit(value, *offset, *wanted == 1);
  store_changed(call, key, found, std::move(value), "setbit");
}

void getbit(const command_call& call) {
  const auto offset = bit_offset_or_reply(call, call.args[2]);
  if (!offset)
    return;
  const auto* found = find_for_reading(call, call.args[1]);
  call.reply.integer(
    found != nullptr && bit_at(found->value.bytes, *offset) ? 1 : 0);
}

} // namespace kvs::protocol::resp::handlers
