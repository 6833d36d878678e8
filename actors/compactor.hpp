/// COMPACTOR: gives the space of dead records back.
#pragma once

#include "actors/catalog.hpp"
#include "actors/writer.hpp"
#include "storage/victims.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace kvs::actors {

/// Seal the active segment and rewrite all that has anything to gain.
/// Answered with figures_collected: segments_rewritten, bytes_before,
/// bytes_after.
struct compact_store {
  session_actor from;
  request_ref ref;
};

/// The shards, which are spawned later. Comes first.
struct connect_compactor {
  std::vector<shard_actor> shards;
};

/// Give up the current rewrite, write missing hint files, stop.
struct stop_compactor {};

struct compactor_stopped {};

/// COMPACTOR: owns the choice of segments to rewrite and the relocation
/// segment being written. Never changes an index itself.
///
/// Blocking: has its own thread, so its bulk I/O disturbs no request.
/// Rate: works for a share of the time that follows what the store's files
/// take too much (docs/compaction.md), and tells the WRITER when that is so
/// much that writes have to slow down.
/// Order: one rewrite at a time: ask the shards what is live, copy it, sync
/// (and the log, if a tombstone of the copy stands for a put), have the CATALOG
/// install the copy, tell the shards the moves, wait until everything that made
/// the old records dead is synced, have the shards say that they find none of
/// them, retire the old files. Durability: at any moment a crash leaves either
/// the old segments or the copy listed, or both, and both give the same store.
/// Failure: a rewrite that fails is abandoned and leaves everything as it
/// was; the segments stay candidates. A damaged record is logged and keeps
/// its segment from being rewritten again.
using compactor_actor = caf::typed_actor<
  caf_compat::takes<live_counted>, caf_compat::takes<applied_marked>,
  // Another candidate; it gets a hint file if it is still there after a while.
  caf_compat::takes<segment_sealed>,
  // The rewrite under way does not rest any more.
  caf_compat::takes<writes_slowed>,
  // Answered when something was rewritten, or when nothing can be.
  caf_compat::rpc<make_space>::returns<space_made>,
  caf_compat::takes<compact_store>, caf_compat::takes<collect_figures>,
  caf_compat::takes<connect_compactor>,
  caf_compat::rpc<stop_compactor>::returns<compactor_stopped>>;

struct compactor_args {
  std::shared_ptr<storage::file_system> files;
  std::string directory;
  std::uint64_t store_id = 0;
  storage::key_hasher hasher{0};
  storage::compaction_policy policy;
  /// Least share of the time that a rewrite works (0 < x ≤ 1); it rises to 1
  /// with what is to be freed.
  double effort_min = 0.1;
  /// The disk is short of space when less than this is free.
  std::uint64_t shortage_bytes = 0;
  std::shared_ptr<const storage::clock> clock;
  /// What the MANIFEST lists as sealed, with handles.
  std::vector<segment_sealed> sealed;
  writer_actor writer;
  catalog_actor catalog;
  /// Optional.
  residency_actor residency;
};

/// `thread`: where it runs; nullptr: on the scheduler (tests).
compactor_actor spawn_compactor(caf::actor_system& system, compactor_args args,
                                caf_compat::execution_base* thread);

} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::compact_store)
KVS_MESSAGE(kvs::actors::connect_compactor)
KVS_MESSAGE(kvs::actors::stop_compactor)
KVS_MESSAGE(kvs::actors::compactor_stopped)
