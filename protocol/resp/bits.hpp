// Bits in strings: bit 0 is the highest bit of the first byte.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kvs::protocol::resp {

/// A bit behind the end is 0.
inline bool bit_at(std::string_view bytes, std::uint64_t index) {
  const std::uint64_t byte = index / 8;
  return byte < bytes.size()
         && ((static_cast<unsigned char>(bytes[byte]) >> (7 - index % 8)) & 1)
              != 0;
}

/// @pre the bit is in `bytes`
inline void set_bit(std::string& bytes, std::uint64_t index, bool value) {
  const auto mask = static_cast<unsigned char>(1u << (7 - index % 8));
  const auto old = static_cast<unsigned char>(bytes[index / 8]);
  bytes[index / 8] = static_cast<char>(
    value ? old | mask : old & static_cast<unsigned>(~mask));
}

/// Bits `first` to `last`, both included and in `bytes`.
struct bit_range {
  std::uint64_t first{0};
  std::uint64_t last{0};
};

std::uint64_t count_ones(std::string_view bytes, bit_range range);

/// The first bit of that value, if there is one.
std::optional<std::uint64_t> find_bit(std::string_view bytes, bit_range range,
                                      bool value);

/// The number in `size_bits` bits from `index` on, at most 64; bits behind
/// the end are 0. The highest bit comes first.
std::uint64_t read_bits(std::string_view bytes, std::uint64_t index,
                        int size_bits);

/// @pre all those bits are in `bytes`
void write_bits(std::string& bytes, std::uint64_t index, int size_bits,
                std::uint64_t value);

} // namespace kvs::protocol::resp
