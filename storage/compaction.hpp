#pragma once

#include "storage/key_hash.hpp"
#include "storage/manifest.hpp"
#include "storage/segment_scanner.hpp"

#include <cstdint>
#include <limits>
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

struct compaction_policy {
  /// A segment is rewritten when at least this share of its record bytes is
  /// dead (0 < x ≤ 1); *configurable*.
  double dead_share_min = 0.5;
  /// Output segments are sealed at about this size.
  std::uint64_t segment_bytes = 0;
  /// As for `tombstone_may_go`, and the same number: if they differ, a segment
  /// of tombstones may be copied again and again. The default believes that the
  /// unsealed segments hold nothing older than any sealed one.
  sequence_number unsealed_base = std::numeric_limits<sequence_number>::max();
  /// Never chosen, e.g. because they are damaged; they still count where
  /// tombstones are concerned.
  std::vector<segment_id> excluded;
};

/// Bytes of a segment that a compaction could free now: dead puts, and
/// tombstones if all of them may go. Zero exactly if a compaction of it would
/// only copy everything.
std::uint64_t reclaimable_bytes(const segment_usage& segment,
                                std::span<const segment_usage> all,
                                sequence_number unsealed_base
                                = std::numeric_limits<sequence_number>::max());

/// Segments worth rewriting now, the most worthwhile first, together at most
/// about one output segment of live data. Empty: nothing to do. With `force`
/// the trigger is any reclaimable byte (an explicit `compact`). When nothing
/// can be reclaimed, many small segments (every start leaves one) are merged,
/// since each costs a file descriptor and a place in the MANIFEST.
std::vector<segment_id> choose_victims(std::span<const segment_usage> all,
                                       const compaction_policy& policy,
                                       bool force);

/// Whether a tombstone (or an expired put, which shadows as one) of a victim
/// may be left out: every segment that is not a victim
/// - holds only higher sequence numbers, or
/// - has no dead record, or
/// - was written by a compaction that began after `sequence` was applied.
/// `all` are all sealed segments; `unsealed_base` is the base sequence of the
/// active segment, which counts as one more segment.
bool tombstone_may_go(sequence_number sequence,
                      std::span<const segment_id> victims,
                      std::span<const segment_usage> all,
                      sequence_number unsealed_base);

/// At least this many small segments are merged at once. More would be left
/// lying for longer, fewer would be rewritten more often.
inline constexpr std::size_t merged_segments_min = 8;
/// A segment is small below this part of `compaction_policy::segment_bytes`.
inline constexpr std::uint64_t small_segment_part = 8;

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
  /// Keep its shadow: write a tombstone with its sequence number instead.
  copy_as_tombstone,
};

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
  /// Errors: corrupt (names file and offset), no_space, io_failed; then the
  /// whole output is to be abandoned.
  result<record_location> copy(const segment& from,
                               const scanned_record& record);
  /// The same in steps, for whoever must not spend long on a large value:
  /// `from` and `record.key` stay until the last one.
  void begin_copy(const segment& from, const scanned_record& record);
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
  explicit relocation_writer(std::unique_ptr<state> s);
  std::unique_ptr<state> state_;
};

} // namespace kvs::storage
