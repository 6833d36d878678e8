// A blocking client for servers that speak RESP2, such as Redis.

#pragma once

#include "protocol/client.hpp"
#include "protocol/client_outcome.hpp"
#include "protocol/resp/reply_reader.hpp"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

namespace kvs::protocol {

/// One TCP connection. Commands are collected by `add`, sent by `send`, and
/// answered in their order, one by each `receive`. Whoever sends a batch
/// receives all its replies before the next; a batch has a size that the server
/// can be expected to read before its replies are taken.
///
/// Failure: errors are values. After one the connection is of no use. An error
/// reply is a reply.
///
/// Threads: for one at a time; it has none of its own.
class resp_client {
public:
  /// Resolves `host`, connects to it and waits for that. Of `options` the
  /// largest frame says nothing here; the timeout of a request is that of every
  /// wait for the network.
  ///
  /// Errors: `unreachable`.
  static client_outcome<resp_client>
  connect(const std::string& host, std::uint16_t port,
          const client_options& options = {});

  resp_client(resp_client&&) noexcept;
  resp_client& operator=(resp_client&&) noexcept;
  ~resp_client();

  /// Puts a command behind those that wait to be sent.
  void add(std::initializer_list<std::string_view> words);

  /// Sends what was added. Errors, by `receive`.
  void send();

  /// The next reply. Errors: `timed_out`, `disconnected`, `not_understood`.
  client_outcome<resp::reply_value> receive();

  /// Sends one command and waits for its reply. Nothing else may wait.
  client_outcome<resp::reply_value>
  call(std::initializer_list<std::string_view> words) {
    add(words);
    send();
    return receive();
  }

private:
  class connection;

  explicit resp_client(std::unique_ptr<connection> opened);

  std::unique_ptr<connection> connection_;
};

} // namespace kvs::protocol
