#pragma once

#include <cstddef>
#include <cstdint>

/// Every bound of kvs in one place, each with the reason for it. Values marked
/// *configurable* may be lowered (the key limit also raised) by the options of
/// the node; the others are properties of the format.
namespace kvs::storage {

inline constexpr std::uint64_t kibibyte = 1024;
inline constexpr std::uint64_t mebibyte = 1024 * kibibyte;

/// Longest key the format can hold. Keys stay in memory while a request is
/// evaluated, so a longer one would be a value in disguise.
inline constexpr std::uint64_t key_bytes_format_max = 16 * mebibyte;

/// Longest value; *configurable* downwards. Redis has the same limit, and a
/// longer value would outlive every sensible network timeout.
inline constexpr std::uint64_t value_bytes_max = 512 * mebibyte;

/// Most operations of one atomic batch or transaction; *configurable*
/// downwards. A batch is applied in one turn of each shard.
inline constexpr std::uint32_t batch_operations_max = 1024;

/// Most bytes of keys and values of one atomic batch; *configurable*
/// downwards. A batch is one record that is put together in memory.
inline constexpr std::uint64_t batch_bytes_max = 16 * mebibyte;
static_assert(batch_bytes_max <= value_bytes_max);

/// Largest record: a value of the maximum size, its key and headers.
inline constexpr std::uint64_t record_bytes_max
  = value_bytes_max + key_bytes_format_max + 2 * mebibyte;
static_assert(record_bytes_max < (std::uint64_t{1} << 32),
              "record_location::size_bytes has 32 bits");

/// Size at which the active segment is sealed; *configurable*.
inline constexpr std::uint64_t segment_bytes_default = 128 * mebibyte;
/// Smaller segments would spend more on headers and files than on records.
inline constexpr std::uint64_t segment_bytes_min = 4 * kibibyte;
/// A record of a key, also one inside a batch, must begin below this offset,
/// so that a location fits 24 bits of 8-byte units in a compact index.
inline constexpr std::uint64_t segment_bytes_max = 128 * mebibyte;

/// Most segments of a store, 7.5 TiB of the default size: an index numbers
/// them with 16 bits, and compaction needs some besides.
inline constexpr std::size_t segments_max = 60'000;

/// Records and moves that one message of compaction carries at most; keeps a
/// shard's turn far below a millisecond.
inline constexpr std::size_t compaction_entries_max = 512;

/// Bytes of one large value that an actor handles in one turn at most.
inline constexpr std::uint64_t turn_value_bytes_max = mebibyte;

} // namespace kvs::storage
