// Signals and failures as events that the main thread waits for.

#pragma once

#include <string>

namespace kvs::apps {

/// Why the node ends.
enum class stop_reason { signal, failure };

/// Blocks SIGINT and SIGTERM for this thread and all it starts; create it
/// first. SIGPIPE is ignored: a client that is gone is an error of a write.
class stop_events {
public:
  stop_events();
  stop_events(const stop_events&) = delete;
  stop_events& operator=(const stop_events&) = delete;
  ~stop_events();

  /// From any thread: the node cannot go on.
  void report_failure() const noexcept;

  /// From any thread: end as a signal would.
  void request_stop() const noexcept;

  /// Whether a signal has come that `wait` would return.
  bool is_signalled() const noexcept;

  /// Waits for the first of them. Afterwards a second signal ends the process
  /// at once, as the system does by default.
  stop_reason wait() const;

private:
  int signal_fd_ = -1;
  int failure_fd_ = -1;
};

} // namespace kvs::apps
