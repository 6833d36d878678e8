#pragma once

#include "storage/index.hpp"
#include "storage/index_table.hpp"
#include "storage/segment_shares.hpp"

#include <cassert>
#include <cstdint>
#include <vector>

/// The inside of an index: private to index*.cpp.
namespace kvs::storage {

/// Partitions that one table covers.
constexpr unsigned table_partition_bits = partition_bits - index_table_bits;

constexpr std::uint32_t tag_of(key_hash hash) noexcept {
  return static_cast<std::uint32_t>(hash >> (32 - index_table_bits));
}

/// First tag of a partition within its table, in 64 bits because the end of
/// the last one does not fit 32.
constexpr std::uint64_t first_tag(std::uint32_t partition_in_table) noexcept {
  return std::uint64_t{partition_in_table} << (32 - table_partition_bits);
}

struct index_state {
  std::uint32_t first = 0;
  std::uint32_t end = 0;
  /// Number of the table in front of `tables`.
  std::uint32_t first_table = 0;
  block_pool pool;
  std::vector<index_table> tables;
  segment_shares shares;
  std::uint64_t records = 0;

  index_table& table(key_hash hash) noexcept {
    assert(partition_of(hash) >= first && partition_of(hash) < end);
    return tables[index_table_of(hash) - first_table];
  }

  index_candidate candidate(const index_slot& slot) const {
    return {{shares.id_of(segment_of(slot.place)), offset_of(slot.place),
             static_cast<std::uint32_t>(class_bytes(slot.size_class))},
            slot.size_class == 0};
  }

  bool is_at(const index_slot& slot, const record_location& where) const {
    return offset_of(slot.place) == where.offset_bytes
           && shares.id_of(segment_of(slot.place)) == where.segment;
  }

  void add(key_hash hash, const record_location& location,
           std::uint8_t size_class) {
    const std::uint16_t segment
      = shares.add(location.segment, size_class == 0 ? 0 : location.size_bytes);
    table(hash).insert(pool, {tag_of(hash), size_class,
                              place_of(segment, location.offset_bytes)});
    ++records;
  }

  void forget(const index_slot& slot, const record_location& location) {
    shares.remove(segment_of(slot.place),
                  slot.size_class == 0 ? 0 : location.size_bytes);
  }
};

} // namespace kvs::storage
