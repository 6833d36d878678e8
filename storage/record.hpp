#pragma once

#include "storage/limits.hpp"
#include "storage/location.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

/// One record of the log, byte for byte. docs/log_format.md has the grammar,
/// the validity rule and a worked example.
///
///   0  u32 head_crc     CRC32C over bytes 4 … end of key, seeded with the
///                       segment's identity and the record's offset
///   4  u32 value_crc    CRC32C over the value, unseeded; head_crc binds it
///                       to this place
///   8  u32 value_bytes
///  12  u32 key_bytes:25 | has_expiry:1 | reserved:2 | type:4
///  16  in a log segment:        u32 sequence − base, u32 offset − durable_to
///      in a relocation segment: u64 sequence
///  24  u64 expires_at   only if has_expiry
///   …  key, value, zero padding to a multiple of 8
///
/// Integers are little-endian. The value's checksum needs no seed because the
/// checksum of the head covers it: whoever has the value's bytes first
/// computes it once, and relocation copies it unchanged.
namespace kvs::storage {

enum class record_type : std::uint8_t {
  // On disk: do not change the values of existing entries.
  put = 1,
  /// The key is gone. Value empty.
  tombstone = 2,
  /// Key empty; the value is a run of complete put and tombstone records that
  /// take effect together or not at all.
  batch = 3,
  /// Everything below its sequence number is gone. Key and value empty.
  flush = 4,
  /// Carries `durable_to` when the log falls idle. Key and value empty.
  mark = 5,
  /// The last record of a sealed log segment. Key and value empty.
  seal = 6,
};

inline constexpr std::size_t record_alignment = 8;
inline constexpr std::size_t record_head_bytes = 24;
inline constexpr std::size_t record_expiry_bytes = 8;

/// What makes a record belong to its place: part of every head_crc.
using segment_identity = std::array<std::byte, 16>;

enum class segment_kind : std::uint8_t {
  /// Written by the WRITER in the order of sequence numbers.
  log = 1,
  /// Written by the COMPACTOR: copies in any order, synced before anyone
  /// refers to them.
  relocation = 2,
};

/// What a record says before its key and value.
struct record_head {
  record_type type = record_type::put;
  sequence_number sequence = 0;
  /// Offset up to which the segment was synced when the record was written;
  /// 0 in relocation segments.
  std::uint64_t durable_to = 0;
  /// 0: never.
  timestamp_ms expires_at = 0;
  std::uint32_t key_bytes = 0;
  std::uint32_t value_bytes = 0;
  std::uint32_t value_crc = 0;
};

/// What a head is relative to.
struct record_context {
  segment_identity identity{};
  segment_kind kind = segment_kind::log;
  /// Lowest sequence number the segment may hold; log segments only.
  sequence_number base_sequence = 0;
};

/// Bytes of a record without its padding and with it.
constexpr std::uint64_t unpadded_record_bytes(std::uint64_t key_bytes,
                                              std::uint64_t value_bytes,
                                              bool has_expiry) noexcept {
  return record_head_bytes + (has_expiry ? record_expiry_bytes : 0) + key_bytes
         + value_bytes;
}
constexpr std::uint64_t record_bytes(std::uint64_t key_bytes,
                                     std::uint64_t value_bytes,
                                     bool has_expiry) noexcept {
  return (unpadded_record_bytes(key_bytes, value_bytes, has_expiry)
          + record_alignment - 1)
         / record_alignment * record_alignment;
}

/// Offset of the key within its record.
constexpr std::size_t key_offset(bool has_expiry) noexcept {
  return record_head_bytes + (has_expiry ? record_expiry_bytes : 0);
}

/// Checksum of a value as `record_head::value_crc` wants it.
std::uint32_t value_checksum(std::span<const std::byte> value) noexcept;
/// The same in steps: start with 0 and feed the parts in order.
std::uint32_t extend_value_checksum(std::uint32_t so_far,
                                    std::span<const std::byte> part) noexcept;
/// The checksum of two values one behind the other, from those of both.
/// Costs a microsecond, whatever their length.
std::uint32_t join_value_checksums(std::uint32_t first, std::uint32_t second,
                                   std::uint64_t second_bytes) noexcept;

/// Writes head and key (not value and padding) to `target` and returns how
/// many bytes that were.
///
/// @pre target holds key_offset(expiry) + key.size() bytes
/// @pre in a log segment: sequence − base_sequence and offset − durable_to
///      fit 32 bits
std::size_t encode_head(std::span<std::byte> target,
                        const record_context& context,
                        std::uint64_t offset_bytes, const record_head& head,
                        std::string_view key) noexcept;

/// A head that has proven to be what was written at this place.
struct decoded_head {
  record_head head;
  /// Points into the bytes that were decoded.
  std::string_view key;

  std::uint64_t size_bytes() const noexcept {
    return record_bytes(head.key_bytes, head.value_bytes, head.expires_at != 0);
  }
  std::uint64_t value_offset() const noexcept {
    return key_offset(head.expires_at != 0) + head.key_bytes;
  }
};

/// Reads the head and key at the start of `bytes`, which lie at
/// `offset_bytes` of their segment. Nothing is believed before head_crc fits.
/// nullopt: not a valid record of this place, or `bytes` ends inside the key.
std::optional<decoded_head> decode_head(std::span<const std::byte> bytes,
                                        const record_context& context,
                                        std::uint64_t offset_bytes) noexcept;

/// Whether these bytes could be a head of this place at all. Costs next to
/// nothing and proves nothing; spares whoever searches for heads most
/// checksums. @pre bytes.size() >= record_head_bytes
bool head_is_plausible(std::span<const std::byte> bytes,
                       const record_context& context,
                       std::uint64_t offset_bytes) noexcept;

/// The checksum with which a head at this place begins: of the identity and
/// the offset. For whoever computes head checksums in his own way.
std::uint32_t place_checksum(const segment_identity& identity,
                             std::uint64_t offset_bytes) noexcept;

/// Where in a record the bytes begin that its head checksum covers.
inline constexpr std::size_t head_crc_bytes = 4;

/// How many bytes `decode_head` needs to see to check this record (head and
/// key), as the unverified length field says it; capped by the format's key
/// limit. @pre bytes.size() >= record_head_bytes
std::uint64_t claimed_head_bytes(std::span<const std::byte> bytes) noexcept;

} // namespace kvs::storage
