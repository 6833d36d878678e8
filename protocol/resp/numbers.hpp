// Numbers as Redis reads and writes them.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kvs::protocol::resp {

/// Any blank of the C locale.
constexpr bool is_space(char letter) {
  return letter == ' ' || (letter >= '\t' && letter <= '\r');
}

constexpr char to_lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32)
                                        : letter;
}

/// The value of a hexadecimal digit, -1 for anything else.
constexpr int hex_digit(char letter) {
  const char lower = to_lower(letter);
  if (lower >= '0' && lower <= '9')
    return lower - '0';
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Whether the texts are the same but for the case of ASCII letters.
constexpr bool equals_ignoring_case(std::string_view one,
                                    std::string_view other) {
  if (one.size() != other.size())
    return false;
  for (std::size_t i = 0; i < one.size(); ++i) {
    if (to_lower(one[i]) != to_lower(other[i]))
      return false;
  }
  return true;
}

/// The integer whose shortest decimal form is `text`: no blanks, no `+`, no
/// leading zeros, no `-0`.
std::optional<std::int64_t> to_integer(std::string_view text);

/// A finite or infinite number in any form that `strtold` knows, without
/// blanks in front. No NaN, and nothing too large or too small for its type.
std::optional<long double> to_long_double(std::string_view text);

/// The decimal form without exponent that INCRBYFLOAT stores: at most 17
/// digits behind the point, and no zeros at the end.
std::string format_long_double(long double value);

/// The form of replies, 17 significant digits at most: `inf`, `-inf`, `nan`,
/// `3`, `0.10000000000000001`, `1e+30`.
std::string format_double(double value);

/// Bytes from a size such as `512`, `64mb`, `1gb`, `10k`: powers of 1000 for
/// `k`, `m`, `g` and of 1024 for `kb`, `mb`, `gb`, in any case.
std::optional<std::int64_t> to_memory_size(std::string_view text);

/// The decimal digits of an integer, without an allocation.
class digits_of {
public:
  explicit digits_of(std::int64_t value);

  std::string_view view() const {
    return {text_.data(), size_};
  }

private:
  std::array<char, 24> text_;
  std::size_t size_;
};

} // namespace kvs::protocol::resp
