// Conversions between numbers and text.

#include "protocol/resp/numbers.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

namespace kvs::protocol::resp {

namespace {

// What does not fit into this is no number for Redis either.
constexpr std::size_t float_text_bytes_max = 5 * 1024;

struct memory_unit {
  std::string_view name;
  std::int64_t bytes;
};

constexpr memory_unit memory_units[] = {
  {"", 1},
  {"b", 1},
  {"k", 1000},
  {"kb", 1024},
  {"m", 1000 * 1000},
  {"mb", 1024 * 1024},
  {"g", 1000 * 1000 * 1000},
  {"gb", 1024 * 1024 * 1024},
};

} // namespace

std::optional<std::int64_t> to_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (text.empty() || parsed.ec != std::errc{} || parsed.ptr != end)
    return std::nullopt;
  const bool is_negative = text.front() == '-';
  if (text[is_negative ? 1 : 0] == '0' && text.size() > 1)
    return std::nullopt;
  return value;
}

std::optional<long double> to_long_double(std::string_view text) {
  if (text.empty() || text.size() >= float_text_bytes_max
      || is_space(text.front()))
    return std::nullopt;
  const std::string terminated{text};
  char* end = nullptr;
  errno = 0;
  const long double value = std::strtold(terminated.c_str(), &end);
  const bool is_out_of_range
    = errno == ERANGE && (std::isinf(value) || value == 0);
  if (end != terminated.c_str() + terminated.size() || is_out_of_range
      || errno == EINVAL || std::isnan(value))
    return std::nullopt;
  return value;
}

std::string format_long_double(long double value) {
  if (std::isinf(value))
    return value > 0 ? "inf" : "-inf";
  const int size = std::snprintf(nullptr, 0, "%.17Lf", value);
  std::string text(static_cast<std::size_t>(size) + 1, '\0');
  std::snprintf(text.data(), text.size(), "%.17Lf", value);
  text.pop_back();
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.'))
    text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string format_double(double value) {
  if (std::isnan(value))
    return "nan";
  if (std::isinf(value))
    return value > 0 ? "inf" : "-inf";
  char text[40];
  const int size = std::snprintf(text, sizeof text, "%.17g", value);
  return {text, static_cast<std::size_t>(size)};
}

std::optional<std::int64_t> to_memory_size(std::string_view text) {
  const std::size_t digits
    = std::min(text.find_first_not_of("-0123456789"), text.size());
  const auto unit = std::ranges::find_if(memory_units, [&](const auto& each) {
    return equals_ignoring_case(each.name, text.substr(digits));
  });
  std::int64_t count = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + digits, count);
  if (unit == std::end(memory_units) || parsed.ec != std::errc{}
      || parsed.ptr != text.data() + digits || digits == 0 || count < 0
      || count > std::numeric_limits<std::int64_t>::max() / unit->bytes)
    return std::nullopt;
  return count * unit->bytes;
}

digits_of::digits_of(std::int64_t value) {
  size_ = static_cast<std::size_t>(
    std::to_chars(text_.data(), text_.data() + text_.size(), value).ptr
    - text_.data());
}

} // namespace kvs::protocol::resp
