#pragma once

#include "storage/file_system.hpp"
#include "storage/recovery.hpp"
#include "storage/segment_survey.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace kvs::storage {

struct salvage_report {
  std::uint64_t segments = 0;
  /// Puts and tombstones that were kept.
  std::uint64_t records = 0;
  std::vector<damage> lost;
  /// What limits the result, and what a start would have dropped anyway.
  std::vector<std::string> notes;
};

/// Makes a new store of everything that verifies in a store that is damaged.
/// The old one is only read; it must not be in use.
///
/// Records keep their sequence numbers, so of each key the newest one that
/// verifies counts. A record whose value is damaged becomes a tombstone: its
/// key is gone rather than an old value back. Where heads are damaged nobody
/// knows the keys, and older values or deleted keys may be back; the damage
/// names the range. Without a MANIFEST every segment file is taken, also one
/// that a compaction was about to delete.
///
/// Durability: the MANIFEST of the new store is written and synced last; before
/// that no node opens it.
/// Errors: not_found, as for verify_store; locked: a node uses the old store;
/// unusable_directory: the new one is not empty, or as for
/// `check_new_directory`; unknown_format, no_space,
/// too_many_files, io_failed.
result<salvage_report>
salvage_store(std::shared_ptr<file_system> files,
              const std::string& from_directory,
              const std::string& to_directory,
              const std::function<void(const recovery_progress&)>& progress);

} // namespace kvs::storage
