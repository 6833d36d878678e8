// One line of an import, export or batch file.

#pragma once

#include "protocol/replies.hpp"
#include "protocol/requests.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace kvs::apps {

/// A key and what is to happen with it; owns its bytes.
struct json_line {
  protocol::operation_kind kind{protocol::operation_kind::put};
  std::string key;
  std::string value;
  /// 0 means for ever.
  std::int64_t expiry_ms{0};

  /// The same as an operation that borrows from this.
  protocol::operation as_operation() const {
    return {kind, key, expiry_ms, value};
  }
};

/// Reads {"key":...,"value":...,"ttl_ms":...}. Binary fields are called
/// key_base64 and value_base64; "ttl_ms" may be absent or null. With
/// `operations` there may be an "op", which is "put" or "erase". Returns the
/// line or why it is none.
std::variant<json_line, std::string> parse_json_line(std::string_view text,
                                                     bool operations);

/// Writes what `parse_json_line` reads, without a newline.
std::string to_json_line(std::string_view key,
                         const protocol::value_reply& value);

} // namespace kvs::apps
