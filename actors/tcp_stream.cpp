#include "actors/tcp_stream.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace kvs::actors {
namespace {

using boost::asio::ip::tcp;

template <int Name>
using tcp_option
  = boost::asio::detail::socket_option::integer<IPPROTO_TCP, Name>;

/// As many parts as Linux takes in one call without a copy of our own.
constexpr std::size_t parts_max = 64;

class tcp_stream final : public byte_stream,
                         public std::enable_shared_from_this<tcp_stream> {
public:
  tcp_stream(tcp::socket socket, job_queue& loop)
    : socket_{std::move(socket)}, loop_{loop} {
    boost::system::error_code ignored;
    socket_.set_option(tcp::no_delay{true}, ignored);
    socket_.set_option(boost::asio::socket_base::keep_alive{true}, ignored);
    constexpr int seconds = keepalive_after.count();
    constexpr int probes = 3;
    socket_.set_option(tcp_option<TCP_KEEPIDLE>{seconds}, ignored);
    socket_.set_option(tcp_option<TCP_KEEPINTVL>{seconds / probes}, ignored);
    socket_.set_option(tcp_option<TCP_KEEPCNT>{probes}, ignored);
    socket_.non_blocking(true, ignored);
    if (auto remote = socket_.remote_endpoint(ignored); !ignored)
      peer_
        = remote.address().to_string() + ":" + std::to_string(remote.port());
  }

  void on_events(std::function<void(event, std::size_t)> received,
                 std::function<void()> writable) override {
    received_ = std::move(received);
    writable_ = std::move(writable);
  }

  void read(std::span<std::byte> target) override {
    socket_.async_read_some(
      boost::asio::buffer(target.data(), target.size()),
      [self = shared_from_this()](boost::system::error_code error,
                                  std::size_t count) {
        if (!self->received_)
          return;
        if (!error)
          self->received_(event::bytes, count);
        else if (error == boost::asio::error::eof)
          self->received_(event::end_of_stream, 0);
        else
          self->received_(event::failed, 0);
        // The actor was only told; let it run before the next epoll.
        self->loop_.run_ready();
      });
  }

  std::optional<std::size_t>
  write(std::span<const std::span<const std::byte>> parts) override {
    std::array<iovec, parts_max> vectors;
    auto count = std::min(parts.size(), parts_max);
    std::size_t wanted = 0;
    for (std::size_t at = 0; at < count; ++at) {
      vectors[at].iov_base = const_cast<std::byte*>(parts[at].data());
      vectors[at].iov_len = parts[at].size();
      wanted += parts[at].size();
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    ssize_t sent = 0;
    do {
      // Not the socket's own write: a peer that is gone must be an error here
      // and not a signal, whatever the process does about SIGPIPE.
      sent = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
      return std::nullopt;
    auto written = static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
    if (written < wanted)
      wait_until_writable();
    return written;
  }

  void end_output() override {
    boost::system::error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
  }

  void close() override {
    received_ = nullptr;
    writable_ = nullptr;
    boost::system::error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
  }

  std::string peer() const override {
    return peer_;
  }

private:
  void wait_until_writable() {
    if (waiting_)
      return;
    waiting_ = true;
    socket_.async_wait(tcp::socket::wait_write,
                       [self = shared_from_this()](boost::system::error_code) {
                         self->waiting_ = false;
                         if (!self->writable_)
                           return;
                         self->writable_();
                         self->loop_.run_ready();
                       });
  }

  tcp::socket socket_;
  job_queue& loop_;
  std::string peer_;
  std::function<void(event, std::size_t)> received_;
  std::function<void()> writable_;
  bool waiting_ = false;
};

} // namespace

std::shared_ptr<byte_stream> make_tcp_stream(tcp::socket socket,
                                             job_queue& loop) {
  return std::make_shared<tcp_stream>(std::move(socket), loop);
}

} // namespace kvs::actors
