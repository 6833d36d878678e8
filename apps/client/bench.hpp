// The load generator: how fast does a node answer?

#pragma once

#include "apps/client/session.hpp"

#include <cstdint>
#include <string>

namespace kvs::apps {

struct bench_options {
  std::uint32_t client_count{50};
  /// Requests that a client sends before it waits for their answers.
  std::uint32_t pipeline{16};
  /// Requests per test, of all clients together.
  std::uint64_t request_count{1'000'000};
  std::uint32_t value_bytes{100};
  /// Keys are drawn from this many.
  std::uint64_t keyspace{1'000'000};
  /// Names of tests with commas: set, get, incr.
  std::string tests{"set,get"};
};

/// Runs the tests one after the other, from one thread, and prints requests
/// per second and latencies. A latency is the time from handing a batch of
/// `pipeline` requests to the kernel to reading the answer.
///
/// Every client sends `pipeline` requests, waits for all answers and goes on,
/// which is what redis-benchmark does.
///
/// Returns an exit code; an error frame from the node ends the bench.
int run_bench(session& node, const bench_options& options);

} // namespace kvs::apps
