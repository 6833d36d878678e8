#include "actors/tcp_stream.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace kvs::actors {
namespace {

using boost::asio::ip::tcp;

template <int Name>
using tcp_option
  = boost::asio::detail::socket_option::integer<IPPROTO_TCP, Name>;

/// As many parts as Linux takes in one call without a copy of our own.
constexpr std::size_t parts_max = 64;

/// A peer that is gone must be an error and not a signal, whatever the process
/// does about SIGPIPE.
constexpr int send_flags = MSG_NOSIGNAL | MSG_DONTWAIT;

bool would_wait() {
  return errno == EAGAIN || errno == EWOULDBLOCK;
}

class tcp_stream final : public byte_stream, public socket_watcher {
public:
  tcp_stream(tcp::socket socket, job_queue& loop) : loop_{loop} {
    boost::system::error_code ignored;
    socket.set_option(tcp::no_delay{true}, ignored);
    socket.set_option(boost::asio::socket_base::keep_alive{true}, ignored);
    constexpr int seconds = keepalive_after.count();
    constexpr int probes = 3;
    socket.set_option(tcp_option<TCP_KEEPIDLE>{seconds}, ignored);
    socket.set_option(tcp_option<TCP_KEEPINTVL>{seconds / probes}, ignored);
    socket.set_option(tcp_option<TCP_KEEPCNT>{probes}, ignored);
    if (auto remote = socket.remote_endpoint(ignored); !ignored)
      peer_
        = remote.address().to_string() + ":" + std::to_string(remote.port());
    // Asio would look at it in every turn for itself.
    descriptor_ = socket.release(ignored);
  }

  tcp_stream(const tcp_stream&) = delete;
  tcp_stream& operator=(const tcp_stream&) = delete;

  ~tcp_stream() override {
    close();
  }

  void on_events(std::function<void(event, std::size_t)> received,
                 std::function<void()> writable) override {
    received_ = std::move(received);
    writable_ = std::move(writable);
    // Not before: the stream may be made on another thread.
    watched_ = loop_.sockets().add(descriptor_, *this);
  }

  void read(std::span<std::byte> target) override {
    target_ = target;
    if (!watched_)
      return tell(event::failed, 0);
    if (readable_)
      receive();
  }

  void ready(bool readable, bool writable, bool hung_up) override {
    hung_up_ = hung_up_ || hung_up;
    readable_ = readable_ || readable || hung_up;
    if (readable_ && target_.data() != nullptr)
      receive();
    if (writable && std::exchange(waits_to_write_, false))
      writable_();
  }

  std::optional<std::size_t>
  write(std::span<const std::span<const std::byte>> parts) override {
    std::size_t wanted = 0;
    for (const auto& part : parts)
      wanted += part.size();
    ssize_t sent = 0;
    do {
      sent = parts.size() == 1
               ? ::send(descriptor_, parts[0].data(), wanted, send_flags)
               : send_parts(parts);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && !would_wait())
      return std::nullopt;
    auto written = static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
    waits_to_write_ = written < wanted;
    return written;
  }

  void end_output() override {
    ::shutdown(descriptor_, SHUT_WR);
  }

  void close() override {
    received_ = nullptr;
    writable_ = nullptr;
    target_ = {};
    waits_to_write_ = false;
    if (descriptor_ == -1)
      return;
    if (watched_)
      loop_.sockets().remove(descriptor_);
    ::shutdown(descriptor_, SHUT_RDWR);
    ::close(std::exchange(descriptor_, -1));
  }

  std::string peer() const override {
    return peer_;
  }

private:
  ssize_t send_parts(std::span<const std::span<const std::byte>> parts) {
    std::array<iovec, parts_max> vectors;
    auto count = std::min(parts.size(), parts_max);
    for (std::size_t at = 0; at < count; ++at) {
      vectors[at].iov_base = const_cast<std::byte*>(parts[at].data());
      vectors[at].iov_len = parts[at].size();
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    return ::sendmsg(descriptor_, &message, send_flags);
  }

  /// @pre somebody waits for bytes, and there may be some
  void receive() {
    ssize_t got = 0;
    do {
      got = ::recv(descriptor_, target_.data(), target_.size(), MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && would_wait()) {
      readable_ = false; // The next byte is told.
      return;
    }
    if (got < 0)
      return tell(event::failed, 0);
    if (got == 0)
      return tell(event::end_of_stream, 0);
    // Less than asked for is all there was. The end of the stream may have
    // come with it, and is told only once.
    auto count = static_cast<std::size_t>(got);
    readable_ = count == target_.size() || hung_up_;
    tell(event::bytes, count);
  }

  void tell(event what, std::size_t count) {
    target_ = {};
    if (received_)
      received_(what, count);
  }

  job_queue& loop_;
  int descriptor_ = -1;
  /// Whether the kernel tells what happens to it; it may lack memory.
  bool watched_ = false;
  std::string peer_;
  std::function<void(event, std::size_t)> received_;
  std::function<void()> writable_;
  /// Where bytes are wanted; null: nowhere.
  std::span<std::byte> target_;
  /// What the poller has told, until a read says otherwise.
  bool readable_ = true;
  bool hung_up_ = false;
  bool waits_to_write_ = false;
};

} // namespace

std::shared_ptr<byte_stream> make_tcp_stream(tcp::socket socket,
                                             job_queue& loop) {
  return std::make_shared<tcp_stream>(std::move(socket), loop);
}

} // namespace kvs::actors
