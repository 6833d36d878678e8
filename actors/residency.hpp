/// RESIDENCY: which segments are kept in memory.
#pragma once

#include "actors/caf_compat.hpp"
#include "storage/segment.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace kvs::actors {

/// The first `readable_bytes` bytes of a segment are in memory and may be
/// looked at. Told again when there are more.
struct segment_resident {
  storage::segment_id segment{};
  std::shared_ptr<const storage::mapped_bytes> memory;
  std::uint64_t readable_bytes = 0;
};

/// Do not look at them any more.
struct release_segment {
  storage::segment_id segment{};
};

struct segment_released {};

/// Who looks at the bytes of segments.
using residency_user_actor = caf::typed_actor<
  caf_compat::takes<segment_resident>,
  caf_compat::rpc<release_segment>::returns<segment_released>>;

/// Tell me about resident segments, those of now first.
struct use_residency {
  residency_user_actor from;
};

/// Keep a segment in memory, in the place of older ones if need be.
struct keep_resident {
  storage::segment_ptr segment;
  /// What it may grow to.
  std::uint64_t size_bytes = 0;
  /// What is written, and will not be cut off.
  std::uint64_t written_bytes = 0;
};

/// More of that segment is written.
struct extend_resident {
  storage::segment_id segment{};
  std::uint64_t written_bytes = 0;
};

/// These segments are of no use any more. Answered when nothing of them is
/// mapped, so that a deleted file gives its space back.
struct drop_resident {
  std::vector<storage::segment_id> segments;
};

struct resident_dropped {};

/// RESIDENCY: owns the mappings of segments that are locked in memory, so that
/// users read from them without a system call and never wait for the disk.
///
/// Blocking: has its own thread; locking what was just written takes no time,
/// unmapping a segment a few milliseconds.
/// Order: first kept, first dropped. Memory: never more than it was told; a
/// segment that does not fit at all is not kept.
/// Failure: a segment that cannot be locked is not kept. When that is because
/// of the process's limit, which is logged, what is kept by then is as much as
/// ever will be. Nothing depends on it but speed.
using residency_actor
  = caf::typed_actor<caf_compat::takes<use_residency>,
                     caf_compat::takes<keep_resident>,
                     caf_compat::takes<extend_resident>,
                     caf_compat::rpc<drop_resident>::returns<resident_dropped>>;

/// `thread`: where it runs; nullptr: on the scheduler (tests).
residency_actor spawn_residency(caf::actor_system& system,
                                std::uint64_t bytes_max,
                                caf_compat::execution_base* thread);

} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::segment_resident)
KVS_MESSAGE(kvs::actors::release_segment)
KVS_MESSAGE(kvs::actors::segment_released)
KVS_MESSAGE(kvs::actors::use_residency)
KVS_MESSAGE(kvs::actors::keep_resident)
KVS_MESSAGE(kvs::actors::extend_resident)
KVS_MESSAGE(kvs::actors::drop_resident)
KVS_MESSAGE(kvs::actors::resident_dropped)
