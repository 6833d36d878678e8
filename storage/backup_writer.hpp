#pragma once

#include "storage/backup_listing.hpp"
#include "storage/backup_place.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kvs::storage {

struct backup_options {
  /// Of the store, and its number.
  std::string from;
  std::uint64_t store_id = 0;
  /// Of the backup; nothing may exist there (docs/backup.md).
  std::string to;
  /// Of a backup that this one may share files with; empty: none.
  std::string earlier;
  /// Copy even what could be linked.
  bool copies = false;
};

/// What a backup holds.
struct backup_content {
  /// The segments, all sealed.
  manifest state;
  /// Everything up to this number is in `state`; the records themselves may be
  /// gone, as those of deletions.
  sequence_number sealed_up_to = 0;
  /// The time of the store, which never goes back.
  timestamp_ms made_at = 0;
};

struct backup_report {
  std::uint64_t segments = 0;
  /// Of all segments, up to their ends.
  std::uint64_t bytes = 0;
  /// Segments by how they came into the backup: the file of the earlier
  /// backup, that of the store, or a copy.
  std::uint64_t kept = 0;
  std::uint64_t linked = 0;
  std::uint64_t copied = 0;
  std::uint64_t copied_bytes = 0;
  sequence_number version = 0;
};

/// Makes one backup, a segment at a time: `begin`, `choose`, `take_next` until
/// it takes nothing, `check_next` until it says true, `finish`. Whoever uses it
/// sees to it that no file of the content is deleted before it is taken.
///
/// Durability: when `finish` returns, the backup survives a power cut. Before,
/// there is nothing at `to`.
/// Failure: an error of any call is final; `abandon` removes what was made.
class backup_writer {
public:
  /// Claims the name; nothing of the store is needed yet.
  /// Errors: unusable_directory: something is at `to` already, or `earlier` is
  /// of another store; locked: it is being made by somebody else; not_found:
  /// `earlier` is no backup; corrupt, unknown_format: its listing; no_space,
  /// too_many_files, io_failed. Nothing is left behind.
  static result<std::unique_ptr<backup_writer>>
  begin(std::shared_ptr<file_system> files, backup_options how);

  void choose(backup_content content);
  /// Links or copies the next file and says of which segment; nullopt: all are
  /// taken. Only copies take time.
  /// Errors: corrupt, no_space, too_many_files, io_failed.
  result<std::optional<segment_id>> take_next();
  /// Compares the next file with the listing of the earlier backup, or checks
  /// every record of it; true: that was the last one. A file that has rotted in
  /// the earlier backup is taken from the store instead.
  /// Errors: corrupt (names file and offset), io_failed; no_space,
  /// too_many_files.
  result<bool> check_next();
  result<backup_report> finish();
  void abandon();

private:
  backup_writer(std::shared_ptr<file_system> files, backup_options how);

  /// A file of the backup, from the earlier one or not.
  struct taken_file {
    bool is_kept = false;
    /// What the listing of the earlier backup says.
    std::uint32_t checksum = 0;
  };

  result<ok> prepare();
  result<ok> read_earlier();
  std::optional<std::uint32_t> keep(const segment_entry& entry);
  result<ok> take_from_store(const segment_entry& entry);
  bool is_intact(const segment_entry& entry, std::uint32_t checksum);
  result<ok> replace_rotten(const segment_entry& entry);
  result<std::uint32_t> check(const segment_entry& entry);
  std::string path_of(const segment_entry& entry) const;

  std::shared_ptr<file_system> files_;
  backup_options how_;
  backup_listing listing_;
  std::optional<backup_listing> earlier_;
  std::unique_ptr<backup_place> place_;
  std::vector<taken_file> taken_;
  backup_report report_;
};

} // namespace kvs::storage
