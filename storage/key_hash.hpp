#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

/// How a key finds its shard, its scan partition and its validation slot.
namespace kvs::storage {

/// Bits of the hash that name a scan partition; they never change, so a scan
/// cursor survives restarts and any number of shards.
inline constexpr unsigned partition_bits = 16;
inline constexpr std::uint32_t partition_count = 1U << partition_bits;

/// Bits of the hash that name a slot of the WRITER's validation table. All
/// keys of a slot share a partition, hence a shard.
inline constexpr unsigned slot_bits = 18;
inline constexpr std::uint32_t slot_count = 1U << slot_bits;
static_assert(slot_bits >= partition_bits);

/// A keyed 64-bit hash.
using key_hash = std::uint64_t;

/// A hash and 64 more bits that are independent of it. Two keys of a store
/// with the same fingerprint are the same key: among 10^10 keys there is a
/// pair for which that is wrong with a probability of 10^-19.
struct key_fingerprint {
  key_hash hash = 0;
  std::uint64_t check = 0;

  friend auto operator<=>(const key_fingerprint&, const key_fingerprint&)
    = default;
};

/// Hashes keys with a secret of the store (XXH3 with a generated secret), so
/// that nobody outside can make keys collide. The seed is in the MANIFEST.
class key_hasher {
public:
  /// `hash_bits`: how many leading bits of a hash are not zero; fewer than 64
  /// only in tests that want keys to collide.
  explicit key_hasher(std::uint64_t seed, unsigned hash_bits = 64);
  key_hash operator()(std::string_view key) const noexcept;
  key_fingerprint fingerprint(std::string_view key) const noexcept;

private:
  key_hash mask_;
  /// XXH3_SECRET_DEFAULT_SIZE bytes derived from the seed.
  std::array<std::byte, 192> secret_{};
};

constexpr std::uint32_t partition_of(key_hash hash) noexcept {
  return static_cast<std::uint32_t>(hash >> (64 - partition_bits));
}

constexpr std::uint32_t slot_of(key_hash hash) noexcept {
  return static_cast<std::uint32_t>(hash >> (64 - slot_bits));
}

/// Shards own contiguous ranges of partitions.
constexpr std::uint32_t shard_of_partition(std::uint32_t partition,
                                           std::uint32_t shard_count) noexcept {
  return static_cast<std::uint32_t>((std::uint64_t{partition} * shard_count)
                                    >> partition_bits);
}

constexpr std::uint32_t shard_of(key_hash hash,
                                 std::uint32_t shard_count) noexcept {
  return shard_of_partition(partition_of(hash), shard_count);
}

/// First partition of a shard; `shard == shard_count` gives the end.
constexpr std::uint32_t first_partition(std::uint32_t shard,
                                        std::uint32_t shard_count) noexcept {
  return static_cast<std::uint32_t>(
    ((std::uint64_t{shard} << partition_bits) + shard_count - 1) / shard_count);
}

} // namespace kvs::storage
