// The arguments of SCAN, for whoever walks the keys.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace kvs::protocol::resp {

/// A call of SCAN. Views into the arguments.
struct scan_request {
  std::uint64_t cursor{0};
  /// How many keys the client would like per call; at least 1.
  std::int64_t count{10};
  /// False: every key.
  bool has_pattern{false};
  std::string_view pattern;
  /// TYPE asked for something that is no string: no key matches.
  bool wants_strings{true};
  /// Not empty: the call is malformed, and this is the error reply.
  std::string error;
};

/// Reads the arguments of SCAN, its name included.
scan_request parse_scan(std::span<const std::string_view> args);

/// Whether the reply to `request` contains `key`.
bool scan_matches(const scan_request& request, std::string_view key);

} // namespace kvs::protocol::resp
