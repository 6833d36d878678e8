// INCR and its relatives.

#include "protocol/resp/handler_support.hpp"
#include "protocol/resp/handlers.hpp"

#include <cmath>
#include <limits>

namespace kvs::protocol::resp::handlers {

namespace {

void add(const command_call& call, std::int64_t increment) {
  const auto key = call.args[1];
  const auto found = find_for_writing(call, key);
  const auto old
    = found ? integer_or_reply(call, found->value.bytes) : std::optional{0L};
  if (!old)
    return;
  std::int64_t sum = 0;
  if (__builtin_add_overflow(*old, increment, &sum))
    return call.reply.error("ERR increment or decrement would overflow");
  store_changed(call, key, found, std::string{digits_of{sum}.view()}, "incrby");
  call.reply.integer(sum);
}

std::optional<long double> float_or_reply(const command_call& call,
                                          std::string_view text) {
  const auto value = to_long_double(text);
  if (!value)
    call.reply.error("ERR value is not a valid float");
  return value;
}

} // namespace

void incr(const command_call& call) {
  add(call, 1);
}

void decr(const command_call& call) {
  add(call, -1);
}

void incrby(const command_call& call) {
  if (const auto increment = integer_or_reply(call, call.args[2]))
    add(call, *increment);
}

void decrby(const command_call& call) {
  const auto decrement = integer_or_reply(call, call.args[2]);
  if (!decrement)
    return;
  if (*decrement == std::numeric_limits<std::int64_t>::min())
    return call.reply.error("ERR decrement would overflow");
  add(call, -*decrement);
}

void incrbyfloat(const command_call& call) {
  const auto key = call.args[1];
  const auto found = find_for_writing(call, key);
  const auto old
    = found ? float_or_reply(call, found->value.bytes) : std::optional{0.0L};
  if (!old)
    return;
  const auto increment = float_or_reply(call, call.args[2]);
  if (!increment)
    return;
  const long double sum = *old + *increment;
  if (std::isnan(sum) || std::isinf(sum))
    return call.reply.error("ERR increment would produce NaN or Infinity");
  std::string text = format_long_double(sum);
  call.reply.bulk(text);
  store_changed(call, key, found, std::move(text), "incrbyfloat");
}

} // namespace kvs::protocol::resp::handlers
