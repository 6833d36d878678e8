/// SUPERVISOR: the life of all actors of a store.
#pragma once

#include "actors/archivist.hpp"
#include "actors/compactor.hpp"
#include "actors/reader.hpp"
#include "actors/shard.hpp"
#include "actors/syncer.hpp"
#include "actors/writer.hpp"

#include <functional>
#include <string>
#include <vector>

namespace kvs::actors {

/// Stop everything, in order, and answer when all of it is gone.
struct stop_store {};

struct store_stopped {
  /// Not ok: what was not synced or sealed, and why.
  failure error;
};

/// SUPERVISOR: watches all actors of a store and stops them.
///
/// Order of a stop: the ARCHIVIST gives up its backup; the WRITER appends what
/// it has, refuses the rest, syncs and seals; the COMPACTOR gives up its
/// rewrite and completes hint files; the SHARDS settle what is open, refuse
/// what they hold and leave their indexes; the CATALOG persists the time and,
/// if all of that went well, writes a checkpoint; then the SYNCER, the READERS,
/// the MEMORY BUDGET and the RESIDENCY go. Sessions are expected to be gone
/// before. Failure: when an actor dies that was not told to, `on_death` is
/// called once with its role; the store is not to be trusted any more then.
using supervisor_actor
  = caf::typed_actor<caf_compat::rpc<stop_store>::returns<store_stopped>>;

struct supervisor_args {
  writer_actor writer;
  compactor_actor compactor;
  archivist_actor archivist;
  catalog_actor catalog;
  syncer_actor syncer;
  std::vector<shard_actor> shards;
  std::vector<reader_actor> readers;
  memory_budget_actor budget;
  /// Optional.
  residency_actor residency;
  std::function<void(const std::string& role)> on_death;
};

supervisor_actor spawn_supervisor(caf::actor_system& system,
                                  supervisor_args args);

} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::stop_store)
KVS_MESSAGE(kvs::actors::store_stopped)
