// Checks of requests whose bytes are well formed.

#include "protocol/native/codec_checks.hpp"

#include <string>

namespace kvs::protocol::native {

namespace {

using fault = std::optional<decode_error>;

constexpr const char* refused = "; the request was not carried out";

fault keep_open(status code, std::string message) {
  return decode_error{code, std::move(message) + refused, false};
}

fault exceeds(status code, const char* what, std::uint64_t actual,
              std::uint64_t limit, const char* unit) {
  return keep_open(code, std::string{what} + " of " + std::to_string(actual)
                           + " " + unit + " exceeds the limit of "
                           + std::to_string(limit) + " " + unit);
}

fault find_value_fault(std::string_view value, const decode_limits& limits) {
  if (value.size() > limits.value_bytes_max) [[unlikely]]
    return exceeds(status::value_too_large, "a value", value.size(),
                   limits.value_bytes_max, "bytes");
  return std::nullopt;
}

fault find_expiry_fault(std::int64_t expiry_ms, std::int64_t smallest_ms) {
  if (expiry_ms < smallest_ms || expiry_ms > expiry_ms_max) [[unlikely]]
    return keep_open(status::bad_argument,
                     "an expiry of " + std::to_string(expiry_ms)
                       + " ms is not between " + std::to_string(smallest_ms)
                       + " and " + std::to_string(expiry_ms_max));
  return std::nullopt;
}

fault find_operation_fault(const operation& op, const decode_limits& limits) {
  if (auto wrong = find_key_fault(op.key, limits))
    return wrong;
  if (op.kind == operation_kind::put) {
    if (auto wrong = find_value_fault(op.value, limits))
      return wrong;
    return find_expiry_fault(op.expiry_ms, 0);
  }
  if (op.kind != operation_kind::erase)
    return keep_open(status::bad_argument,
                     "kind " + std::to_string(static_cast<int>(op.kind))
                       + " of an operation is unknown");
  if (op.expiry_ms != 0 || !op.value.empty())
    return keep_open(status::bad_argument,
                     "an erasure carries a value or an expiry");
  return std::nullopt;
}

fault find_operations_fault(const std::vector<operation>& operations,
                            const decode_limits& limits) {
  std::uint64_t total_bytes = 0;
  for (const operation& op : operations) {
    if (auto wrong = find_operation_fault(op, limits))
      return wrong;
    total_bytes += op.key.size() + op.value.size();
  }
  if (total_bytes > limits.batch_bytes_max)
    return exceeds(status::batch_too_large, "a batch with keys and values",
                   total_bytes, limits.batch_bytes_max, "bytes");
  return std::nullopt;
}

} // namespace

fault find_count_fault(std::uint64_t item_count, const decode_limits& limits) {
  if (item_count > limits.batch_operations_max)
    return exceeds(status::batch_too_large, "a request on several keys",
                   item_count, limits.batch_operations_max, "items");
  return std::nullopt;
}

fault find_key_fault(std::string_view key, const decode_limits& limits) {
  if (key.size() > limits.key_bytes_max) [[unlikely]]
    return exceeds(status::key_too_large, "a key", key.size(),
                   limits.key_bytes_max, "bytes");
  return std::nullopt;
}

fault find_fault(const put& message, const decode_limits& limits) {
  if (auto wrong = find_key_fault(message.key, limits)) [[unlikely]]
    return wrong;
  if (message.condition > write_condition::if_version) [[unlikely]]
    return keep_open(status::bad_argument,
                     "condition "
                       + std::to_string(static_cast<int>(message.condition))
                       + " of a put is unknown");
  if (auto wrong = find_expiry_fault(message.expiry_ms, 0)) [[unlikely]]
    return wrong;
  return find_value_fault(message.value, limits);
}

fault find_fault(const append& message, const decode_limits& limits) {
  if (auto wrong = find_key_fault(message.key, limits))
    return wrong;
  return find_value_fault(message.value, limits);
}

fault find_fault(const touch& message, const decode_limits& limits) {
  if (auto wrong = find_key_fault(message.key, limits))
    return wrong;
  return find_expiry_fault(message.ttl_ms, 1);
}

fault find_fault(const multi_get& message, const decode_limits& limits) {
  if (auto wrong = find_count_fault(message.keys.size(), limits))
    return wrong;
  for (const std::string_view key : message.keys)
    if (auto wrong = find_key_fault(key, limits))
      return wrong;
  return std::nullopt;
}

fault find_fault(const batch& message, const decode_limits& limits) {
  if (auto wrong = find_count_fault(message.operations.size(), limits))
    return wrong;
  return find_operations_fault(message.operations, limits);
}

fault find_fault(const transact& message, const decode_limits& limits) {
  const std::uint64_t item_count = message.reads.size() + message.writes.size();
  if (auto wrong = find_count_fault(item_count, limits))
    return wrong;
  for (const observed_key& read : message.reads)
    if (auto wrong = find_key_fault(read.key, limits))
      return wrong;
  return find_operations_fault(message.writes, limits);
}

} // namespace kvs::protocol::native
