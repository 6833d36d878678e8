// A small node for tests of clients: a map behind the real codec and TCP.

#pragma once

#include "protocol/replies.hpp"
#include "protocol/requests.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace kvs::protocol::test {

/// How the server treats whoever connects.
enum class behaviour {
  /// Answers like a node, as far as tests need it. Nothing ever expires.
  honest,
  /// Reads and never answers.
  silent,
  /// Reads one request and closes.
  closing,
  /// Answers with bytes of another protocol.
  foreign,
  /// Answers every request with `pong`.
  confused,
};

/// Listens on a free port of the loopback until it is destroyed. One thread
/// per connection: simple, and slow enough to never be mistaken for a node.
class fake_server {
public:
  explicit fake_server(behaviour how = behaviour::honest,
                       std::uint16_t port = 0);
  ~fake_server();

  std::uint16_t port() const;

private:
  using tcp = boost::asio::ip::tcp;

  struct entry {
    std::string value;
    std::uint64_t version{0};
    std::int64_t ttl_ms{ttl_none};
  };

  struct visitor;

  void accept_all();
  void serve(tcp::socket& socket);
  bool answer_one(tcp::socket& socket);

  reply answer(const request& message);
  reply put_one(const put& message);
  reply erase_one(const erase& message);
  reply add_to(const increment& message);
  reply append_to(const append& message);
  reply set_ttl(std::string_view key, std::int64_t ttl_ms);
  reply apply(const std::vector<operation>& operations);
  reply run(const transact& message);
  reply list(const scan& message);
  value_reply look_up(std::string_view key);

  behaviour how_;
  boost::asio::io_context loop_;
  tcp::acceptor acceptor_;
  std::mutex mutex_;
  std::map<std::string, entry, std::less<>> entries_;
  std::uint64_t last_version_{0};
  std::list<tcp::socket> sockets_;
  std::list<std::thread> threads_;
  std::thread acceptor_thread_;
};

} // namespace kvs::protocol::test
