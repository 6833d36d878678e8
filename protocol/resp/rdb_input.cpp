// Reading of the primitives of a snapshot.

#include "protocol/resp/rdb_input.hpp"

#include "protocol/resp/crc64.hpp"
#include "protocol/resp/lzf.hpp"
#include "protocol/resp/numbers.hpp"

#include <algorithm>

namespace kvs::protocol::resp {

namespace {

// How a string is encoded, if not as its bytes.
constexpr std::uint64_t encoding_int8 = 0;
constexpr std::uint64_t encoding_int16 = 1;
constexpr std::uint64_t encoding_int32 = 2;
constexpr std::uint64_t encoding_lzf = 3;

std::int64_t sign_extended(std::uint64_t value, unsigned bits) {
  return static_cast<std::int64_t>(value << (64 - bits)) >> (64 - bits);
}

} // namespace

bool rdb_input::refill() {
  if (!is_good())
    return false;
  if (stream_ != nullptr) {
    stream_->read(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
    window_ = {buffer_.data(), static_cast<std::size_t>(stream_->gcount())};
  }
  if (window_.empty())
    fail("unexpected end of the bytes");
  return is_good();
}

/// Hands out `count` bytes, in pieces as they come.
template <class Take>
void rdb_input::take(std::uint64_t count, Take take) {
  while (count > 0 && is_good()) {
    if (window_.empty() && !refill())
      return;
    const auto piece = window_.substr(
      0,
      std::min<std::uint64_t>({count, window_.size(), pacer::piece_bytes_max}));
    take(piece);
    // Memory has its checksum at its end and is checked as a whole.
    if (stream_ != nullptr)
      checksum_ = crc64(checksum_, piece);
    window_.remove_prefix(piece.size());
    offset_ += piece.size();
    count -= piece.size();
    pace_->did(piece.size());
  }
}

void rdb_input::skip(std::uint64_t count) {
  take(count, [](std::string_view) {});
}

// Grows with what is there, not with what was announced.
std::string rdb_input::raw(std::uint64_t count) {
  std::string bytes;
  take(count, [&](std::string_view piece) { bytes.append(piece); });
  return bytes;
}

std::uint8_t rdb_input::byte() {
  return static_cast<std::uint8_t>(fixed(1));
}

std::uint64_t rdb_input::fixed(std::size_t size_bytes) {
  std::uint64_t value = 0;
  unsigned shift = 0;
  take(size_bytes, [&](std::string_view piece) {
    for (const char each : piece) {
      value |= std::uint64_t{static_cast<unsigned char>(each)} << shift;
      shift += 8;
    }
  });
  return is_good() ? value : 0;
}

std::uint64_t rdb_input::big_endian(std::size_t size_bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size_bytes; ++i)
    value = value << 8 | byte();
  return value;
}

// The two highest bits tell how the length is written.
rdb_input::length_or_encoding rdb_input::any_length() {
  const std::uint8_t first = byte();
  switch (first >> 6) {
    case 0:
      return {first & 0x3Fu, false};
    case 1:
      return {(first & 0x3Fu) << 8 | byte(), false};
    case 3:
      return {first & 0x3Fu, true};
    default:
      break;
  }
  if (first == 0x80)
    return {big_endian(4), false};
  if (first == 0x81)
    return {big_endian(8), false};
  fail("a length of unknown form");
  return {};
}

std::uint64_t rdb_input::length() {
  const auto read = any_length();
  if (read.is_encoding) {
    fail("an encoding in the place of a length");
    return 0;
  }
  return is_good() ? read.value : 0;
}

std::string rdb_input::string(std::uint64_t bytes_max) {
  const auto read = any_length();
  if (read.is_encoding)
    return encoded(read.value, bytes_max);
  if (read.value > bytes_max) {
    fail("a string of " + std::to_string(read.value)
         + " bytes exceeds the limit of " + std::to_string(bytes_max));
    return {};
  }
  return raw(read.value);
}

std::string rdb_input::encoded(std::uint64_t encoding,
                               std::uint64_t bytes_max) {
  std::int64_t value = 0;
  switch (encoding) {
    case encoding_int8:
      value = sign_extended(fixed(1), 8);
      break;
    case encoding_int16:
      value = sign_extended(fixed(2), 16);
      break;
    case encoding_int32:
      value = sign_extended(fixed(4), 32);
      break;
    case encoding_lzf:
      return compressed(bytes_max);
    default:
      fail("a string of unknown encoding");
      return {};
  }
  return std::string{digits_of{value}.view()};
}

std::string rdb_input::compressed(std::uint64_t bytes_max) {
  const std::uint64_t packed_bytes = length();
  const std::uint64_t size_bytes = length();
  if (packed_bytes > bytes_max || size_bytes > bytes_max) {
    fail("a compressed string exceeds the limit of " + std::to_string(bytes_max)
         + " bytes");
    return {};
  }
  return decompressed(packed_bytes, size_bytes);
}

std::string rdb_input::decompressed(std::uint64_t packed_bytes,
                                    std::uint64_t size_bytes) {
  const std::string packed = raw(packed_bytes);
  auto bytes
    = is_good() ? lzf_decompress(packed, size_bytes, *pace_) : std::nullopt;
  if (!bytes) {
    fail("a compressed string is malformed");
    return {};
  }
  return std::move(*bytes);
}

rdb_input::sized_string rdb_input::string_or_size(std::uint64_t bytes_max) {
  const auto read = any_length();
  if (read.is_encoding && read.value == encoding_lzf)
    return compressed_or_size(bytes_max);
  sized_string found;
  if (read.is_encoding) {
    found.bytes = encoded(read.value, bytes_max);
    found.size_bytes = found.bytes.size();
    return found;
  }
  found.size_bytes = read.value;
  if (read.value > bytes_max)
    skip(read.value);
  else
    found.bytes = raw(read.value);
  return found;
}

rdb_input::sized_string rdb_input::compressed_or_size(std::uint64_t bytes_max) {
  const std::uint64_t packed_bytes = length();
  sized_string found{{}, length()};
  // Compression never makes a string longer.
  if (packed_bytes > found.size_bytes)
    fail("a compressed string is malformed");
  else if (found.size_bytes > bytes_max)
    skip(packed_bytes);
  else
    found.bytes = decompressed(packed_bytes, found.size_bytes);
  return found;
}

void rdb_input::skip_string() {
  const auto read = any_length();
  if (!read.is_encoding)
    return skip(read.value);
  switch (read.value) {
    case encoding_int8:
      return skip(1);
    case encoding_int16:
      return skip(2);
    case encoding_int32:
      return skip(4);
    case encoding_lzf: {
      const std::uint64_t packed_bytes = length();
      length();
      return skip(packed_bytes);
    }
    default:
      fail("a string of unknown encoding");
  }
}

} // namespace kvs::protocol::resp
