/// SYNCER: makes the log durable.
#pragma once

#include "actors/caf_compat.hpp"
#include "actors/outcome.hpp"
#include "storage/segment.hpp"

#include <vector>

namespace kvs::actors {

/// Make everything in the log before `end` durable.
struct sync_up_to {
  /// The segments that hold unsynced records, oldest first.
  std::vector<storage::segment_ptr> segments;
  storage::log_position end;
  /// Highest sequence number before `end`.
  storage::sequence_number sequence = 0;
};

struct log_synced {
  failure error;
  storage::log_position end;
  storage::sequence_number sequence = 0;
};

/// SYNCER: the only caller of fdatasync on the log.
///
/// Blocking: has its own thread; a sync takes as long as the disk needs.
/// Order: one sync at a time, older segments first.
/// Failure: a failed sync is final. It is reported, and every later request
/// is refused with the same error without touching the disk: what a retry
/// reports would say nothing about the data (fsyncgate).
using syncer_actor
  = caf::typed_actor<caf_compat::rpc<sync_up_to>::returns<log_synced>>;

/// `thread`: where it runs; nullptr: on the scheduler (tests).
syncer_actor spawn_syncer(caf::actor_system& system,
                          caf_compat::execution_base* thread);

} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::sync_up_to)
KVS_MESSAGE(kvs::actors::log_synced)
