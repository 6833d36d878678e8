// What the handlers of commands have in common.

#pragma once

#include "protocol/resp/command_spec.hpp"
#include "protocol/resp/keyspace.hpp"
#include "protocol/resp/numbers.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace kvs::protocol::resp::handlers {

inline constexpr std::string_view syntax_error = "ERR syntax error";
inline constexpr std::string_view not_an_integer
  = "ERR value is not an integer or out of range";
inline constexpr std::string_view too_long
  = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";

inline bool is_word(std::string_view argument, std::string_view lower) {
  return equals_ignoring_case(argument, lower);
}

/// The integer in `argument`, or nothing after an error reply.
inline std::optional<std::int64_t>
integer_or_reply(const command_call& call, std::string_view argument,
                 std::string_view error = not_an_integer) {
  const auto value = to_integer(argument);
  if (!value)
    call.reply.error(error);
  return value;
}

/// A key that is only read: a miss is told to who listens for it.
inline const found_value* find_for_reading(const command_call& call,
                                           std::string_view key) {
  const auto* found = call.keys.find(key);
  if (found == nullptr)
    call.keys.notify(event_class::key_miss, "keymiss", key);
  return found;
}

/// A key that is changed: a copy, since the change ends the life of the
/// original.
inline std::optional<found_value> find_for_writing(const command_call& call,
                                                   std::string_view key) {
  const auto* found = call.keys.find(key);
  return found == nullptr ? std::nullopt : std::optional{*found};
}

/// The bytes of an argument.
inline shared_bytes borrowed(std::string_view argument) {
  return {nullptr, argument};
}

/// New bytes.
inline shared_bytes owned(std::string bytes) {
  auto owner = std::make_shared<const std::string>(std::move(bytes));
  const std::string_view view{*owner};
  return {std::move(owner), view};
}

enum class key_state { missing, present };

/// Sets a key; a key that was missing is announced first, as Redis does.
inline void store(const command_call& call, std::string_view key,
                  shared_bytes value, std::int64_t expires_at_ms,
                  key_state before) {
  call.keys.put(key, std::move(value), expires_at_ms);
  if (before == key_state::missing)
    call.keys.notify(event_class::new_key, "new", key);
}

inline void notify_string(const command_call& call, std::string_view event,
                          std::string_view key) {
  call.keys.notify(event_class::string, event, key);
}

inline void notify_generic(const command_call& call, std::string_view event,
                           std::string_view key) {
  call.keys.notify(event_class::generic, event, key);
}

/// Replaces the value of a key, keeps its deadline, and tells of `event`.
inline void store_changed(const command_call& call, std::string_view key,
                          const std::optional<found_value>& before,
                          std::string value, std::string_view event) {
  store(call, key, owned(std::move(value)), before ? before->expires_at_ms : 0,
        before ? key_state::present : key_state::missing);
  notify_string(call, event, key);
}

/// Removes a live key and says so.
inline void erase_key(const command_call& call, std::string_view key) {
  call.keys.erase(key);
  notify_generic(call, "del", key);
}

inline std::string_view bytes_of(const std::optional<found_value>& found) {
  return found ? found->value.bytes : std::string_view{};
}

/// Appends `bytes` to a string that has room for them.
inline void append_bytes(const command_call& call, std::string& to,
                         std::string_view bytes) {
  call.pace.in_pieces(bytes.size(), [&](std::size_t at, std::size_t count) {
    to.append(bytes.substr(at, count));
  });
}

/// A copy of `bytes` that is as long as asked for, filled up with zeros.
inline std::string copy_of(const command_call& call, std::string_view bytes,
                           std::size_t size) {
  std::string copy;
  copy.reserve(size);
  append_bytes(call, copy, bytes.substr(0, size));
  call.pace.in_pieces(size - copy.size(), [&](std::size_t, std::size_t count) {
    copy.append(count, '\0');
  });
  return copy;
}

/// Replies bytes of a value.
inline void reply_bytes(const command_call& call, std::string_view bytes) {
  std::byte* to = call.reply.begin_bulk(bytes.size());
  call.pace.in_pieces(bytes.size(), [&](std::size_t at, std::size_t count) {
    std::memcpy(to + at, bytes.data() + at, count);
  });
}

/// Whether a value of `size` bytes is allowed; replies an error if not.
inline bool fits_or_reply(const command_call& call, std::uint64_t size) {
  if (size <= call.limits.value_bytes_max)
    return true;
  call.reply.error(too_long);
  return false;
}

/// "ERR invalid expire time in 'set' command".
void reply_invalid_expiry(const command_call& call, std::string_view command);

} // namespace kvs::protocol::resp::handlers
