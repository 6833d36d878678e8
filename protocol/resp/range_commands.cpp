// APPEND, GETRANGE and SETRANGE: parts of values.

#include "protocol/resp/handler_support.hpp"
#include "protocol/resp/handlers.hpp"

#include <algorithm>

namespace kvs::protocol::resp::handlers {

void append(const command_call& call) {
  const auto key = call.args[1];
  const auto found = find_for_writing(call, key);
  const auto old = bytes_of(found);
  const auto added = call.args[2];
  if (!fits_or_reply(call, old.size() + added.size()))
    return;
  std::string value;
  value.reserve(old.size() + added.size());
  append_bytes(call, value, old);
  append_bytes(call, value, added);
  call.reply.integer(static_cast<std::int64_t>(value.size()));
  store_changed(call, key, found, std::move(value), "append");
}

void getrange(const command_call& call) {
  auto start = integer_or_reply(call, call.args[2]);
  if (!start)
    return;
  auto end = integer_or_reply(call, call.args[3]);
  if (!end)
    return;
  const auto* found = find_for_reading(call, call.args[1]);
  const auto value = found == nullptr ? std::string_view{} : found->value.bytes;
  const auto size = static_cast<std::int64_t>(value.size());
  if (size == 0 || (*start < 0 && *end < 0 && *start > *end))
    return call.reply.bulk({});
  const auto from_front = [size](std::int64_t index) {
    return index < 0 ? std::max<std::int64_t>(size + index, 0) : index;
  };
  const std::int64_t first = from_front(*start);
  const std::int64_t last = std::min(from_front(*end), size - 1);
  if (first > last)
    return call.reply.bulk({});
  reply_bytes(call, value.substr(static_cast<std::size_t>(first),
                                 static_cast<std::size_t>(last - first + 1)));
}

void setrange(const command_call& call) {
  const auto key = call.args[1];
  const auto part = call.args[3];
  const auto offset = integer_or_reply(call, call.args[2]);
  if (!offset)
    return;
  if (*offset < 0)
    return call.reply.error("ERR offset is out of range");
  const auto found = find_for_writing(call, key);
  const auto old = bytes_of(found);
  if (part.empty())
    return call.reply.integer(static_cast<std::int64_t>(old.size()));
  const auto begin = static_cast<std::uint64_t>(*offset);
  if (!fits_or_reply(call, begin + part.size()))
    return;
  std::string value = copy_of(
    call, old, std::max<std::size_t>(old.size(), begin + part.size()));
  call.pace.in_pieces(part.size(), [&](std::size_t at, std::size_t count) {
    part.copy(value.data() + begin + at, count, at);
  });
  call.reply.integer(static_cast<std::int64_t>(value.size()));
  store_changed(call, key, found, std::move(value), "setrange");
}

} // namespace kvs::protocol::resp::handlers
