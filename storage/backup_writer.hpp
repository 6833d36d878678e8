#pragma once

#include "storage/backup_listing.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kvs::storage {

struct backup_options {
  /// Of the store.
  std::string from;
  /// Of the backup: missing, empty, or remains of one that was not finished.
  std::string to;
  /// Of a backup that this one may share files with; empty: none.
  std::string earlier;
  /// Copy even what could be linked.
  bool copies = false;
  /// Everything up to this number is in `state`; the records themselves may be
  /// gone, as those of deletions.
  sequence_number sealed_up_to = 0;
  /// The wall clock.
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

/// Makes one backup, a segment at a time: `begin`, `take_next` until it says
/// true, `check_next` until it says true, `finish`. Whoever uses it sees to it
/// that no file of `state` is deleted before everything is taken
/// (docs/backup.md).
///
/// Durability: when `finish` returns, the backup survives a power cut. Before,
/// nobody takes the directory for one.
/// Failure: an error of any call is final; `abandon` removes what was made.
class backup_writer {
public:
  /// `state`: the segments, all sealed.
  /// Errors: unusable_directory: `to` holds something else or a backup, or
  /// `earlier` is none or of another store; no_space, io_failed. Nothing is
  /// left behind.
  static result<std::unique_ptr<backup_writer>>
  begin(std::shared_ptr<file_system> files, backup_options how, manifest state);

  /// Links or copies the next file; true: that was the last one.
  /// Errors: corrupt, no_space, too_many_files, io_failed.
  result<bool> take_next();
  /// Checks every record of the next file that no earlier backup vouches for;
  /// true: that was the last one. Errors: corrupt (names file and offset),
  /// io_failed.
  result<bool> check_next();
  result<backup_report> finish();
  void abandon();

private:
  backup_writer(std::shared_ptr<file_system> files, backup_options how,
                manifest state);

  result<ok> prepare();
  result<ok> prepare_directory();
  result<ok> read_earlier();
  result<bool> keep(const segment_entry& entry, std::uint32_t& checksum);
  result<std::uint32_t> check(const segment_entry& entry);

  std::shared_ptr<file_system> files_;
  backup_options how_;
  backup_listing listing_;
  std::optional<backup_listing> earlier_;
  bool made_directory_ = false;
  std::size_t taken_ = 0;
  std::size_t checked_ = 0;
  /// Of the files taken so far: whether the checksum is known.
  std::vector<bool> vouched_for_;
  backup_report report_;
};

} // namespace kvs::storage
