// The options of SET and GETEX.

#pragma once

#include "protocol/resp/command_spec.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace kvs::protocol::resp::handlers {

enum class expiry_unit { none, ex, px, exat, pxat };

/// A deadline as the client has written it.
struct expiry_argument {
  expiry_unit unit{expiry_unit::none};
  std::string_view text;

  bool is_given() const {
    return unit != expiry_unit::none;
  }

  bool is_absolute() const {
    return unit == expiry_unit::exat || unit == expiry_unit::pxat;
  }
};

struct string_options {
  expiry_argument expiry;
  bool is_nx{false};
  bool is_xx{false};
  bool wants_old{false};
  bool keeps_ttl{false};
  bool is_persist{false};
};

enum class option_set { of_set, of_getex };

/// Reads the options from argument `first` on; nothing if they are malformed
/// or contradict each other.
std::optional<string_options>
parse_string_options(std::span<const std::string_view> args, std::size_t first,
                     option_set offered);

/// The deadline in milliseconds since 1970, or nothing after an error reply
/// that names `command`.
std::optional<std::int64_t> deadline_or_reply(const command_call& call,
                                              const expiry_argument& expiry,
                                              std::string_view command);

} // namespace kvs::protocol::resp::handlers
