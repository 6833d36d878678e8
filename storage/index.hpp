#pragma once

#include "storage/key_hash.hpp"
#include "storage/location.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace kvs::storage {

struct index_slot;
struct index_state;

/// What the WRITER tells of a record: where it lies and what it says.
struct index_entry {
  record_location location;
  /// The version of the key.
  sequence_number sequence = 0;
  /// 0: never.
  timestamp_ms expires_at = 0;

  bool expired_at(timestamp_ms now) const noexcept {
    return expires_at != 0 && expires_at <= now;
  }
};

/// Records of one segment that an index refers to.
struct live_share {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
};

/// A record that may be the newest one of a key.
struct index_candidate {
  /// `size_bytes` is an upper bound, at most 12.5 % too large.
  record_location location;
  /// It says that the key is gone.
  bool is_deletion = false;
};

/// Where the records of one shard's keys lie, at ten bytes a record: the
/// index keeps 46 bits of a key's hash and a place, never the key. So it finds
/// *candidates*, nearly always none or one, and who asks compares the key in
/// the record. Keys whose hashes agree are slots of their own; nothing is
/// lost or confused when that happens, only more is read.
///
/// A record is found from `insert` to `remove`, newest first. Whoever replaces
/// a record of a key inserts the new one, finds out which older candidate has
/// the same key, and removes that. (The WRITER's records come in the order of
/// their sequence numbers, so the one inserted last is the newest.)
///
/// Memory: 13.3 to 15 bytes a record in tables that are filled between 71 %
/// and 80 %, and 3 % for the pointers to their blocks; 24 bytes for each of
/// 16,384 tables. The layout is in docs/index.md.
/// Stalls: an insertion may rearrange its table, which holds one 16,384th of
/// the hash space: 6,100 keys when there are 100 million.
///
/// A scan names the next partition, so it survives growth, compaction,
/// restarts and another number of shards.
///
/// Ownership: one owner, no locks. Nothing outside depends on the layout.
class index {
public:
  /// Serves the partitions [first, end).
  index(std::uint32_t first_partition, std::uint32_t end_partition);
  index(index&&) noexcept;
  index& operator=(index&&) noexcept;
  ~index();

  /// Appends the records that may be of the key with this hash, newest first.
  /// No I/O, no allocation if `found` has room.
  void find(key_hash hash, std::vector<index_candidate>& found) const;
  /// Whether `find` would find anything.
  bool has(key_hash hash) const;
  /// Whether the record at exactly this place is found, …
  bool contains(key_hash hash, const record_location& where) const;
  /// … and says that its key is gone.
  bool is_deletion(key_hash hash, const record_location& where) const;

  /// A record that is newer than all that are found under `hash`.
  /// @pre location.size_bytes is exact
  void insert(key_hash hash, const record_location& location);
  /// A deletion that could not be settled at once: it hides older records of
  /// the key until `remove`. Its bytes do not count as live.
  void insert_deletion(key_hash hash, const record_location& location);
  /// From now on the record at this place says that its key is gone, and goes
  /// on hiding older ones. Its bytes do not count as live any more. False: no
  /// record is there, or it says so already. @pre location.size_bytes is exact
  bool turn_into_deletion(key_hash hash, const record_location& location);
  /// False: no record at this place. @pre location.size_bytes is exact
  bool remove(key_hash hash, const record_location& location);
  /// Follows a relocated record. False: nothing is at `from`; nothing changed.
  /// @pre the sizes are exact
  bool move(key_hash hash, const record_location& from,
            const record_location& to);
  /// Forgets everything.
  void clear();

  /// Makes room for the records of a table, all at once. For recovery.
  void reserve(key_hash hash, std::uint32_t records);
  /// Three steps that ask the processor for what `find` looks at, each for
  /// what the next one needs. For many keys: step by step for all of them.
  void prefetch_table(key_hash hash) const noexcept;
  void prefetch_block(key_hash hash) const noexcept;
  void prefetch(key_hash hash) const noexcept;

  /// Records that are found, deletions included.
  std::uint64_t size() const noexcept;

  /// Records of `segment` that are found.
  live_share live_in(segment_id segment) const;
  /// All segments that have any.
  std::vector<std::pair<segment_id, live_share>> live_segments() const;

  /// Calls `visit` for every record of whole partitions from `partition` on,
  /// in the order of hashes, until at least `records_min` were visited or the
  /// range ends. Records with the same `hash_bits` may be of the same key;
  /// they come one behind the other, newest first. Returns the next partition
  /// (== end of the range when done).
  std::uint32_t
  scan(std::uint32_t partition, std::size_t records_min,
       const std::function<void(std::uint64_t hash_bits,
                                const index_candidate& record)>& visit) const;

  std::uint32_t first_partition() const noexcept;
  std::uint32_t end_partition() const noexcept;

  // -- for checkpoints (storage/index_image.cpp) -----------------------------

  using segment_shares_list = std::vector<std::pair<segment_id, live_share>>;

  /// Segments in the order of the numbers by which slots name them. A number
  /// that is free has no records.
  segment_shares_list numbered_segments() const;
  /// Appends the slots of a table (`index_table_of`), in their order.
  void copy_table(std::uint32_t table, std::vector<index_slot>& slots) const;
  /// What `numbered_segments` gave. False: that contradicts itself.
  /// @pre nothing was inserted
  bool restore_segments(const segment_shares_list& segments);
  /// What `copy_table` gave, all of it. The numbers of segments are not
  /// checked. False: these are no slots of this table in their order.
  /// @pre the table is empty and belongs to this index
  bool restore_table(std::uint32_t table, const std::vector<index_slot>& slots);

private:
  std::unique_ptr<index_state> state_;
};

/// The partition of `hash_bits` as `scan` gives them.
inline constexpr unsigned index_hash_bits = 46;
constexpr std::uint32_t partition_of_bits(std::uint64_t hash_bits) noexcept {
  return static_cast<std::uint32_t>(hash_bits
                                    >> (index_hash_bits - partition_bits));
}

/// Most segments that one index can tell apart: 8 TiB of the default size.
inline constexpr std::uint32_t index_segments_max = 1U << 16;

/// Tables of all indexes of a store together; each covers whole partitions.
inline constexpr unsigned index_table_bits = 14;
static_assert(index_table_bits <= partition_bits);
static_assert(index_hash_bits == index_table_bits + 32);
constexpr std::uint32_t index_table_of(key_hash hash) noexcept {
  return static_cast<std::uint32_t>(hash >> (64 - index_table_bits));
}

} // namespace kvs::storage
