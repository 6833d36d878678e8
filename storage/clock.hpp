#pragma once

#include "storage/location.hpp"

#include <memory>

namespace kvs::storage {

/// Time for expiries. While a store is open it only rises, whatever the wall
/// clock does: it starts at max(wall clock, the time the MANIFEST persisted)
/// and then follows the monotonic clock.
class clock {
public:
  virtual ~clock() = default;
  virtual timestamp_ms now() const = 0;
};

/// The wall clock of this moment, for the start of a store.
timestamp_ms wall_clock_now();

/// A clock that reads `start` now and follows the monotonic clock.
std::shared_ptr<const clock> make_running_clock(timestamp_ms start);

} // namespace kvs::storage
