/// CATALOG: the only one that replaces the MANIFEST.
#pragma once

#include "actors/shard.hpp"
#include "storage/checkpoint.hpp"
#include "storage/limits.hpp"
#include "storage/manifest.hpp"

#include <memory>
#include <string>
#include <vector>

namespace kvs::actors {

/// Create the log segment after the next one.
struct create_segment {
  /// No record in it will have a lower sequence number.
  storage::sequence_number base_sequence = 0;
  /// Nothing but erases will be written to it: it may take a third of the
  /// reserve, because they are what makes space.
  bool is_for_erases = false;
};

struct segment_created {
  failure error;
  storage::segment_ptr segment;
  /// As in `catalog_updated`.
  bool is_final = false;
};

/// A log segment is complete and synced; `entry` says what it holds.
struct seal_segment {
  storage::segment_entry entry;
};

/// Give out the id of a relocation segment.
struct allocate_segment_id {};

struct segment_id_allocated {
  storage::segment_id id{};
};

/// A relocation segment is complete and synced.
struct install_segment {
  storage::segment_entry entry;
};

/// Nobody needs these segments any more: list them no longer, then delete
/// their files and hint files.
struct retire_segments {
  std::vector<storage::segment_id> segments;
};

/// Keep the files of segments that are retired from now on.
struct hold_segments {};

struct segments_held {};

/// What is sealed, and what was retired since `hold_segments`. From then on
/// nothing else is held.
struct list_held {};

struct held_listed {
  /// Only sealed segments; a flush counts that was known then or now.
  storage::manifest state;
};

/// Hold these segments no longer; what is retired of them is deleted.
struct release_segments {
  /// Empty: all of them, and nothing is held any more.
  std::vector<storage::segment_id> segments;
};

/// A flush was appended at `sequence` and is synced.
struct record_flush {
  storage::sequence_number sequence = 0;
};

/// Persist the time once more, write the checkpoint and stop.
struct stop_catalog {
  /// In their order, exact and final. Empty: no checkpoint.
  storage::checkpoint_shards shards;
  /// The last flush that they have applied; 0: none.
  storage::sequence_number flushed_below = 0;
};

/// The MANIFEST was replaced, or was not.
struct catalog_updated {
  failure error;
  /// The error is final: no later edit will be accepted. Otherwise nothing
  /// has changed, and the same edit may work later.
  bool is_final = false;
};

/// CATALOG: owns the MANIFEST. Others send it edits.
///
/// Blocking: has its own thread; a replacement costs three syncs.
/// Order: edits take effect in the order of arrival.
/// Durability: a reply without an error means that the edit survives a power
/// cut. Failure: after a failed replacement the MANIFEST on disk is one of
/// two; the CATALOG refuses all further edits, and the store goes read-only.
/// What fails earlier (a full disk, no descriptor left) has changed nothing.
using catalog_actor = time_keeper_actor::extend<
  // Creates the file, lists it, answers with its handle.
  caf_compat::rpc<create_segment>::returns<segment_created>,
  caf_compat::rpc<seal_segment>::returns<catalog_updated>,
  caf_compat::rpc<allocate_segment_id>::returns<segment_id_allocated>,
  caf_compat::rpc<install_segment>::returns<catalog_updated>,
  caf_compat::rpc<retire_segments>::returns<catalog_updated>,
  caf_compat::rpc<record_flush>::returns<catalog_updated>,
  // For one backup at a time; a stop releases too.
  caf_compat::rpc<hold_segments>::returns<segments_held>,
  caf_compat::rpc<list_held>::returns<held_listed>,
  caf_compat::takes<release_segments>, caf_compat::takes<stop_catalog>>;

struct catalog_args {
  std::shared_ptr<storage::file_system> files;
  std::string directory;
  storage::manifest state;
  std::shared_ptr<const storage::clock> clock;
  /// Space reserved for a new log segment; 0: none.
  std::uint64_t segment_bytes = 0;
  /// No log segment is created that would leave less than this on the disk:
  /// compaction needs it. 0: none.
  std::uint64_t reserve_bytes = 0;
  /// More segments are not created; tests lower it.
  std::size_t segments_max = storage::segments_max;
};

/// `thread`: where it runs; nullptr: on the scheduler (tests).
catalog_actor spawn_catalog(caf::actor_system& system, catalog_args args,
                            caf_compat::execution_base* thread);

} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::create_segment)
KVS_MESSAGE(kvs::actors::segment_created)
KVS_MESSAGE(kvs::actors::seal_segment)
KVS_MESSAGE(kvs::actors::allocate_segment_id)
KVS_MESSAGE(kvs::actors::segment_id_allocated)
KVS_MESSAGE(kvs::actors::install_segment)
KVS_MESSAGE(kvs::actors::retire_segments)
KVS_MESSAGE(kvs::actors::record_flush)
KVS_MESSAGE(kvs::actors::hold_segments)
KVS_MESSAGE(kvs::actors::segments_held)
KVS_MESSAGE(kvs::actors::list_held)
KVS_MESSAGE(kvs::actors::held_listed)
KVS_MESSAGE(kvs::actors::release_segments)
KVS_MESSAGE(kvs::actors::stop_catalog)
KVS_MESSAGE(kvs::actors::catalog_updated)
