#pragma once

#include "storage/key_hash.hpp"
#include "storage/location.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace kvs::storage {

/// What the index knows of one key.
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

/// Keys that have a deadline, and the sum of those in seconds since 1970.
struct expiring_keys {
  std::uint64_t keys = 0;
  std::uint64_t deadlines_sum_s = 0;
};

/// Where every live key of one shard lies: a map from key to its newest
/// record, divided into partitions by the first bits of the hash.
///
/// Order of application does not matter: of two records of a key the one with
/// the higher sequence number wins. (Recovery reads segments in any order;
/// deletions seen there are kept as tombstone entries until
/// `drop_tombstones`.)
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

  /// The entry of a key, expired or not; nullptr if there is none. Valid
  /// until the next change.
  const index_entry* find(key_hash hash, std::string_view key) const;

  /// Points `key` to a newer record. False: the entry it has is newer or as
  /// new, nothing changed.
  bool put(key_hash hash, std::string_view key, const index_entry& entry);

  /// Begins to load what `find` and `put` will look at first. Worth it for a
  /// batch of keys, where one need not wait for the memory of the other.
  void prefetch(key_hash hash) const noexcept;

  /// Removes `key` if its entry is older than `sequence`. True: removed.
  bool erase(key_hash hash, std::string_view key, sequence_number sequence);

  /// Removes every entry below `sequence` (a flush of the store).
  void erase_below(sequence_number sequence);

  /// Follows a relocated record. False: the entry no longer points at exactly
  /// `from`; nothing changed.
  bool move(key_hash hash, std::string_view key, const record_location& from,
            const record_location& to);

  /// Recovery only: remembers that `key` was deleted at `sequence`, so that
  /// an older record read later does not bring it back. Not counted by
  /// `size`.
  void recover_tombstone(key_hash hash, std::string_view key,
                         sequence_number sequence);
  /// Recovery only: forgets all of those.
  void drop_tombstones();

  /// Keys, including expired ones that were not swept yet.
  std::uint64_t size() const noexcept;

  /// As `size`, of those that have a deadline.
  expiring_keys expiring() const noexcept;

  /// Records of `segment` that entries point to.
  live_share live_in(segment_id segment) const;
  /// All segments that have any.
  std::vector<std::pair<segment_id, live_share>> live_segments() const;

  /// Removes entries that have expired, at most about `entries_max` of them
  /// per call; `removed` is told each key. Returns true when it is through
  /// all partitions, so that there is nothing left to sweep at `now`.
  bool sweep_expired(
    timestamp_ms now, std::size_t entries_max,
    const std::function<void(std::string_view key, const index_entry& entry)>&
      removed);

  /// How many entries have expired and not been swept, and the latest expiry
  /// among them (0: there are none). Looks at whole partitions that hold one.
  std::pair<std::uint64_t, timestamp_ms> count_expired(timestamp_ms now) const;

  /// No entry expires before this; 0: none ever does. A lower bound that a
  /// sweep makes exact.
  timestamp_ms earliest_expiry() const noexcept;

  /// Calls `visit` for every entry of whole partitions from `partition` on
  /// until at least `entries_min` were visited, their keys are more than 1 MiB
  /// (so a scan of long keys costs memory in proportion) or the range ends.
  /// Returns the
  /// next partition (== end of the range when done). Expired ones included.
  std::uint32_t scan(
    std::uint32_t partition, std::size_t entries_min,
    const std::function<void(std::string_view key, const index_entry& entry)>&
      visit) const;

  std::uint32_t first_partition() const noexcept;
  std::uint32_t end_partition() const noexcept;

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace kvs::storage
