#pragma once

#include "storage/key_hash.hpp"
#include "storage/segment_scanner.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kvs::storage {

struct segment_entry;

/// What a hint says of one record: all that recovery has to know.
struct hint_entry {
  key_fingerprint key;
  sequence_number sequence = 0;
  record_location location;
  record_type type = record_type::put;
  /// 0: never.
  timestamp_ms expires_at = 0;
};

/// The hints of one segment, wherever they are: in its file, or in memory if
/// that could not be written. In the order of hashes.
class hint_source {
public:
  virtual ~hint_source() = default;
  /// Appends the puts and tombstones whose hash is in [first, last].
  /// Errors: corrupt, io_failed: the source is not what it was.
  virtual result<ok> read(key_hash first, key_hash last,
                          std::vector<hint_entry>& found) const = 0;
  /// Puts, tombstones and flushes.
  virtual std::uint64_t size() const = 0;
  /// The highest sequence number of a flush; 0: there is none.
  virtual sequence_number flushed_below() const = 0;
};

/// A hint file lists the puts, tombstones and flushes of one sealed segment
/// without their keys and values, so that start-up need not read those. It is
/// rebuildable and never trusted: anything that does not fit (checksum,
/// identity, end of the segment, counts) makes recovery ignore it and scan the
/// segment.
class hint_builder {
public:
  explicit hint_builder(const key_hasher& hasher);

  /// Takes the memory for so many records in one piece.
  void reserve(std::uint64_t records) {
    entries_->reserve(records);
  }

  /// Takes puts, tombstones and flushes; ignores everything else.
  void add(const scanned_record& record);
  /// Writes "<id>.hint" (tmp file, rename); it is not synced, since it may be
  /// lost. `entry` is the sealed segment's entry.
  result<ok> write(file_system& files, const std::string& directory,
                   const segment_entry& entry);
  /// What was added, without a file. Nothing may be added any more.
  std::unique_ptr<hint_source> source();

private:
  void sort();

  key_hasher hasher_;
  /// Shared with sources.
  std::shared_ptr<std::vector<hint_entry>> entries_;
  bool sorted_ = false;
};

/// Opens the hint file of a segment and checks all of it. nullptr: it does
/// not exist or does not fit `entry`.
std::unique_ptr<hint_source> open_hint_file(file_system& files,
                                            const std::string& directory,
                                            const segment_entry& entry);

} // namespace kvs::storage
