#pragma once

#include "storage/file_system.hpp"
#include "storage/recovery.hpp"
#include "storage/segment_survey.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace kvs::storage {

struct verify_report {
  std::uint64_t segments = 0;
  /// Puts and tombstones that verify, and bytes of the segments.
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  /// What keeps the store from opening, or a value from being read.
  std::vector<damage> damages;
  /// What a start puts right by itself: torn tails, hints that do not fit.
  std::vector<std::string> notes;
};

/// Reads every record of a store, values included, and compares it with its
/// checksums. Takes no lock, writes nothing, and may run while a node serves
/// the directory: what that is about to write or to delete is no damage.
///
/// `progress` is called now and then; it may be empty.
/// Errors: not_found: there is no MANIFEST and no segment; unknown_format,
/// too_many_files, io_failed. Damage is no error but what was asked for.
result<verify_report>
verify_store(file_system& files, const std::string& directory,
             const std::function<void(const recovery_progress&)>& progress);

} // namespace kvs::storage
