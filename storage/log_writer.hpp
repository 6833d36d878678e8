#pragma once

#include "storage/segment.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace kvs::storage {

/// Appends records to one log segment, many with one write call.
///
/// Use: any number of `add…` calls stage records and tell where each will lie;
/// `write_staged` writes all of them with one call (or several, when there is
/// more than its budget). Values of at least
/// `borrowed_value_bytes_min` are not copied: their bytes must stay alive and
/// unchanged until `write_staged` has returned true or an error.
///
/// Durability: none; the SYNCER syncs the file. `durable_to` tells the writer
/// how far that has come.
///
/// Failure: when `write_staged` fails, the file is cut back to where it was
/// before, and the writer can go on (disk full). If the cut fails too, every
/// later call fails with the same error.
///
/// Ownership: exactly one owner, no locks.
class log_writer {
public:
  /// Below this a value is copied into the staging buffer, above it is
  /// written from where it lies.
  static constexpr std::size_t borrowed_value_bytes_min = 16 * 1024;

  /// Appends behind `end_bytes`, which is the end of the last valid record
  /// (or of the header).
  log_writer(segment_ptr target, std::uint64_t end_bytes);

  /// Stages one put or tombstone.
  /// @pre the limits of limits.hpp hold, `fits()` is true
  record_location add(record_type type, sequence_number sequence,
                      timestamp_ms expires_at, std::string_view key,
                      std::span<const std::byte> value,
                      std::uint32_t value_crc);

  /// Stages flush, mark or seal: records without key and value. Marks and
  /// seals consume no sequence number; theirs is raised to the lowest one
  /// that the segment can hold.
  record_location add_bare(record_type type, sequence_number sequence);

  /// Between these two calls every `add` becomes part of one batch record,
  /// whose sequence number is at most the first one's. Between begin and end
  /// only puts and tombstones may be added. Returns the batch record's place.
  void begin_batch(sequence_number sequence);
  record_location end_batch();

  /// Writes up to `bytes_max` of what is staged. True: all of it is written
  /// and nothing is staged any more. False: call again; until then nothing may
  /// be added.
  /// Errors: no_space, io_failed: none of the staged records exists, and
  /// nothing is staged any more.
  result<bool> write_staged(std::uint64_t bytes_max);

  /// Forgets what was staged since the last write, and cuts off what
  /// `write_staged` has written of it.
  void discard_staged() noexcept;

  /// A cut has failed: what of the refused records the file holds is unknown,
  /// so they may be found by the next start.
  bool is_broken() const noexcept {
    return broken_.has_value();
  }

  bool has_staged() const noexcept;
  std::uint64_t staged_bytes() const noexcept;

  /// Whether a record of this sequence number may be added here: the offset
  /// is below the segment's limit and the relative numbers fit 32 bits.
  /// Holds for a record that consumes up to 2^26 numbers, and for a batch of
  /// `batch_bytes` in all (0: no batch) that begins with it: its last record
  /// must have a place, too.
  bool fits(sequence_number sequence, std::uint64_t segment_bytes,
            std::uint64_t batch_bytes = 0) const noexcept;

  /// End of what is written (not staged), in bytes of the file.
  std::uint64_t end_bytes() const noexcept;
  /// Where the next staged record will lie.
  std::uint64_t next_offset() const noexcept;

  /// Tells how far the file is synced; goes into the records that follow. A
  /// lower offset than before is ignored. @pre not beyond `end_bytes`
  void durable_to(std::uint64_t offset_bytes) noexcept;

  const segment_ptr& target() const noexcept;

private:
  /// A value that is written from where it lies.
  struct borrowed_value {
    /// Bytes of the staging buffer that come before it in the file.
    std::size_t staging_before = 0;
    std::span<const std::byte> bytes;
  };

  std::byte* reserve(std::size_t bytes);
  void pad(std::uint64_t bytes) noexcept;
  record_location place_of(std::uint64_t offset_bytes) const noexcept;
  void collect_parts(std::uint64_t begin, std::uint64_t bytes_max);
  void cut_back();
  void forget_staged() noexcept;
  void extend_run_checksum(std::uint32_t& crc) const noexcept;

  segment_ptr target_;
  std::uint64_t end_bytes_;
  std::uint64_t durable_to_ = segment_header_bytes;

  /// Heads, keys, small values and padding; `staging_used_` of
  /// `staging_capacity_` bytes mean something.
  std::unique_ptr<std::byte[]> staging_;
  std::size_t staging_capacity_ = 0;
  std::size_t staging_used_ = 0;
  std::vector<borrowed_value> borrowed_;
  std::uint64_t borrowed_bytes_ = 0;
  /// How much of what is staged has been written already.
  std::uint64_t written_bytes_ = 0;
  /// Parts of the write in progress; kept for its memory.
  std::vector<std::span<const std::byte>> parts_;

  /// The batch between begin_batch and end_batch.
  struct open_batch {
    sequence_number sequence = 0;
    std::uint64_t offset_bytes = 0;
    std::size_t staging_before = 0;
    std::size_t borrowed_before = 0;
  };
  std::optional<open_batch> batch_;

  /// Set when the file could not be cut back: its end is unknown.
  std::optional<error> broken_;
};

} // namespace kvs::storage
