#pragma once

#include "storage/recovery.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

/// The index in a file, so that a start after a clean stop need not merge
/// hints. Never trusted: it is used only if it was written behind the MANIFEST
/// that is in force and every byte of it has its checksum. docs/log_format.md
/// has the format.
namespace kvs::storage {

/// Shards in their order, as the last record has left them.
using checkpoint_shards = std::vector<std::shared_ptr<const recovered_shard>>;

/// Writes the checkpoint of a store that is about to close (tmp file, rename).
/// It is not synced: one that is lost costs time at the next start.
///
/// Memory: one block, whatever the size of the index.
/// @pre `state` is the MANIFEST on disk, nothing will be written any more, and
///      every record is in exactly the place that the shards know
/// Errors: no_space, too_many_files, io_failed; no file is left behind.
result<ok> write_checkpoint(file_system& files, const std::string& directory,
                            const manifest& state,
                            const checkpoint_shards& shards,
                            sequence_number flushed_below);

/// Removes it; the caller syncs the directory. There may be none.
result<ok> remove_checkpoint(file_system& files, const std::string& directory);

/// A checkpoint whose head fits.
class checkpoint {
public:
  /// `why_not`: for people, if there is a checkpoint that does not fit; empty
  /// if there is none. Returns nullptr in both cases.
  static std::unique_ptr<checkpoint>
  open(file_system& files, const std::string& directory, const manifest& state,
       std::size_t shard_count, std::string& why_not);

  /// Fills one shard, which is empty; what has expired by `now` is left out.
  /// False: the file is damaged, and the shard must be thrown away. May be
  /// called for several shards at a time.
  bool load(std::size_t shard, recovered_shard& target, timestamp_ms now) const;

  std::uint64_t bytes_of(std::size_t shard) const noexcept {
    return parts_[shard].bytes;
  }
  /// The highest flush that the index knows of; 0: none.
  sequence_number flushed_below() const noexcept {
    return flushed_below_;
  }

private:
  checkpoint(std::shared_ptr<file> from, const manifest& state);
  bool read_head(const manifest& state, std::size_t shard_count,
                 std::string& why_not);

  struct part {
    std::uint64_t offset_bytes = 0;
    std::uint64_t bytes = 0;
  };
  std::shared_ptr<file> from_;
  const manifest& state_;
  segment_identity identity_{};
  sequence_number flushed_below_ = 0;
  std::vector<part> parts_;
};

} // namespace kvs::storage
