// The client library: asks a kvs node over TCP.

#pragma once

#include "protocol/byte_buffer.hpp"
#include "protocol/client_outcome.hpp"
#include "protocol/replies.hpp"
#include "protocol/requests.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace kvs::protocol {

class client_connection;

/// A reply together with the bytes that its views borrow from. Moving it keeps
/// the views valid.
template <class Reply>
struct received {
  byte_buffer body;
  Reply message;

  const Reply* operator->() const {
    return &message;
  }
};

/// Names the reply to each request: `answer_to<get>` is `value_reply`.
template <class Request>
struct answer {
  using type = write_reply;
};
template <>
struct answer<hello> {
  using type = hello_reply;
};
template <>
struct answer<ping> {
  using type = pong;
};
template <>
struct answer<get> {
  using type = value_reply;
};
template <>
struct answer<multi_get> {
  using type = values_reply;
};
template <>
struct answer<erase> {
  using type = erase_reply;
};
template <>
struct answer<exists> {
  using type = exists_reply;
};
template <>
struct answer<increment> {
  using type = increment_reply;
};
template <>
struct answer<append> {
  using type = append_reply;
};
template <>
struct answer<scan> {
  using type = scan_reply;
};
template <>
struct answer<count> {
  using type = count_reply;
};
template <>
struct answer<stats> {
  using type = stats_reply;
};
template <>
struct answer<sync> {
  using type = sync_reply;
};
template <>
struct answer<compact> {
  using type = compact_reply;
};
template <>
struct answer<backup> {
  using type = backup_reply;
};

template <class Request>
using answer_to = typename answer<Request>::type;

/// How patient a client is.
struct client_options {
  std::chrono::milliseconds connect_timeout{5'000};

  /// From the call to the complete reply. Checked a few times per timeout, at
  /// least four times a second, so a call may take that much longer.
  std::chrono::milliseconds request_timeout{60'000};

  /// Largest reply that is accepted, header included.
  std::uint64_t frame_bytes_max{2ULL << 30};
};

/// One TCP connection to a node.
///
///     auto connected = client::connect("127.0.0.1", 4000);
///     if (!connected) { ... connected.error().message ... }
///     client& node = connected.value();
///     auto got = node.call(get{"key"});
///     if (got && got.value()->found) { ... got.value()->value ... }
///
/// Order: requests take effect on a key in the order of the calls; replies of
/// pipelined requests may arrive in any order.
///
/// Failure: errors are values; nothing is thrown but `std::bad_alloc`. After
/// the connection is lost every call fails; connect again.
///
/// Threads: one own thread moves the bytes, so several threads may call at
/// once. Destruction ends all calls that still wait, with an error.
class client {
public:
  /// Resolves `host`, connects to it and waits for that.
  ///
  /// Errors: `unreachable`, with nothing sent.
  static client_outcome<client> connect(const std::string& host,
                                        std::uint16_t port,
                                        const client_options& options = {});

  client(client&&) noexcept;
  client& operator=(client&&) noexcept;
  ~client();

  /// Sends `message` and returns at once. What `message` borrows is no longer
  /// needed then. Many requests may be under way; bounding them is up to the
  /// caller.
  ///
  /// Errors, in the future: all of `client_errc` but `unreachable`.
  template <class Request>
  std::future<client_outcome<received<answer_to<Request>>>>
  start(const Request& message);

  /// Sends `message` and waits for the answer. Errors: as `start`.
  template <class Request>
  client_outcome<received<answer_to<Request>>> call(const Request& message) {
    return start(message).get();
  }

private:
  using any_outcome = client_outcome<received<reply>>;
  using completion = std::function<void(any_outcome)>;

  explicit client(std::unique_ptr<client_connection> connection);

  void submit(const request& message, completion done);

  template <class Reply>
  static client_outcome<received<Reply>> narrow(any_outcome outcome);

  std::unique_ptr<client_connection> connection_;
};

template <class Reply>
client_outcome<received<Reply>> client::narrow(any_outcome outcome) {
  if (!outcome)
    return outcome.error();
  received<reply>& wide = outcome.value();
  // The connection has compared the reply with the request already.
  return received<Reply>{std::move(wide.body),
                         std::move(*std::get_if<Reply>(&wide.message))};
}

template <class Request>
std::future<client_outcome<received<answer_to<Request>>>>
client::start(const Request& message) {
  using reply_type = answer_to<Request>;
  using outcome = client_outcome<received<reply_type>>;
  auto promise = std::make_shared<std::promise<outcome>>();
  auto future = promise->get_future();
  submit(request{message}, [promise](any_outcome reached) {
    promise->set_value(narrow<reply_type>(std::move(reached)));
  });
  return future;
}

} // namespace kvs::protocol
