// Shows how far recovery is: a bar on a terminal, lines in a log.

#pragma once

#include "storage/recovery.hpp"

#include <chrono>

namespace kvs::apps {

/// Says nothing about recoveries that take less than a second.
class recovery_display {
public:
  recovery_display();

  void update(const storage::recovery_progress& now);
  /// Removes the bar.
  void finish();

private:
  using clock = std::chrono::steady_clock;

  bool on_terminal_;
  bool drawn_ = false;
  clock::time_point begin_ = clock::now();
  clock::time_point next_ = begin_ + std::chrono::seconds{1};
};

} // namespace kvs::apps
