/// ARCHIVIST: backups of the store while it is in use.
#pragma once

#include "actors/catalog.hpp"
#include "actors/writer.hpp"

#include <memory>
#include <string>

namespace kvs::actors {

/// Make a backup. Answered with figures_collected: segments, bytes, kept,
/// linked, copied, copied_bytes, version; or with a failure.
struct make_backup {
  session_actor from;
  request_ref ref;
  /// Its directory: a name, or the path of one right below the root.
  std::string to;
  /// The same of a backup that it may share files with; empty: none.
  std::string earlier;
  /// Copy even what could be linked.
  bool copies = false;
};

/// Give up what is under way, refuse what waits, stop.
struct stop_archivist {};

struct archivist_stopped {};

/// ARCHIVIST: owns the directory of the backup being made.
///
/// Blocking: has its own thread; a turn handles one segment.
/// Order: one backup at a time, in the order of the requests: claim the name,
/// hold the segments, seal the active one, take all files and let go of each,
/// check them, list them (docs/backup.md). A backup has everything that was
/// acknowledged before the request.
/// Durability: a backup that was answered survives a power cut, as far as its
/// disk does.
/// Failure: a backup that fails is removed and answered; nothing of the store
/// has changed but that its active segment may be sealed. What can be refused
/// is refused before that. Safety: nothing is written but new directories right
/// below the root that the operator has chosen, and nothing at all without one,
/// or if the store is there.
using archivist_actor = caf::typed_actor<
  caf_compat::takes<make_backup>,
  caf_compat::rpc<stop_archivist>::returns<archivist_stopped>>;

struct archivist_args {
  std::shared_ptr<storage::file_system> files;
  /// Of the store, and its number.
  std::string directory;
  std::uint64_t store_id = 0;
  /// Where backups are made; empty: none are.
  std::string root;
  std::shared_ptr<const storage::clock> clock;
  writer_actor writer;
  catalog_actor catalog;
};

/// `thread`: where it runs; nullptr: on the scheduler (tests).
archivist_actor spawn_archivist(caf::actor_system& system, archivist_args args,
                                caf_compat::execution_base* thread);

} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::make_backup)
KVS_MESSAGE(kvs::actors::stop_archivist)
KVS_MESSAGE(kvs::actors::archivist_stopped)
