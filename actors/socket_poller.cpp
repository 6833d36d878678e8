#include "actors/socket_poller.hpp"

#include <sys/epoll.h>

#include <array>
#include <utility>

namespace kvs::actors {

socket_poller::socket_poller(boost::asio::io_context& io,
                             std::function<void()> after_round)
  : io_{io}, after_round_{std::move(after_round)} {
}

bool socket_poller::open() {
  if (events_)
    return true;
  auto number = ::epoll_create1(EPOLL_CLOEXEC);
  if (number == -1)
    return false;
  events_.emplace(io_, number);
  return true;
}

bool socket_poller::add(int socket, socket_watcher& whom) {
  if (!open())
    return false;
  epoll_event wanted{};
  wanted.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  wanted.data.ptr = &whom;
  if (::epoll_ctl(events_->native_handle(), EPOLL_CTL_ADD, socket, &wanted)
      == -1)
    return false;
  ++socket_count_;
  wait();
  return true;
}

void socket_poller::remove(int socket) {
  ::epoll_ctl(events_->native_handle(), EPOLL_CTL_DEL, socket, nullptr);
  // A loop ends when it has nothing left to wait for.
  if (--socket_count_ == 0)
    events_->cancel();
}

void socket_poller::wait() {
  if (waiting_ || socket_count_ == 0)
    return;
  waiting_ = true;
  events_->async_wait(boost::asio::posix::stream_descriptor::wait_read,
                      [this](boost::system::error_code error) {
                        waiting_ = false;
                        if (!error)
                          round();
                        wait();
                      });
}

void socket_poller::round() {
  std::array<epoll_event, round_sockets_max> found;
  auto count = ::epoll_wait(events_->native_handle(), found.data(),
                            static_cast<int>(found.size()), 0);
  // An interrupted call is simply made again by the next round.
  for (int at = 0; at < count; ++at) {
    const auto& each = found[static_cast<std::size_t>(at)];
    constexpr std::uint32_t ended = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
    static_cast<socket_watcher*>(each.data.ptr)
      ->ready((each.events & EPOLLIN) != 0, (each.events & EPOLLOUT) != 0,
              (each.events & ended) != 0);
  }
  after_round_();
}

} // namespace kvs::actors
