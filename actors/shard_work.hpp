/// What an INDEX SHARD remembers of work under way; private to shard*.cpp.
#pragma once

#include "actors/key_state.hpp"
#include "actors/outbox.hpp"
#include "actors/shard.hpp"
#include "storage/expiry_queue.hpp"
#include "storage/prefetch.hpp"
#include "storage/record_match.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace kvs::actors {

/// Larger records are not read by a shard: a session is told where they lie,
/// and an evaluation has a READER read them. So no turn copies much, and who
/// pipelines gets of large values and reads no replies holds little.
inline constexpr std::uint64_t inline_read_bytes_max = 64 * 1024;

/// What the candidates of a key turned out to be.
struct resolved_key {
  enum class kind {
    /// No candidate is of this key.
    absent,
    /// The newest candidate of this key says that it is gone.
    deleted,
    found,
    /// Not in memory: a READER has to look.
    elsewhere,
    failed,
  };
  kind what = kind::absent;
  storage::index_entry entry;
  /// If a READER has found it: the segments of the SHARD may be others now.
  storage::segment_ptr segment;
  /// As much of the record as was read.
  std::span<const std::byte> record;
  /// The memory in which `record` lies, if there is free room behind it.
  std::span<std::byte> room;
  failure error;
};

/// The same as a READER found it.
resolved_key to_resolved(const record_found& found);

/// Keys with an expiry.
struct expiry_figures {
  std::uint64_t count = 0;
  std::uint64_t deadlines_sum_s = 0;

  void add(storage::timestamp_ms expires_at) noexcept {
    ++count;
    deadlines_sum_s += counted_s(expires_at);
  }
  void remove(storage::timestamp_ms expires_at) noexcept {
    --count;
    deadlines_sum_s -= counted_s(expires_at);
  }
  std::uint64_t remaining_s(storage::timestamp_ms now) const noexcept {
    auto passed_s = count * (now / 1000);
    return std::max(deadlines_sum_s, passed_s) - passed_s;
  }

private:
  /// So that the sum does not overflow: a billion keys of the year 2500 fit.
  static std::uint64_t counted_s(storage::timestamp_ms expires_at) noexcept {
    return std::min(expires_at / 1000, storage::timestamp_ms{1} << 34);
  }
};

/// A record was published over candidates that are not in memory: whether one
/// of them was of its key is being found out.
struct unsettled_record {
  storage::key_hash hash = 0;
  storage::record_location location;
  bool is_put = false;
  /// Flushes before it.
  std::uint64_t flushes = 0;
  std::string key{};
  /// As in `write_notes`, and when it was applied.
  bool was_alive = false;
  storage::timestamp_ms applied_at = 0;
  /// The answer, while older questions of the same hash are open.
  std::optional<record_found> found{};
};

/// A count whose keys are not all settled.
struct waiting_count {
  count_keys request;
  std::int64_t number = 0;
  /// An expiry that the number takes into account.
  storage::timestamp_ms latest_expiry = 0;
  /// It depends on those up to here; how many are left of them.
  std::uint64_t last_unsettled = 0;
  std::size_t unsettled = 0;
};

/// A scan whose keys are being read.
struct running_scan {
  struct record {
    std::uint64_t hash_bits = 0;
    record_place where;
  };
  scan_keys request;
  keys_scanned reply;
  storage::timestamp_ms now = 0;
  std::vector<record> records;
  std::size_t read_count = 0;
  std::size_t key_bytes = 0;
  storage::timestamp_ms latest_expiry = 0;
  /// Keys that were seen among records with the same `run_bits`.
  std::uint64_t run_bits = ~std::uint64_t{0};
  std::vector<std::string> run_keys;
};

/// One operation and whoever waits for its answer.
struct pending_operation {
  session_actor session;
  operation op;
  memory_owners memory;
};

/// Memory for small values, one allocation for many. What was handed out
/// stays until its last owner lets go, and is not handed out again.
class value_arena {
public:
  struct room {
    std::span<std::byte> bytes;
    memory_owner memory;
  };

