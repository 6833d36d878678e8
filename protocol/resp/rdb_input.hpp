// The bytes of a snapshot, and the numbers and strings among them.

#pragma once

#include "protocol/pacer.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <string_view>

namespace kvs::protocol::resp {

/// Reads from a stream or from memory. The first failure is kept: everything
/// after it reads as zeros and as empty, so that callers may check late; every
/// loop over a count that was read asks `is_good`.
class rdb_input {
public:
  rdb_input(const rdb_input&) = delete;
  rdb_input& operator=(const rdb_input&) = delete;

  explicit rdb_input(std::istream& stream)
    : stream_(&stream), pace_(&unpaced_) {
  }

  /// `pace` outlives the input.
  rdb_input(std::string_view bytes, pacer& pace)
    : window_(bytes), pace_(&pace) {
  }

  bool is_good() const {
    return error_.empty();
  }

  const std::string& error() const {
    return error_;
  }

  void fail(std::string_view why) {
    if (is_good())
      error_ = why;
  }

  /// Bytes read so far.
  std::uint64_t offset() const {
    return offset_;
  }

  /// The checksum of the bytes read so far.
  std::uint64_t checksum() const {
    return checksum_;
  }

  std::uint8_t byte();

  /// An integer of fixed size, lowest byte first.
  std::uint64_t fixed(std::size_t size_bytes);

  std::uint64_t length();

  std::string string(std::uint64_t bytes_max);

  struct sized_string {
    /// Empty if there are more than asked for.
    std::string bytes;
    std::uint64_t size_bytes{0};
  };

  /// A string of any length; one longer than `bytes_max` is read over.
  sized_string string_or_size(std::uint64_t bytes_max);

  void skip(std::uint64_t count);
  void skip_string();

  std::string raw(std::uint64_t count);

private:
  struct length_or_encoding {
    std::uint64_t value{0};
    bool is_encoding{false};
  };

  length_or_encoding any_length();
  std::uint64_t big_endian(std::size_t size_bytes);
  std::string encoded(std::uint64_t encoding, std::uint64_t bytes_max);
  std::string compressed(std::uint64_t bytes_max);
  sized_string compressed_or_size(std::uint64_t bytes_max);
  std::string decompressed(std::uint64_t packed_bytes,
                           std::uint64_t size_bytes);
  bool refill();

  template <class Take>
  void take(std::uint64_t count, Take take);

  std::istream* stream_{nullptr};
  std::string_view window_;
  /// Whoever reads a stream has all the time it takes.
  pacer unpaced_;
  pacer* pace_;
  std::array<char, 16 * 1024> buffer_;
  std::uint64_t offset_{0};
  std::uint64_t checksum_{0};
  std::string error_;
};

} // namespace kvs::protocol::resp
