// What a request may not contain although its bytes are well formed.

#pragma once

#include "protocol/decode_error.hpp"
#include "protocol/limits.hpp"
#include "protocol/requests.hpp"

#include <optional>

namespace kvs::protocol::native {

/// Returns why `message` must be refused under `limits`, or nothing. No error
/// of it closes the connection.
///
/// Errors, in each case with nothing carried out:
/// - `key_too_large`, `value_too_large`, `batch_too_large`
/// - `bad_argument`: an expiry out of range, an unknown condition or kind of
///   operation, an erasure that carries a value or an expiry.
std::optional<decode_error> find_fault(const put& message,
                                       const decode_limits& limits);
std::optional<decode_error> find_fault(const append& message,
                                       const decode_limits& limits);
std::optional<decode_error> find_fault(const touch& message,
                                       const decode_limits& limits);
std::optional<decode_error> find_fault(const multi_get& message,
                                       const decode_limits& limits);
std::optional<decode_error> find_fault(const batch& message,
                                       const decode_limits& limits);
std::optional<decode_error> find_fault(const transact& message,
                                       const decode_limits& limits);

/// Returns why a list of so many items must be refused, or nothing.
std::optional<decode_error> find_count_fault(std::uint64_t item_count,
                                             const decode_limits& limits);

/// Returns why a key of this size must be refused, or nothing.
std::optional<decode_error> find_key_fault(std::string_view key,
                                           const decode_limits& limits);

/// Requests with a key and nothing else that could be wrong.
template <class Message>
requires requires(const Message& m) {
  m.key;
}
std::optional<decode_error> find_fault(const Message& message,
                                       const decode_limits& limits) {
  return find_key_fault(message.key, limits);
}

/// Requests in which nothing can be wrong. A scan is one: no key can begin
/// with a prefix that is too long, so the answer is empty.
template <class Message>
requires(!requires(const Message& m) {
  m.key;
}) std::optional<decode_error> find_fault(const Message&,
                                          const decode_limits&) {
  return std::nullopt;
}

} // namespace kvs::protocol::native
