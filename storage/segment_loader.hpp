#pragma once

#include "storage/hint_file.hpp"
#include "storage/manifest.hpp"
#include "storage/segment_scanner.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

/// How recovery reads one segment. Each call stands for itself, so segments
/// may be read in any order.
namespace kvs::storage {

/// Opens a segment that the MANIFEST lists and checks that it is the one.
/// Errors: corrupt (missing, foreign or damaged), unknown_format,
/// too_many_files, io_failed.
result<segment_ptr> open_listed(file_system& files,
                                const std::string& directory,
                                std::uint64_t store_id,
                                const segment_entry& entry, open_mode mode);

/// The hints of a sealed segment.
struct loaded_hints {
  std::unique_ptr<hint_source> hints;
  /// From the hint file, which fitted.
  bool was_there = false;
};

/// Opens the hint file of a sealed segment if that fits, and otherwise reads
/// the log and writes a new one. Values are not read: a damaged one is found
/// when somebody asks for it.
/// Errors: corrupt (names file and offset), io_failed.
result<loaded_hints> load_sealed(file_system& files,
                                 const std::string& directory,
                                 const segment_ptr& from,
                                 const segment_entry& entry,
                                 const key_hasher& hasher);

/// What an unsealed log segment holds.
struct unsealed_tail {
  segment_ptr handle;
  /// As it will be listed once it is sealed.
  segment_entry entry;
  hint_builder hint;
  std::uint64_t file_bytes = 0;
  /// Bytes behind the last valid record up to the last one that is not zero.
  std::uint64_t torn_bytes = 0;
  /// Everything before it was synced by whoever wrote the file.
  std::uint64_t durable_to = segment_header_bytes;
  /// Its last record says that nothing was to follow.
  bool complete = false;
  /// Of the last record that has one.
  std::optional<std::string> last_key{};
};

/// Reads an unsealed log segment, values included, up to its first invalid
/// record. Changes nothing.
/// Errors: corrupt: what follows shows that acknowledged data is damaged;
/// io_failed.
result<unsealed_tail> load_unsealed(const segment_ptr& from,
                                    const segment_entry& entry,
                                    const key_hasher& hasher);

/// Makes what is valid durable and cuts off what is not. What a start sees may
/// be in the cache alone, even after a failed sync, and what is on the disk
/// must not be at risk; so a copy is written and synced and takes the place of
/// the file. Only on a full disk the bytes that may be unsynced are written
/// again where they are. The caller syncs the directory. Returns the file that
/// counts now.
/// Errors: no_space, too_many_files, io_failed.
result<segment_ptr> settle_tail(file_system& files, const unsealed_tail& tail);

} // namespace kvs::storage
