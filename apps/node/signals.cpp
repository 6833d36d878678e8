#include "apps/node/signals.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>

namespace kvs::apps {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

} // namespace

stop_events::stop_events() {
  std::signal(SIGPIPE, SIG_IGN);
  auto set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal_fd_ = signalfd(-1, &set, SFD_CLOEXEC);
  failure_fd_ = eventfd(0, EFD_CLOEXEC);
}

stop_events::~stop_events() {
  close(signal_fd_);
  close(failure_fd_);
}

void stop_events::report_failure() const noexcept {
  std::uint64_t one = 1;
  // It can only fail if the event is signalled already.
  [[maybe_unused]] auto written = write(failure_fd_, &one, sizeof one);
}

void stop_events::request_stop() const noexcept {
  kill(getpid(), SIGTERM);
}

bool stop_events::is_signalled() const noexcept {
  pollfd event{signal_fd_, POLLIN, 0};
  return poll(&event, 1, 0) > 0;
}

stop_reason stop_events::wait() const {
  std::array<pollfd, 2> events{pollfd{signal_fd_, POLLIN, 0},
                               pollfd{failure_fd_, POLLIN, 0}};
  while (poll(events.data(), events.size(), -1) <= 0) {
  }
  auto reason
    = events[0].revents != 0 ? stop_reason::signal : stop_reason::failure;
  if (reason == stop_reason::signal) {
    // Takes the signal, so that unblocking does not deliver it again.
    signalfd_siginfo info{};
    [[maybe_unused]] auto got = read(signal_fd_, &info, sizeof info);
  }
  auto set = stop_signals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  return reason;
}

} // namespace kvs::apps
