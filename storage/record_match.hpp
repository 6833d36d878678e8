#pragma once

#include "storage/index.hpp"
#include "storage/segment.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace kvs::storage {

/// Whether a record that the index found is of the key that was looked for.
struct record_match {
  enum class kind : std::uint8_t {
    /// More of the record's bytes are needed to tell.
    incomplete,
    /// Another key with the same hash.
    other_key,
    same_key,
    /// The same key, and the record says that it is gone.
    deletion,
  };
  kind what = kind::incomplete;
  /// same_key and deletion: with the exact size.
  index_entry entry;
};

/// How many bytes of a record are enough to compare it with `key`, unless it
/// is of another key.
constexpr std::size_t match_bytes(std::string_view key) noexcept {
  return key_offset(true) + key.size();
}

/// Compares the record at `offset_bytes`, of which `front` are the first
/// bytes, with `key`. Nothing is believed before the head's checksum fits.
/// Errors: corrupt (names file and offset).
result<record_match> match_record(const segment& from,
                                  std::uint64_t offset_bytes,
                                  std::span<const std::byte> front,
                                  std::string_view key);

} // namespace kvs::storage
