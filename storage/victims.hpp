#pragma once

#include "storage/compaction.hpp"

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

/// Which sealed segments to rewrite, and when (docs/compaction.md).
namespace kvs::storage {

struct compaction_policy {
  /// A store that is written to is compacted while its files are larger than
  /// this multiple of what lives in them (> 1); *configurable*.
  double space_factor = 1.5;
  /// The same for a store that rests.
  double rest_space_factor = 1.15;
  /// While it is written to, a store without live records may take this many
  /// bytes more; a larger one as many less as a quarter of what lives in it. So
  /// a store of few segments is not rewritten all the time.
  std::uint64_t small_store_bytes = 0;
  /// Output segments are sealed at about this size.
  std::uint64_t segment_bytes = 0;
  /// As for `tombstone_may_go`, and the same number: if they differ, a segment
  /// of tombstones may be copied again and again. The default believes that the
  /// unsealed segments hold nothing older than any sealed one.
  sequence_number unsealed_base = std::numeric_limits<sequence_number>::max();
  /// What lives in unsealed segments.
  std::uint64_t unsealed_live_bytes = 0;
  /// Never chosen, e.g. because they are damaged; they still count where
  /// tombstones are concerned.
  std::vector<segment_id> excluded;
};

/// Why something is to be rewritten.
enum class compaction_need : std::uint8_t {
  /// To keep the space factor while the store is written to.
  load,
  /// To bring the space of a store that rests nearer to what lives.
  rest,
  /// The disk is nearly full: whatever frees at least a little.
  shortage,
  /// An explicit command: whatever frees anything.
  command,
};

/// The sealed segments as a whole.
struct space_usage {
  std::uint64_t segment_bytes = 0;
  std::uint64_t hint_bytes = 0;
  /// Of records, those in unsealed segments too.
  std::uint64_t live_bytes = 0;
  /// What a rewrite of its segment would free now.
  std::uint64_t reclaimable_bytes = 0;
  /// Tombstones that have to stay.
  std::uint64_t pinned_bytes = 0;
};

space_usage space_of(std::span<const segment_usage> all,
                     const compaction_policy& policy);

/// Bytes of segments that are too much (negative: that there is still room for)
/// if segments and hint files are to take at most `factor` times the live
/// records. Where records are so small that hints alone take that, half as much
/// may be dead as if there were none.
std::int64_t excess_bytes(const space_usage& space, double factor) noexcept;

/// The same for a store that is written to: small ones may take more.
std::int64_t excess_under_load(const space_usage& space,
                               const compaction_policy& policy) noexcept;

/// What the excess may be before anything is done about it: a part of a
/// segment is the grain of the whole thing.
std::int64_t tolerated(const compaction_policy& policy) noexcept;

/// How many records were written after a given one, over all starts of the
/// node: the upper bits of a sequence number are the start, so that numbers
/// cannot be subtracted.
class record_ages {
public:
  explicit record_ages(std::span<const segment_usage> all);
  std::uint64_t since(sequence_number sequence) const noexcept;

private:
  /// The highest number of each start, oldest first.
  std::vector<sequence_number> highest_;
};

/// Bytes of a segment that a compaction could free now: dead puts, and
/// tombstones if all of them may go. Zero exactly if a compaction of it would
/// only copy everything.
std::uint64_t reclaimable_bytes(const segment_usage& segment,
                                const tombstone_rule& rule);

/// Segments worth rewriting now, together at most about one output segment of
/// live data and of similar age; or segments in which nothing lives, and then
/// only such. Empty: nothing to do. When nothing can be reclaimed, many small
/// segments (every start leaves one) are merged, since each costs a file
/// descriptor and a place in the MANIFEST.
std::vector<segment_id> choose_victims(std::span<const segment_usage> all,
                                       const compaction_policy& policy,
                                       compaction_need need);

/// At least this many small segments are merged at once. More would be left
/// lying for longer, fewer would be rewritten more often.
inline constexpr std::size_t merged_segments_min = 8;
/// A segment is small below this part of `compaction_policy::segment_bytes`.
inline constexpr std::uint64_t small_segment_part = 8;
/// Ages differ by this factor at most within one rewrite. Twice the age is
/// half the chance to be overwritten soon.
inline constexpr double similar_age_factor = 2;
/// Bounds what one rewrite keeps in memory: open scans, moves, the reply.
inline constexpr std::size_t victims_max = 64;

} // namespace kvs::storage
