/// Tells sockets when they are ready: one system call for all of them.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <cstddef>
#include <functional>
#include <optional>

namespace kvs::actors {

/// What one socket is told.
class socket_watcher {
public:
  virtual ~socket_watcher() = default;
  /// More bytes have arrived than at the last call, the peer has ended or
  /// broken the stream (`hung_up`), or bytes can be written again.
  virtual void ready(bool readable, bool writable, bool hung_up) = 0;
};

/// Watches the sockets of one loop, edge-triggered, so that a request costs no
/// system call but one read and one write. Asio tries every read once before
/// it waits, which for a client that waits for its reply is always in vain.
///
/// All that are ready are told in one round, and `after_round` comes behind
/// the last: what many clients have sent at the same time is served together.
///
/// Ownership: one loop; used on its thread only.
class socket_poller {
public:
  socket_poller(boost::asio::io_context& io, std::function<void()> after_round);
  socket_poller(const socket_poller&) = delete;
  socket_poller& operator=(const socket_poller&) = delete;

  /// Begins to watch a socket; `whom` stays until `remove`. False: the kernel
  /// refuses, and nobody will be told.
  bool add(int socket, socket_watcher& whom);
  /// @pre not called from within `ready`
  void remove(int socket);

private:
  bool open();
  void wait();
  void round();

  /// How many sockets one round serves: enough to share the cost of a turn,
  /// few enough that the first need not wait long for the last.
  static constexpr std::size_t round_sockets_max = 64;

  boost::asio::io_context& io_;
  std::function<void()> after_round_;
  /// The epoll instance, which is itself waited for by Asio. Made for the
  /// first socket: most job queues have none.
  std::optional<boost::asio::posix::stream_descriptor> events_;
  std::size_t socket_count_ = 0;
  bool waiting_ = false;
};

} // namespace kvs::actors
