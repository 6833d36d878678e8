/// What SHARDS tell the COMPACTOR of themselves.
#pragma once

#include "actors/caf_compat.hpp"
#include "storage/index.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace kvs::actors {

/// Count live records now; the shard also tells now and then by itself.
struct count_live {};

/// Live records of every segment, as one shard counts them.
struct live_counted {
  std::uint32_t shard = 0;
  std::vector<std::pair<storage::segment_id, storage::live_share>> segments;
  storage::sequence_number applied_up_to = 0;
  /// False: a read has failed, so that records that are dead may be among
  /// them, and the tombstones that hide those.
  bool is_exact = true;
};

/// Answer to `mark_applied`.
struct applied_marked {
  std::uint32_t shard = 0;
  storage::sequence_number sequence = 0;
};

/// What a SHARD needs of the COMPACTOR.
using usage_listener_actor
  = caf::typed_actor<caf_compat::takes<live_counted>,
                     caf_compat::takes<applied_marked>>;

} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::count_live)
KVS_MESSAGE(kvs::actors::live_counted)
KVS_MESSAGE(kvs::actors::applied_marked)
