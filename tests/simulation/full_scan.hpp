#pragma once

#include "tests/simulation/world.hpp"

#include <map>

namespace kvs::simulation {

/// What the records of one segment are.
struct scanned_counts {
  storage::segment_entry counted;
  /// Newest records of their keys that have not expired.
  storage::live_share live;
};

/// Reads every record of a store, its own way: no index, no hint.
std::map<storage::segment_id, scanned_counts>
scan_all(storage::file_system& files, storage::timestamp_ms now);

/// Compares what a store counts with what is there; a difference fails the
/// test.
void expect_exact_counts(const disk_ptr& disk, world& lived);

} // namespace kvs::simulation
