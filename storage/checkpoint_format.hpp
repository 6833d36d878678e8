#pragma once

#include "storage/index_slot.hpp"
#include "storage/little_endian.hpp"
#include "storage/manifest.hpp"
#include "storage/record.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

/// The numbers of docs/log_format.md, "Checkpoint": private to checkpoint*.cpp.
namespace kvs::storage::checkpoint_format {

inline constexpr std::array<char, 8> magic
  = {'K', 'V', 'S', 'C', 'K', 'P', '1', '\n'};
inline constexpr std::uint32_t version = 1;

inline constexpr std::size_t head_bytes = 64;
inline constexpr std::size_t version_at = 8;
inline constexpr std::size_t part_count_at = 12;
inline constexpr std::size_t identity_at = 16;
inline constexpr std::size_t store_id_at = 32;
inline constexpr std::size_t generation_at = 40;
inline constexpr std::size_t manifest_crc_at = 48;
inline constexpr std::size_t crc_at = 52;
inline constexpr std::size_t flushed_below_at = 56;
inline constexpr std::size_t part_bytes = 16;

inline constexpr std::size_t block_head_bytes = 16;
/// A reader refuses larger blocks, …
inline constexpr std::size_t block_bytes_max = 1024 * 1024;
/// … and a writer makes smaller ones, which stay in a cache.
inline constexpr std::size_t block_bytes = 256 * 1024;

enum class block_kind : std::uint32_t {
  segments = 1,
  slots = 2,
  expiries = 3,
  end = 4,
};

inline constexpr std::size_t segment_bytes = 24;
inline constexpr std::size_t run_head_bytes = 8;
inline constexpr std::size_t slot_bytes = 10;
inline constexpr std::size_t expiry_bytes = 32;
inline constexpr std::size_t totals_bytes = 16;

/// As it lies in an index line: the place has the segment behind the offset.
inline void store_slot(std::byte* at, const index_slot& slot) noexcept {
  store_le(at, slot.tag);
  store_le(at + 4, slot.size_class);
  std::memcpy(at + 5, &slot.place, index_line::place_bytes);
}
inline index_slot load_slot(const std::byte* at) noexcept {
  index_slot slot{load_le<std::uint32_t>(at), load_le<std::uint8_t>(at + 4), 0};
  std::memcpy(&slot.place, at + 5, index_line::place_bytes);
  return slot;
}

/// What the head of a block begins with.
std::uint32_t block_checksum(const segment_identity& identity,
                             std::uint64_t offset_bytes,
                             std::span<const std::byte> block) noexcept;

/// Of the whole file that `state` is.
std::uint32_t manifest_checksum(const manifest& state);

} // namespace kvs::storage::checkpoint_format
