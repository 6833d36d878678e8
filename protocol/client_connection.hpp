// The moving parts of the client library: one socket and one thread.

#pragma once

#include "protocol/byte_buffer.hpp"
#include "protocol/client.hpp"
#include "protocol/decode_error.hpp"
#include "protocol/native/frame.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace kvs::protocol {

/// Sends requests, matches replies by their id and watches the deadlines.
///
/// Ownership: everything below `mutex_` in this class is shared between the
/// callers and the own thread and touched under the mutex only; the rest
/// belongs to the own thread once `open` has returned.
///
/// Failure: the first fault closes the socket and answers all that wait.
class client_connection {
public:
  using any_outcome = client_outcome<received<reply>>;
  using completion = std::function<void(any_outcome)>;

  explicit client_connection(const client_options& options);
  client_connection(const client_connection&) = delete;
  client_connection& operator=(const client_connection&) = delete;
  ~client_connection();

  /// Connects and starts the thread. Returns why it failed, or nothing.
  /// To be called once, before anything else.
  std::optional<client_error> open(const std::string& host, std::uint16_t port);

  /// Queues `message`. Calls `done` exactly once, on any thread.
  void submit(const request& message, completion done);

private:
  using tcp = boost::asio::ip::tcp;
  using clock = std::chrono::steady_clock;

  struct waiting_call {
    request_type type{};
    clock::time_point deadline;
    completion done;
  };

  static constexpr std::size_t read_bytes = 64 << 10;

  void write_next();
  void read_next();
  void take_received(std::size_t received_bytes);
  void read_rest_of_body(std::size_t have_bytes);
  bool take_body(byte_buffer body);
  void settle(native::request_id id, any_outcome outcome);
  void fail(client_error why);
  void sweep_deadlines();
  void end_overdue_calls();

  client_options options_;
  boost::asio::io_context loop_;
  tcp::socket socket_{loop_};
  boost::asio::steady_timer sweep_timer_{loop_};
  bool sweeping_{false};

  // What is being written; what is read but not yet a whole header.
  byte_buffer writing_;
  byte_buffer unread_;
  native::frame_header header_;
  byte_buffer body_;
  // An error that belongs to no call: why the node will close.
  std::string last_words_;
  std::array<std::byte, read_bytes> chunk_;

  std::mutex mutex_;
  byte_buffer queued_;
  bool write_scheduled_{false};
  std::uint64_t last_id_{0};
  std::map<std::uint64_t, waiting_call> waiting_;
  std::optional<client_error> broken_;

  // Last, so that it ends before anything it uses.
  std::thread thread_;
};

} // namespace kvs::protocol
