// Parsing of SCAN.

#include "protocol/resp/scan.hpp"

#include "protocol/resp/glob.hpp"
#include "protocol/resp/numbers.hpp"

#include <cerrno>
#include <cstdlib>
#include <optional>

namespace kvs::protocol::resp {

namespace {

// As lenient as Redis: a sign is allowed, and nothing at all is 0.
std::optional<std::uint64_t> to_cursor(std::string_view text) {
  const std::string terminated{text};
  char* end = nullptr;
  errno = 0;
  const auto cursor = std::strtoull(terminated.c_str(), &end, 10);
  if ((!text.empty() && is_space(text.front())) || *end != '\0'
      || errno == ERANGE)
    return std::nullopt;
  return cursor;
}

/// Why an option and its value are refused; empty if they are right.
std::string_view read_option(scan_request& request, std::string_view option,
                             std::string_view value) {
  if (equals_ignoring_case(option, "count")) {
    const auto count = to_integer(value);
    if (!count)
      return "ERR value is not an integer or out of range";
    request.count = *count;
    return *count < 1 ? "ERR syntax error" : "";
  }
  if (equals_ignoring_case(option, "match")) {
    request.pattern = value;
    request.has_pattern = value != "*";
    return {};
  }
  if (equals_ignoring_case(option, "type")) {
    request.wants_strings = equals_ignoring_case(value, "string");
    return {};
  }
  return "ERR syntax error";
}

} // namespace

scan_request parse_scan(std::span<const std::string_view> args) {
  scan_request request;
  const auto cursor = to_cursor(args[1]);
  if (!cursor) {
    request.error = "ERR invalid cursor";
    return request;
  }
  request.cursor = *cursor;
  for (std::size_t i = 2; i < args.size() && request.error.empty(); i += 2)
    request.error = i + 1 < args.size()
                      ? read_option(request, args[i], args[i + 1])
                      : "ERR syntax error";
  return request;
}

bool scan_matches(const scan_request& request, std::string_view key) {
  return request.wants_strings
         && (!request.has_pattern || glob_match(request.pattern, key));
}

} // namespace kvs::protocol::resp
