// UTF-8 and base64.

#include "apps/client/text_encoding.hpp"

#include <cstdint>

namespace kvs::apps {

namespace {

constexpr std::string_view alphabet
  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::uint8_t byte_at(std::string_view bytes, std::size_t place) {
  return static_cast<std::uint8_t>(bytes[place]);
}

// Length of a sequence that begins with `first`; 0 if none does.
std::size_t sequence_bytes(std::uint8_t first) {
  if (first < 0x80)
    return 1;
  if (first >= 0xC2 && first <= 0xDF)
    return 2;
  if (first >= 0xE0 && first <= 0xEF)
    return 3;
  return first >= 0xF0 && first <= 0xF4 ? 4 : 0;
}

// The second byte rules out overlong forms, surrogates and too large values.
bool second_fits(std::uint8_t first, std::uint8_t second) {
  switch (first) {
    case 0xE0:
      return second >= 0xA0 && second <= 0xBF;
    case 0xED:
      return second >= 0x80 && second <= 0x9F;
    case 0xF0:
      return second >= 0x90 && second <= 0xBF;
    case 0xF4:
      return second >= 0x80 && second <= 0x8F;
    default:
      return second >= 0x80 && second <= 0xBF;
  }
}

} // namespace

bool is_utf8(std::string_view bytes) {
  for (std::size_t place = 0; place < bytes.size();) {
    const std::uint8_t first = byte_at(bytes, place);
    const std::size_t length = sequence_bytes(first);
    if (length == 0 || bytes.size() - place < length)
      return false;
    if (length > 1 && !second_fits(first, byte_at(bytes, place + 1)))
      return false;
    for (std::size_t i = 2; i < length; ++i)
      if ((byte_at(bytes, place + i) & 0xC0) != 0x80)
        return false;
    place += length;
  }
  return true;
}

std::string to_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t place = 0; place < bytes.size(); place += 3) {
    const std::size_t left = bytes.size() - place;
    std::uint32_t group = std::uint32_t{byte_at(bytes, place)} << 16;
    if (left > 1)
      group |= std::uint32_t{byte_at(bytes, place + 1)} << 8;
    if (left > 2)
      group |= byte_at(bytes, place + 2);
    text += alphabet[group >> 18];
    text += alphabet[group >> 12 & 63];
    text += left > 1 ? alphabet[group >> 6 & 63] : '=';
    text += left > 2 ? alphabet[group & 63] : '=';
  }
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0)
    return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && text.ends_with('=')) {
    text.remove_suffix(1);
    ++padding;
  }
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t group = 0;
  int bits = 0;
  for (const char letter : text) {
    const std::size_t value = alphabet.find(letter);
    if (value == std::string_view::npos)
      return std::nullopt;
    group = group << 6 | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>(group >> bits & 0xFF);
    }
  }
  // Bits that belong to no byte have to be zero, or two texts would mean the
  // same.
  if ((group & ((1U << bits) - 1)) != 0)
    return std::nullopt;
  return bytes;
}

} // namespace kvs::apps
