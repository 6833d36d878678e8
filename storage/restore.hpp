#pragma once

#include "storage/recovery.hpp"
#include "storage/verify.hpp"

#include <functional>
#include <memory>
#include <string>

namespace kvs::storage {

/// Compares every file of a backup with the listing, byte by byte.
/// Errors: not_found: no backup, or not a finished one; unknown_format,
/// too_many_files; io_failed: the listing cannot be read. Damage is no error
/// but what was asked for, and so is a file that cannot be read.
result<verify_report>
verify_backup(file_system& files, const std::string& directory,
              const std::function<void(const recovery_progress&)>& progress);

struct restore_report {
  std::uint64_t segments = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
};

/// Makes a store of a backup, which is only read. Every file is copied and
/// compared with the listing on the way. `wall_clock` decides the epoch
/// (docs/backup.md).
///
/// Durability: the MANIFEST is written and synced last; before that no node
/// opens the directory.
/// Errors: not_found, as for `verify_backup`; unusable_directory: `to` is not
/// empty, or as for `check_new_directory`; locked; corrupt (names file and
/// offset), unknown_format, no_space, too_many_files, io_failed: what was
/// copied is removed again.
result<restore_report>
restore_backup(std::shared_ptr<file_system> files, const std::string& from,
               const std::string& to, timestamp_ms wall_clock,
               const std::function<void(const recovery_progress&)>& progress);

/// The epoch of a store that is restored at `wall_clock` from a backup of
/// epoch `found`.
std::uint32_t epoch_of_restored(std::uint32_t found,
                                timestamp_ms wall_clock) noexcept;

} // namespace kvs::storage
