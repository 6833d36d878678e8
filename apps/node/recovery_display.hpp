// Shows how far recovery is: a bar on a terminal, lines in a log.

#pragma once

#include "storage/recovery.hpp"

#include <chrono>

namespace kvs::apps {

/// Says nothing about recoveries that take less than a second.
class recovery_display {
public:
  /// Also into the log, if there is no terminal.
  recovery_display();
  /// Only on a terminal. `doing` names what goes on.
  explicit recovery_display(const char* doing);

  void update(const storage::recovery_progress& now);
  /// Removes the bar.
  void finish();

private:
  using clock = std::chrono::steady_clock;

  const char* doing_ = "recovering";
  bool logs_ = true;
  bool on_terminal_;
  bool drawn_ = false;
  clock::time_point begin_ = clock::now();
  clock::time_point next_ = begin_ + std::chrono::seconds{1};
};

} // namespace kvs::apps
