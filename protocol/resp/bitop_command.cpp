// BITOP.

#include "protocol/resp/handler_support.hpp"
#include "protocol/resp/handlers.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

namespace kvs::protocol::resp::handlers {

namespace {

enum class bit_operation { conjunction, disjunction, difference, negation };

std::optional<bit_operation> operation_named(std::string_view word) {
  if (is_word(word, "and"))
    return bit_operation::conjunction;
  if (is_word(word, "or"))
    return bit_operation::disjunction;
  if (is_word(word, "xor"))
    return bit_operation::difference;
  if (is_word(word, "not"))
    return bit_operation::negation;
  return std::nullopt;
}

template <class Function>
void combine(const command_call& call, std::string& into,
             std::string_view other, Function function) {
  call.pace.in_pieces(other.size(), [&](std::size_t at, std::size_t count) {
    for (std::size_t i = at; i < at + count; ++i)
      into[i] = static_cast<char>(function(into[i], other[i]));
  });
}

void clear_from(const command_call& call, std::string& bytes,
                std::size_t first) {
  call.pace.in_pieces(bytes.size() - first,
                      [&](std::size_t at, std::size_t count) {
                        std::memset(bytes.data() + first + at, 0, count);
                      });
}

/// Missing bytes of shorter values count as zeros.
std::string combine_all(const command_call& call, bit_operation operation,
                        const std::vector<shared_bytes>& values,
                        std::size_t size) {
  std::string result = copy_of(call, values.front().bytes, size);
  if (operation == bit_operation::negation) {
    combine(call, result, result, [](int a, int) { return ~a; });
    return result;
  }
  for (std::size_t i = 1; i < values.size(); ++i) {
    const auto other = values[i].bytes;
    if (operation == bit_operation::conjunction) {
      combine(call, result, other, [](int a, int b) { return a & b; });
      clear_from(call, result, other.size());
    } else if (operation == bit_operation::disjunction) {
      combine(call, result, other, [](int a, int b) { return a | b; });
    } else {
      combine(call, result, other, [](int a, int b) { return a ^ b; });
    }
  }
  return result;
}

} // namespace

void bitop(const command_call& call) {
  const auto operation = operation_named(call.args[1]);
  if (!operation)
    return call.reply.error(syntax_error);
  if (*operation == bit_operation::negation && call.args.size() != 4)
    return call.reply.error(
      "ERR BITOP NOT must be called with a single source key.");
  std::vector<shared_bytes> values;
  std::size_t size = 0;
  for (const auto key : call.args.subspan(3)) {
    const auto* found = find_for_reading(call, key);
    values.push_back(found == nullptr ? shared_bytes{} : found->value);
    size = std::max(size, values.back().bytes.size());
  }
  const auto target = call.args[2];
  const bool existed = call.keys.find(target) != nullptr;
  if (size != 0) {
    store(call, target, owned(combine_all(call, *operation, values, size)), 0,
          existed ? key_state::present : key_state::missing);
    notify_string(call, "set", target);
  } else if (existed) {
    erase_key(call, target);
  }
  call.reply.integer(static_cast<std::int64_t>(size));
}

} // namespace kvs::protocol::resp::handlers
