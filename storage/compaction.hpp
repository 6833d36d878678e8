#pragma once

#include "storage/key_hash.hpp"
#include "storage/manifest.hpp"
#include "storage/segment_scanner.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// Compaction without actors: what to rewrite, what must be kept, and how it
/// is copied. The COMPACTOR sequences these calls and asks the shards.
namespace kvs::storage {

/// A sealed segment and how much of it the index refers to.
struct segment_usage {
  segment_entry entry;
  std::uint64_t live_records = 0;
  std::uint64_t live_bytes = 0;
};

/// Whether a tombstone (or an expired put, which shadows as one) of a victim
/// may be left out: every segment that is not a victim
/// - holds only higher sequence numbers, or
/// - has no dead record, or
/// - was written by a compaction that began after the tombstone was applied.
///
/// Each of the three is a bound on the number of the tombstone, so the lowest
/// of them decides for all.
class tombstone_rule {
public:
  /// `all` are all sealed segments; `unsealed_base` is the base sequence of
  /// the active segment, which counts as one more segment.
  tombstone_rule(std::span<const segment_usage> all,
                 sequence_number unsealed_base);

  /// Tombstones with lower numbers may go if these segments are rewritten
  /// together.
  sequence_number horizon(std::span<const segment_id> victims) const noexcept;

  /// The segments that hold tombstones in place, the worst first.
  struct obstacle {
    segment_id id;
    sequence_number horizon = 0;
  };
  std::span<const obstacle> obstacles() const noexcept {
    return obstacles_;
  }

private:
  std::vector<obstacle> obstacles_;
  sequence_number unsealed_base_;
};

/// The same for one tombstone.
bool tombstone_may_go(sequence_number sequence,
                      std::span<const segment_id> victims,
                      std::span<const segment_usage> all,
                      sequence_number unsealed_base);

/// Puts that nothing refers to.
std::uint64_t dead_puts(const segment_usage& segment) noexcept;

/// What a shard says of a record of a victim.
enum class liveness : std::uint8_t {
  /// The index points at exactly this record.
  live,
  /// The index has a newer record of this key.
  superseded,
  /// The index has nothing for this key.
  absent,
};

/// What to do with a record.
enum class verdict : std::uint8_t {
  drop,
  copy,
  /// Keep its shadow: write a tombstone with its sequence number instead. A
  /// record that had not expired is dead for the sake of a later write: that
  /// has to be durable before the tombstone counts.
  copy_as_tombstone,
};

/// Whether `superseded` and `absent` make a difference for a record. A put
/// without expiry that is not live goes, whatever came after it.
constexpr bool depends_on_newer(const record_head& head) noexcept {
  return head.type != record_type::put || head.expires_at != 0;
}

verdict judge(const record_head& head, liveness found, timestamp_ms now,
              bool may_drop_tombstone) noexcept;

/// Writes one relocation segment.
///
/// Durability: `finish` syncs the file and the directory. Until the CATALOG
/// has installed it nobody refers to it, and recovery deletes it.
class relocation_writer {
public:
  static result<std::unique_ptr<relocation_writer>>
  create(std::shared_ptr<file_system> files, std::string directory,
         segment_id id, std::uint64_t store_id, sequence_number purged_at,
         const key_hasher& hasher);
  ~relocation_writer();

  /// Copies a record; its value is verified on the way. Returns its new place.
  /// Errors: corrupt (names file and offset), no_space, io_failed, too_large
  /// (the output is full, which one segment alone cannot make it); then the
  /// whole output is to be abandoned.
  result<record_location> copy(const segment_ptr& from,
                               const scanned_record& record);
  /// The same in steps, for whoever must not spend long on a large value:
  /// `record.key` stays until the last one. Cheapest in the order of `from`.
  void begin_copy(const segment_ptr& from, const scanned_record& record);
  /// Copies at most 1 MiB of the value. The new place, when that was all.
  result<std::optional<record_location>> copy_on();
  result<record_location> add_tombstone(std::string_view key,
                                        sequence_number sequence);

  std::uint64_t end_bytes() const noexcept;

  struct finished {
    segment_ptr handle;
    segment_entry entry;
  };
  /// Flushes, syncs, writes the hint file. Errors: no_space, io_failed.
  result<finished> finish();

  /// Deletes the file. Also done by the destructor if `finish` did not
  /// succeed.
  void abandon() noexcept;

private:
  struct state;
  static error full(const state& s);
  explicit relocation_writer(std::unique_ptr<state> s);
  std::unique_ptr<state> state_;
};

} // namespace kvs::storage
