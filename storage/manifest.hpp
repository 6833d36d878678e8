#pragma once

#include "storage/file_system.hpp"
#include "storage/location.hpp"
#include "storage/record.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kvs::storage {

/// What the MANIFEST says of one segment.
struct segment_entry {
  segment_id id{};
  segment_kind kind = segment_kind::log;
  segment_identity identity{};
  /// Log segments: what sequence numbers in the file are relative to.
  sequence_number base_sequence = 0;

  /// Sealed: nothing will be appended, all of it is synced, and what follows
  /// is filled in. Otherwise it is the active segment or the next one.
  bool sealed = false;
  /// End of the last record, in bytes of the file.
  std::uint64_t end_bytes = 0;
  /// Puts and tombstones, records of batches counted one by one.
  std::uint64_t record_count = 0;
  std::uint64_t tombstone_count = 0;
  /// Bytes of tombstones, padding included.
  std::uint64_t tombstone_bytes = 0;
  /// Over all puts, tombstones and flushes; 0 if there is none.
  sequence_number min_sequence = 0;
  sequence_number max_sequence = 0;
  /// Highest sequence number of a tombstone (or of a put with an expiry,
  /// which may become one); 0 if there is none.
  sequence_number max_shadow_sequence = 0;
  /// Relocation segments: the compaction that wrote it began when the log was
  /// applied up to this number, so it holds nothing that was deleted before.
  sequence_number purged_at = 0;
};

/// Adds one record to what the entry of its segment says: counts and the
/// ranges of sequence numbers; not `end_bytes`. The records of a batch are
/// added one by one, the batch itself adds nothing. Marks and seals neither.
void count_record(segment_entry& entry, const record_head& head,
                  std::uint64_t size_bytes) noexcept;

/// The state of a store as a whole. Replaced atomically (write MANIFEST.tmp,
/// sync, rename, sync the directory) and only by the CATALOG, or by recovery
/// before there is one.
struct manifest {
  /// Random; every segment file repeats it.
  std::uint64_t store_id = 0;
  /// Rises with every replacement.
  std::uint64_t generation = 0;
  /// For key_hasher.
  std::uint64_t hash_seed = 0;
  /// High bits of the sequence numbers of this start; raised and synced
  /// before its first write.
  std::uint32_t epoch = 0;
  /// Time never falls below this, whatever the wall clock says at start.
  timestamp_ms persisted_time = 0;
  /// Records below it are dead (flush of the store); kept while a segment
  /// exists that may hold such records. 0: none.
  sequence_number flushed_below = 0;
  /// Lowest id that was never given out.
  segment_id next_segment{};
  std::vector<segment_entry> segments;
};

std::vector<std::byte> encode_manifest(const manifest& m);
/// Errors: corrupt, unknown_format.
result<manifest> decode_manifest(std::span<const std::byte> bytes);

/// nullopt: the directory has none (a new store).
/// Errors: corrupt, unknown_format, io_failed.
result<std::optional<manifest>> read_manifest(file_system& files,
                                              const std::string& directory);
/// First half of a replacement: writes and syncs MANIFEST.tmp.
/// Errors: no_space, too_many_files, io_failed: nothing has changed.
result<ok> stage_manifest(file_system& files, const std::string& directory,
                          const manifest& m);
/// Second half: renames it and syncs the directory.
/// Errors: either MANIFEST may be in force after a power cut.
result<ok> install_staged_manifest(file_system& files,
                                   const std::string& directory);
/// Replaces the MANIFEST durably: both halves.
/// Errors: no_space, io_failed: the old one is still in force, or, if the
/// error came from syncing the directory, one of the two is.
result<ok> write_manifest(file_system& files, const std::string& directory,
                          const manifest& m);

} // namespace kvs::storage