  /// `size` bytes of no particular value.
  room take(std::size_t size) {
    if (size > chunk_bytes / 8) {
      auto own = std::make_shared_for_overwrite<std::byte[]>(size);
      return {{own.get(), size}, std::move(own)};
    }
    if (left_.size() < size) {
      auto fresh = std::make_shared_for_overwrite<std::byte[]>(chunk_bytes);
      left_ = {fresh.get(), chunk_bytes};
      chunk_ = std::move(fresh);
    }
    room taken{left_.first(size), chunk_};
    left_ = left_.subspan(size);
    return taken;
  }

private:
  /// Little enough that one value which is kept for long keeps no more.
  static constexpr std::size_t chunk_bytes = 16 * 1024;
  std::span<std::byte> left_;
  memory_owner chunk_;
};

/// A segment that records of this shard may lie in.
struct known_segment {
  /// nullptr: the WRITER or the COMPACTOR has not told of it yet.
  storage::segment_ptr file;
  /// Those of its first bytes that are resident, and who keeps them so.
  std::shared_ptr<const storage::mapped_bytes> memory;
  std::span<const std::byte> bytes;
};

/// Begins to load a record: its head, its key, a small value.
inline void prefetch_bytes(std::span<const std::byte> record) noexcept {
  constexpr std::size_t cache_line_bytes = 64;
  constexpr std::size_t lines_max = 3;
  auto lines = std::min(lines_max, record.size() / cache_line_bytes);
  for (std::size_t at = 0; at < lines; ++at)
    storage::prefetch(record.data() + at * cache_line_bytes);
}

/// So many records are looked for together, so that they wait together for
/// memory: more than a processor waits for at once, and few enough to stay in
/// its caches.
inline constexpr std::size_t lookup_group_min = 32;

/// Takes batches with that many entries off the front of `rest`, or all.
/// `entries`: the member of a batch that holds them.
template <class Batch, class Entries>
std::span<Batch> take_lookup_group(std::span<Batch>& rest,
                                   Entries Batch::*entries) {
  std::size_t batches = 0;
  for (std::size_t count = 0; batches < rest.size() && count < lookup_group_min;
       ++batches)
    count += (rest[batches].*entries).size();
  auto group = rest.first(batches);
  rest = rest.subspan(batches);
  return group;
}

/// A key to look for, with the hash that came with it.
struct hashed_key {
  storage::key_hash hash = 0;
  std::string_view bytes;

  friend bool operator==(const hashed_key& a, const hashed_key& b) {
    return a.hash == b.hash && a.bytes == b.bytes;
  }
  struct hasher {
    std::size_t operator()(const hashed_key& key) const noexcept {
      return key.hash;
    }
  };
};

/// The conditional writes of one key that are decided together.
struct evaluation {
  /// While its record is with the WRITER.
  std::uint64_t id = 0;
  /// Lies in the memory of the first of `running`.
  hashed_key key;
  /// Being decided; never empty. Their operands are at most 1 MiB together,
  /// unless there is only one.
  std::vector<pending_operation> running;
  /// Those behind; they see the outcome of `running`.
  std::vector<pending_operation> waiting;
  std::uint32_t rejection_count = 0;
  storage::sequence_number evaluated_at = 0;
  /// The key had expired, and the MANIFEST does not know that time yet.
  bool reports_new_expiry = false;
  /// The key was there and had not expired.
  bool was_alive = false;
  /// The record of the key when it was looked up, expired or not.
  std::optional<storage::index_entry> replaced;
  std::optional<key_evaluation> result;
  /// Gives back what `result` was charged for.
  memory_owner charge;
  /// One per running operation, versions not settled yet.
  std::vector<answer> answers;
};

using evaluation_ptr = std::shared_ptr<evaluation>;

/// An evaluation that waits for memory for a large value.
struct large_evaluation {
  evaluation_ptr current;
  std::uint64_t bytes = 0;
  /// nullopt: there is no value yet.
  std::optional<storage::index_entry> entry;
  key_state state;
  /// Where that lies: compaction may move it meanwhile.
  storage::segment_ptr segment{};
};

/// How often somebody watches an absent key, and the last record that made it
/// since.
struct watched_key {
  std::uint32_t watch_count = 0;
  storage::sequence_number made_at = 0;
};

/// A change that nobody's watch sees: the key counts as if it still had the
/// version `seen_as`.
struct unnoticed_change {
  storage::sequence_number sequence = 0;
  storage::sequence_number seen_as = 0;
};

} // namespace kvs::actors
