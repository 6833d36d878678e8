#pragma once

#include "storage/expiry_queue.hpp"
#include "storage/hint_file.hpp"
#include "storage/index.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace kvs::storage {

/// Which of all the records that hints tell of are alive.
struct merge_rule {
  /// Records below it were flushed.
  sequence_number flushed_below = 0;
  /// What has expired by then is as good as deleted.
  timestamp_ms now = 0;
};

/// Fills the empty index of one shard: of all records of a key the one with
/// the highest sequence number counts, and it counts unless it is a deletion,
/// was flushed or has expired.
///
/// Goes through the hash space piece by piece, each small enough for a cache,
/// and puts the records into the index in its own order; so the time per
/// record does not rise with their number.
/// Errors: those of the sources.
result<ok> merge_hints(const std::vector<std::unique_ptr<hint_source>>& sources,
                       const merge_rule& rule, index& keys,
                       expiry_queue& expiring);

} // namespace kvs::storage
