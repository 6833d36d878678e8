#pragma once

#include "storage/expiry_queue.hpp"
#include "storage/file_system.hpp"
#include "storage/index.hpp"
#include "storage/limits.hpp"
#include "storage/manifest.hpp"
#include "storage/segment.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace kvs::storage {

struct recovery_progress {
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_total = 0;
  std::uint64_t records = 0;
};

/// Independent pieces of work, each a plain call.
using work_units = std::vector<std::function<void()>>;

/// Runs all of them, in any order and as many at a time as it likes, and
/// returns when all are done. After each it calls `after_each` from the thread
/// of the caller. One that it could not run fails the start, nothing else.
using work_runner = std::function<void(
  const work_units& units, const std::function<void()>& after_each)>;

struct recovery_options {
  std::string directory;
  std::uint32_t shard_count = 1;
  std::uint64_t segment_bytes = segment_bytes_default;
  /// Called now and then from the calling thread; may be empty.
  std::function<void(const recovery_progress&)> progress;
  /// The wall clock at start; tests set it.
  timestamp_ms wall_clock = 0;
  /// Empty: one unit after the other.
  work_runner run_all;
  /// For key_hasher; tests let keys collide.
  unsigned hash_bits = 64;
};

/// What recovery found, for the log and the statistics.
struct recovery_report {
  bool created = false;
  std::uint64_t records = 0;
  std::uint64_t keys = 0;
  std::uint64_t segments = 0;
  std::uint64_t segments_from_hints = 0;
  /// The indexes are those of the last stop; no hint was read.
  bool from_checkpoint = false;
  /// Why a checkpoint that was there was not used; empty: there was none, or
  /// it was used.
  std::string checkpoint_ignored;
  /// Bytes of a torn tail that were cut, and of which file; 0: none.
  std::uint64_t torn_bytes = 0;
  std::string torn_file;
  /// Files that the MANIFEST does not list and that were deleted.
  std::vector<std::string> deleted_files;
};

/// One shard's share of the keys. None of them has expired.
struct recovered_shard {
  index keys;
  /// Those of `keys` that expire.
  expiry_queue expiring;
};

/// A store that is open: everything the actors need at birth.
struct recovered_store {
  explicit recovered_store(const key_hasher& how) : hasher{how} {
  }

  std::unique_ptr<directory_lock> lock;
  key_hasher hasher;
  /// As it is on disk now: the epoch raised, the tail sealed, the active and
  /// the next segment listed.
  manifest state;
  /// One per shard, in order.
  std::vector<recovered_shard> shards;
  /// Every sealed segment.
  std::vector<segment_ptr> sealed;
  /// Empty log segment for the first write, and the one after it; both are in
  /// the MANIFEST.
  segment_ptr active;
  segment_ptr next;
  /// The first write gets the number after this one.
  sequence_number last_sequence = 0;
  /// What the store's clock starts at: max(wall clock, persisted time).
  timestamp_ms now = 0;
  recovery_report report;
};

/// Opens the store in a directory, or makes a new one: takes the lock, reads
/// the MANIFEST, rebuilds the indexes from hint files and logs, cuts a torn
/// tail, raises the epoch and installs a fresh active segment.
///
/// Durability: when it returns, everything it found is sealed and synced.
/// What must not be lost is decided before the first byte is changed.
/// Idempotent: it may be cut off at any step and run again.
///
/// Errors, with nothing of the user's data changed:
/// - locked: another process has it (names its pid)
/// - unusable_directory, unknown_format
/// - corrupt: acknowledged data is damaged (names file and offset)
/// - no_space, too_many_files, io_failed
result<recovered_store> open_store(std::shared_ptr<file_system> files,
                                   const recovery_options& options);

} // namespace kvs::storage
