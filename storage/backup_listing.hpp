#pragma once

#include "storage/file_system.hpp"
#include "storage/manifest.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace kvs::storage {

/// What the file BACKUP says; docs/backup.md has the format.
struct backup_listing {
  /// Wall clock.
  timestamp_ms made_at = 0;
  /// Highest sequence number in it; 0: none.
  sequence_number version = 0;
  /// Of a store of these segments, all of them sealed.
  manifest state;
  /// Of the files up to the ends of their segments, in the order of
  /// `state.segments`.
  std::vector<std::uint32_t> checksums;
};

std::vector<std::byte> encode_backup(const backup_listing& listing);
/// Errors: corrupt, unknown_format.
result<backup_listing> decode_backup(std::span<const std::byte> bytes);

/// Errors: not_found: the directory is no backup, or not a finished one;
/// corrupt, unknown_format, io_failed.
result<backup_listing> read_backup(file_system& files,
                                   const std::string& directory);
/// Makes a directory a backup: writes BACKUP.tmp, syncs it, renames it, syncs
/// the directory. Errors: no_space, io_failed.
result<ok> write_backup(file_system& files, const std::string& directory,
                        const backup_listing& listing);

/// Whether a backup leaves such a file behind when it is cut off.
bool is_backup_remain(const std::string& name);

} // namespace kvs::storage
