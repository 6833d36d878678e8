// Counting and finding bits, many at a time.

#include "protocol/resp/bits.hpp"

#include <bit>
#include <cstring>

namespace kvs::protocol::resp {

namespace {

std::uint64_t load_word(std::string_view bytes, std::size_t at) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes.data() + at, sizeof word);
  return word;
}

/// The byte with its bits outside of the range set to 0.
unsigned masked_byte(std::string_view bytes, std::size_t at, bit_range range) {
  auto byte = static_cast<unsigned>(static_cast<unsigned char>(bytes[at]));
  if (at == range.first / 8)
    byte &= 0xFFu >> (range.first % 8);
  if (at == range.last / 8)
    byte &= 0xFFu << (7 - range.last % 8);
  return byte & 0xFFu;
}

} // namespace

std::uint64_t count_ones(std::string_view bytes, bit_range range) {
  const std::size_t last = range.last / 8;
  std::uint64_t count = 0;
  std::size_t at = range.first / 8;
  count += static_cast<unsigned>(std::popcount(masked_byte(bytes, at, range)));
  for (++at; at + 8 <= last; at += 8)
    count += static_cast<unsigned>(std::popcount(load_word(bytes, at)));
  for (; at <= last; ++at)
    count
      += static_cast<unsigned>(std::popcount(masked_byte(bytes, at, range)));
  return count;
}

std::optional<std::uint64_t> find_bit(std::string_view bytes, bit_range range,
                                      bool value) {
  const std::uint64_t boring = value ? 0 : ~std::uint64_t{0};
  for (std::uint64_t index = range.first; index <= range.last;) {
    const bool is_aligned = index % 8 == 0;
    if (is_aligned && range.last - index >= 63
        && load_word(bytes, index / 8) == boring)
      index += 64;
    else if (bit_at(bytes, index) == value)
      return index;
    else
      ++index;
  }
  return std::nullopt;
}

std::uint64_t read_bits(std::string_view bytes, std::uint64_t index,
                        int size_bits) {
  std::uint64_t value = 0;
  for (int i = 0; i < size_bits; ++i)
    value = value << 1
            | (bit_at(bytes, index + static_cast<unsigned>(i)) ? 1u : 0u);
  return value;
}

void write_bits(std::string& bytes, std::uint64_t index, int size_bits,
                std::uint64_t value) {
  for (int i = 0; i < size_bits; ++i)
    set_bit(bytes, index + static_cast<unsigned>(i),
            (value >> (size_bits - 1 - i) & 1) != 0);
}

} // namespace kvs::protocol::resp
