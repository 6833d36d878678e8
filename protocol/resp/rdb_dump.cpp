// Single strings in the format of snapshots.

#include "protocol/resp/crc64.hpp"
#include "protocol/resp/numbers.hpp"
#include "protocol/resp/rdb.hpp"
#include "protocol/resp/rdb_input.hpp"
#include "protocol/resp/rdb_types.hpp"

#include <optional>

namespace kvs::protocol::resp {

namespace {

constexpr std::size_t version_bytes = 2;
constexpr std::size_t checksum_bytes = 8;
constexpr std::size_t footer_bytes = version_bytes + checksum_bytes;

// Longer texts are no integers of 32 bits.
constexpr std::size_t integer_text_bytes_max = 11;

void append_little_endian(std::string& out, std::uint64_t value,
                          std::size_t size_bytes) {
  for (std::size_t i = 0; i < size_bytes; ++i)
    out += static_cast<char>(value >> 8 * i & 0xFF);
}

void append_big_endian(std::string& out, std::uint64_t value,
                       std::size_t size_bytes) {
  for (std::size_t i = size_bytes; i-- > 0;)
    out += static_cast<char>(value >> 8 * i & 0xFF);
}

void append_length(std::string& out, std::uint64_t length) {
  if (length < 64) {
    out += static_cast<char>(length);
  } else if (length < 16 * 1024) {
    append_big_endian(out, 0x4000 | length, 2);
  } else if (length <= 0xFFFFFFFF) {
    out += '\x80';
    append_big_endian(out, length, 4);
  } else {
    out += '\x81';
    append_big_endian(out, length, 8);
  }
}

/// Whether the value is a small integer, which is then written as such.
bool append_integer(std::string& out, std::string_view value) {
  const auto number
    = value.size() <= integer_text_bytes_max ? to_integer(value) : std::nullopt;
  if (!number)
    return false;
  for (int width = 0; width < 3; ++width) {
    const int bits = 8 << width;
    const std::int64_t highest = (std::int64_t{1} << (bits - 1)) - 1;
    if (*number < -highest - 1 || *number > highest)
      continue;
    out += static_cast<char>(0xC0 | width);
    append_little_endian(out, static_cast<std::uint64_t>(*number),
                         static_cast<std::size_t>(bits) / 8);
    return true;
  }
  return false;
}

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

std::uint64_t checksum_of(std::string_view bytes, pacer& pace) {
  std::uint64_t checksum = 0;
  pace.in_pieces(bytes.size(), [&](std::size_t at, std::size_t count) {
    checksum = crc64(checksum, bytes.substr(at, count));
  });
  return checksum;
}

} // namespace

std::string dump_string(std::string_view value, pacer& pace) {
  std::string out;
  out.reserve(value.size() + 1 + 9 + footer_bytes);
  out += static_cast<char>(rdb_type_string);
  if (!append_integer(out, value)) {
    append_length(out, value.size());
    pace.in_pieces(value.size(), [&](std::size_t at, std::size_t count) {
      out.append(value.substr(at, count));
    });
  }
  append_little_endian(out, rdb_version, version_bytes);
  append_little_endian(out, checksum_of(out, pace), checksum_bytes);
  return out;
}

restored_string restore_string(std::string_view dump,
                               std::uint64_t value_bytes_max, pacer& pace) {
  using outcome = restored_string::outcome;
  if (dump.size() < footer_bytes)
    return {outcome::bad_checksum, {}};
  const auto footer = dump.substr(dump.size() - footer_bytes);
  if (little_endian(footer.substr(0, version_bytes)) > rdb_version
      || little_endian(footer.substr(version_bytes))
           != checksum_of(dump.substr(0, dump.size() - checksum_bytes), pace))
    return {outcome::bad_checksum, {}};
  // As in Redis a string that claims to be longer reads on into the footer;
  // the checksum says that somebody meant it.
  rdb_input in{dump, pace};
  if (in.byte() != rdb_type_string)
    return {outcome::bad_format, {}};
  std::string value = in.string(value_bytes_max);
  if (!in.is_good())
    return {outcome::bad_format, {}};
  return {outcome::value, std::move(value)};
}

} // namespace kvs::protocol::resp
