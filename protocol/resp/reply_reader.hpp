// Replies out of the bytes that a server of RESP sends.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kvs::protocol::resp {

/// A reply of RESP2 that owns its bytes.
struct reply_value {
  enum class kind { text, error, integer, bulk, null, array };
  kind type{kind::null};
  /// Of a text, an error or a bulk string.
  std::string text;
  std::int64_t integer{0};
  std::vector<reply_value> elements;

  bool is_error() const {
    return type == kind::error;
  }
};

struct parsed_reply {
  enum class status {
    /// The reply is incomplete: try again once there are `needed_bytes`.
    need_more,
    /// `reply` has `consumed_bytes` bytes.
    reply,
    /// The bytes are no RESP2; `error` says why.
    error,
  };
  status result{status::need_more};
  reply_value reply;
  std::size_t consumed_bytes{0};
  /// Always more than there were.
  std::uint64_t needed_bytes{0};
  std::string error;
};

/// Reads the reply that `bytes` begin with. No memory is taken for what is only
/// announced; arrays deeper than those of any command are an error.
parsed_reply parse_reply(std::string_view bytes);

} // namespace kvs::protocol::resp
