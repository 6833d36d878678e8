#include "storage/clock.hpp"

#include <chrono>

namespace kvs::storage {
namespace {

template <class TimePoint>
timestamp_ms milliseconds_of(TimePoint point) {
  return static_cast<timestamp_ms>(
    std::chrono::duration_cast<std::chrono::milliseconds>(
      point.time_since_epoch())
      .count());
}

class running_clock final : public clock {
public:
  explicit running_clock(timestamp_ms start)
    : start_{start}, began_{std::chrono::steady_clock::now()} {
  }

  timestamp_ms now() const override {
    const auto passed = std::chrono::steady_clock::now() - began_;
    return start_
           + static_cast<timestamp_ms>(
             std::chrono::duration_cast<std::chrono::milliseconds>(passed)
               .count());
  }

private:
  timestamp_ms start_;
  std::chrono::steady_clock::time_point began_;
};

} // namespace

timestamp_ms wall_clock_now() {
  return milliseconds_of(std::chrono::system_clock::now());
}

std::shared_ptr<const clock> make_running_clock(timestamp_ms start) {
  return std::make_shared<running_clock>(start);
}

} // namespace kvs::storage
