// CRC-64/REDIS, eight bytes at a time.

#include "protocol/resp/crc64.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace kvs::protocol::resp {

static_assert(std::endian::native == std::endian::little,
              "Words are read as they lie in memory.");

namespace {

constexpr std::uint64_t reflected_polynomial = 0x95AC9329AC4BC9B5;

using table = std::array<std::uint64_t, 256>;

constexpr std::array<table, 8> make_tables() {
  std::array<table, 8> tables{};
  for (std::uint64_t byte = 0; byte < 256; ++byte) {
    std::uint64_t crc = byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc & 1) != 0 ? crc >> 1 ^ reflected_polynomial : crc >> 1;
    tables[0][byte] = crc;
  }
  // Table n: the same byte with n zeros behind it.
  for (std::size_t n = 1; n < 8; ++n) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint64_t before = tables[n - 1][byte];
      tables[n][byte] = before >> 8 ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}

constexpr auto tables = make_tables();

} // namespace

std::uint64_t crc64(std::uint64_t crc, std::string_view bytes) {
  const char* at = bytes.data();
  const char* end = at + bytes.size();
  for (; end - at >= 8; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    word ^= crc;
    crc = 0;
    for (std::size_t n = 0; n < 8; ++n)
      crc ^= tables[7 - n][word >> 8 * n & 0xFF];
  }
  for (; at != end; ++at)
    crc = tables[0][(crc ^ static_cast<unsigned char>(*at)) & 0xFF] ^ crc >> 8;
  return crc;
}

} // namespace kvs::protocol::resp
