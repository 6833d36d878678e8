// BITCOUNT and BITPOS.

#include "protocol/resp/bits.hpp"
#include "protocol/resp/handler_support.hpp"
#include "protocol/resp/handlers.hpp"

#include <algorithm>

namespace kvs::protocol::resp::handlers {

namespace {

enum class index_unit { bytes, bits };

std::optional<index_unit> unit_or_reply(const command_call& call,
                                        std::string_view word) {
  if (is_word(word, "bit"))
    return index_unit::bits;
  if (is_word(word, "byte"))
    return index_unit::bytes;
  call.reply.error(syntax_error);
  return std::nullopt;
}

/// The bits between two indexes, which count from the end if negative.
std::optional<bit_range> range_of(std::string_view value, std::int64_t start,
                                  std::int64_t end, index_unit unit) {
  const std::int64_t unit_bits = unit == index_unit::bits ? 1 : 8;
  const auto size = static_cast<std::int64_t>(value.size()) * 8 / unit_bits;
  const auto from_front = [size](std::int64_t index) {
    return index < 0 ? std::max<std::int64_t>(size + index, 0) : index;
  };
  start = from_front(start);
  end = std::min(from_front(end), size - 1);
  if (start > end)
    return std::nullopt;
  return bit_range{static_cast<std::uint64_t>(start * unit_bits),
                   static_cast<std::uint64_t>((end + 1) * unit_bits - 1)};
}

/// Calls `handle` with one part of the range after the other, until it returns
/// false.
template <class Handle>
void in_parts(const command_call& call, bit_range range, Handle handle) {
  const std::uint64_t first_byte = range.first / 8;
  call.pace.in_pieces(
    range.last / 8 - first_byte + 1, [&](std::size_t at, std::size_t count) {
      const auto begin = (first_byte + at) * 8;
      return handle(bit_range{std::max(range.first, begin),
                              std::min(range.last, begin + count * 8 - 1)});
    });
}

} // namespace

void bitcount(const command_call& call) {
  const auto args = call.args;
  const auto* found = find_for_reading(call, args[1]);
  if (found == nullptr)
    return call.reply.integer(0);
  std::int64_t start = 0;
  std::int64_t end = -1;
  auto unit = index_unit::bytes;
  if (args.size() == 4 || args.size() == 5) {
    const auto first = integer_or_reply(call, args[2]);
    if (!first)
      return;
    const auto last = integer_or_reply(call, args[3]);
    if (!last)
      return;
    if (*first < 0 && *last < 0 && *first > *last)
      return call.reply.integer(0);
    const auto named = args.size() == 5 ? unit_or_reply(call, args[4]) : unit;
    if (!named)
      return;
    start = *first;
    end = *last;
    unit = *named;
  } else if (args.size() != 2) {
    return call.reply.error(syntax_error);
  }
  const auto range = range_of(found->value.bytes, start, end, unit);
  std::uint64_t count = 0;
  if (range)
    in_parts(call, *range, [&](bit_range part) {
      count += count_ones(found->value.bytes, part);
      return true;
    });
  call.reply.integer(static_cast<std::int64_t>(count));
}

void bitpos(const command_call& call) {
  const auto args = call.args;
  const auto bit = integer_or_reply(call, args[2]);
  if (!bit)
    return;
  if (*bit != 0 && *bit != 1)
    return call.reply.error("ERR The bit argument must be 1 or 0.");
  const auto* found = find_for_reading(call, args[1]);
  if (found == nullptr)
    return call.reply.integer(*bit == 1 ? -1 : 0);
  if (args.size() > 6)
    return call.reply.error(syntax_error);
  const auto start
    = args.size() > 3 ? integer_or_reply(call, args[3]) : std::optional{0L};
  if (!start)
    return;
  const auto unit = args.size() == 6 ? unit_or_reply(call, args[5])
                                     : std::optional{index_unit::bytes};
  if (!unit)
    return;
  const auto end
    = args.size() > 4 ? integer_or_reply(call, args[4]) : std::optional{-1L};
  if (!end)
    return;
  const auto bytes = found->value.bytes;
  const auto range = range_of(bytes, *start, *end, *unit);
  if (!range)
    return call.reply.integer(-1);
  std::optional<std::uint64_t> position;
  in_parts(call, *range, [&](bit_range part) {
    position = find_bit(bytes, part, *bit == 1);
    return !position;
  });
  if (position)
    return call.reply.integer(static_cast<std::int64_t>(*position));
  // Without an end, zeros are thought to follow the value.
  const bool is_open = *bit == 0 && args.size() <= 4;
  call.reply.integer(is_open ? static_cast<std::int64_t>(range->last) + 1 : -1);
}

} // namespace kvs::protocol::resp::handlers
