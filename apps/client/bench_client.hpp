// One of the many connections of the load generator.

#pragma once

#include "apps/client/bench_frames.hpp"
#include "apps/client/latency_histogram.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace kvs::apps {

/// What all connections of one test share.
struct bench_run {
  std::uint64_t keyspace{1};
  std::uint64_t random_state{1};
  /// Requests that nobody has sent yet.
  std::uint64_t unsent_count{0};
  std::uint64_t answered_count{0};
  latency_histogram latencies;
  /// Why the test cannot go on, or empty.
  std::string failure;
  /// Shared scratch for reading: replies are looked at, never kept.
  std::vector<std::byte> received;
};

/// A non-blocking socket that sends a batch, waits for all answers, repeats.
class bench_client {
public:
  /// Takes over the connected socket `fd`.
  bench_client(int fd, bench_frames frames, std::uint32_t pipeline);
  bench_client(bench_client&& other) noexcept;
  bench_client& operator=(bench_client&&) = delete;
  ~bench_client();

  int fd() const {
    return fd_;
  }

  /// Sends the next batch if there is one. Failures go to `run`.
  void begin_batch(bench_run& run);

  /// Continues a batch that did not fit into the socket.
  void on_writable(bench_run& run);

  /// Reads answers; begins the next batch behind the last of them.
  void on_readable(bench_run& run);

  /// Whether the socket is full and bytes wait to be sent.
  bool wants_to_write() const {
    return sent_bytes_ < batch_bytes_;
  }

private:
  bool take_replies(bench_run& run, std::size_t received_bytes);
  bool take_header(bench_run& run, const std::byte* header);

  int fd_;
  bench_frames frames_;
  std::uint32_t pipeline_;
  std::uint32_t open_count_{0};
  std::size_t batch_bytes_{0};
  std::size_t sent_bytes_{0};
  std::uint64_t sent_at_ns_{0};
  // A header that was cut by the end of a read, and how much of a body is
  // still to be skipped.
  std::byte partial_header_[24]{};
  std::size_t partial_bytes_{0};
  std::uint64_t skip_bytes_{0};
};

} // namespace kvs::apps
