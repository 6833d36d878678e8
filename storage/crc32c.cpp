#include "storage/crc32c.hpp"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace kvs::storage {
namespace {

/// The polynomial, bits reflected.
constexpr std::uint32_t polynomial = 0x82f63b78;

using byte_table = std::array<std::uint32_t, 256>;

constexpr std::array<byte_table, 8> make_slicing_tables() {
  std::array<byte_table, 8> tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? polynomial : 0);
    tables[0][i] = crc;
  }
  for (std::size_t t = 1; t < 8; ++t)
    for (std::size_t i = 0; i < 256; ++i) {
      const std::uint32_t below = tables[t - 1][i];
      tables[t][i] = (below >> 8) ^ tables[0][below & 0xff];
    }
  return tables;
}

constexpr auto slicing_tables = make_slicing_tables();

std::uint32_t extend_with_tables(std::uint32_t crc, const std::byte* at,
                                 std::size_t size) noexcept {
  const auto& t = slicing_tables;
  for (; size >= 8; size -= 8, at += 8) {
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    std::memcpy(&low, at, 4);
    std::memcpy(&high, at + 4, 4);
    low ^= crc;
    crc = t[7][low & 0xff] ^ t[6][(low >> 8) & 0xff] ^ t[5][(low >> 16) & 0xff]
          ^ t[4][low >> 24] ^ t[3][high & 0xff] ^ t[2][(high >> 8) & 0xff]
          ^ t[1][(high >> 16) & 0xff] ^ t[0][high >> 24];
  }
  for (; size > 0; --size, ++at)
    crc = (crc >> 8) ^ t[0][(crc ^ std::to_integer<std::uint32_t>(*at)) & 0xff];
  return crc;
}

#if defined(__x86_64__)

/// Bytes of each of the three lanes of a long input. The instruction takes
/// three cycles but a new one can start in each, so three lanes are three
/// times as fast as one.
constexpr std::size_t lane_bytes = 1024;

/// What `lane_bytes` zero bytes do to a CRC, as a table for each of its bytes.
/// The CRC is linear, so it is enough to know where single bits end up.
constexpr std::array<byte_table, 4> make_shift_tables() {
  std::array<std::uint32_t, 32> bits{};
  for (unsigned bit = 0; bit < 32; ++bit) {
    std::uint32_t crc = std::uint32_t{1} << bit;
    for (std::size_t i = 0; i < lane_bytes; ++i)
      crc = (crc >> 8) ^ slicing_tables[0][crc & 0xff];
    bits[bit] = crc;
  }
  std::array<byte_table, 4> tables{};
  for (unsigned t = 0; t < 4; ++t)
    for (unsigned i = 0; i < 256; ++i)
      for (unsigned bit = 0; bit < 8; ++bit)
        if ((i >> bit & 1) != 0)
          tables[t][i] ^= bits[t * 8 + bit];
  return tables;
}

constexpr auto shift_tables = make_shift_tables();

std::uint64_t shift_by_lane(std::uint64_t crc) noexcept {
  const auto& t = shift_tables;
  return t[0][crc & 0xff] ^ t[1][(crc >> 8) & 0xff] ^ t[2][(crc >> 16) & 0xff]
         ^ t[3][(crc >> 24) & 0xff];
}

std::uint64_t load_u64(const std::byte* at) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, at, 8);
  return word;
}

__attribute__((target("sse4.2"))) std::uint32_t
extend_with_instruction(std::uint32_t before, const std::byte* at,
                        std::size_t size) noexcept {
  std::uint64_t crc = before;
  for (; size >= 3 * lane_bytes; size -= 3 * lane_bytes) {
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    for (std::size_t i = 0; i < lane_bytes; i += 8) {
      crc = _mm_crc32_u64(crc, load_u64(at + i));
      second = _mm_crc32_u64(second, load_u64(at + lane_bytes + i));
      third = _mm_crc32_u64(third, load_u64(at + 2 * lane_bytes + i));
    }
    crc = shift_by_lane(shift_by_lane(crc) ^ second) ^ third;
    at += 3 * lane_bytes;
  }
  for (; size >= 8; size -= 8, at += 8)
    crc = _mm_crc32_u64(crc, load_u64(at));
  auto narrow = static_cast<std::uint32_t>(crc);
  for (; size > 0; --size, ++at)
    narrow = _mm_crc32_u8(narrow, std::to_integer<std::uint8_t>(*at));
  return narrow;
}

#endif

/// Product of two polynomials modulo ours; the highest bit is the constant
/// term, as everywhere here.
constexpr std::uint32_t multiply(std::uint32_t a, std::uint32_t b) noexcept {
  std::uint32_t product = 0;
  for (std::uint32_t bit = std::uint32_t{1} << 31; bit != 0; bit >>= 1) {
    if ((a & bit) != 0)
      product ^= b;
    b = (b & 1) != 0 ? (b >> 1) ^ polynomial : b >> 1;
  }
  return product;
}

/// x to the power of 8 · 2^i: what 2^i more bytes do to a CRC.
constexpr std::array<std::uint32_t, 64> make_byte_powers() {
  std::array<std::uint32_t, 64> powers{};
  powers[0] = std::uint32_t{1} << (31 - 8);
  for (std::size_t i = 1; i < powers.size(); ++i)
    powers[i] = multiply(powers[i - 1], powers[i - 1]);
  return powers;
}

constexpr auto byte_powers = make_byte_powers();

using extend_function
  = std::uint32_t (*)(std::uint32_t, const std::byte*, std::size_t) noexcept;

extend_function fastest() noexcept {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2") != 0)
    return extend_with_instruction;
#endif
  return extend_with_tables;
}

} // namespace

std::uint32_t extend_crc32c(std::uint32_t so_far,
                            std::span<const std::byte> part) noexcept {
  static const extend_function extend = fastest();
  return ~extend(~so_far, part.data(), part.size());
}

std::uint32_t extend_crc32c_portable(std::uint32_t so_far,
                                     std::span<const std::byte> part) noexcept {
  return ~extend_with_tables(~so_far, part.data(), part.size());
}

std::uint32_t shift_crc32c(std::uint32_t crc, std::uint64_t bytes) noexcept {
  for (std::size_t i = 0; bytes != 0; ++i, bytes >>= 1)
    if ((bytes & 1) != 0)
      crc = multiply(byte_powers[i], crc);
  return crc;
}

} // namespace kvs::storage
