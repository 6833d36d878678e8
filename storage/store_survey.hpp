#pragma once

#include "storage/manifest.hpp"
#include "storage/segment_survey.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What verify and salvage have in common: private to those two.
namespace kvs::storage {

/// A store that nobody opens.
struct surveyed_store {
  std::string directory;
  /// nullopt: it is lost or damaged.
  std::optional<manifest> state;
  /// What the MANIFEST lists, or else what there is; in the order of ids.
  std::vector<segment_entry> segments;
  /// Of the MANIFEST, and of files that are no segments any more.
  std::vector<damage> damages;
};

/// Errors: not_found: no MANIFEST and no segment; unknown_format,
/// too_many_files, io_failed.
result<surveyed_store> find_store(file_system& files,
                                  const std::string& directory);

/// Opens a segment for reading. If the MANIFEST says what its header was, that
/// may be damaged. Such damage is added to `damages`. nullptr: there is no such
/// file.
/// Errors: too_many_files, io_failed.
result<segment_ptr> open_for_survey(file_system& files,
                                    const surveyed_store& store,
                                    const segment_entry& entry,
                                    std::vector<damage>& damages);

/// How much of a segment there must be.
struct segment_extent {
  /// As `segment_survey` takes them.
  std::uint64_t synced_bytes = 0;
  std::uint64_t limit_bytes = 0;
  /// Not sealed: bytes behind the last valid record, if none of them is known
  /// to be synced.
  std::uint64_t torn_bytes = 0;
  /// Not sealed: end of the valid records, the key of the last one, and
  /// whether it is a seal.
  std::uint64_t end_bytes = 0;
  std::optional<std::string> last_key;
  bool is_complete = false;
};

/// Somebody may be writing to the segment: what a record vouches for was synced
/// before that was written, so a survey that begins after this call sees it,
/// unless it is damaged. `is_listed`: there is a MANIFEST; without one a seal
/// says that everything before it was synced.
result<segment_extent> extent_of(const segment_ptr& of,
                                 const segment_entry& entry, bool is_listed);

} // namespace kvs::storage
