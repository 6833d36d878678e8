// One connection of the load generator.

#include "apps/client/bench_client.hpp"

#include "protocol/native/frame.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace kvs::apps {

namespace native = protocol::native;

namespace {

// Far above any reply of a bench; a larger one is a stream gone wrong.
constexpr std::uint64_t frame_bytes_max = 1ULL << 31;

std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(
    std::chrono::steady_clock::now().time_since_epoch().count());
}

} // namespace

bench_client::bench_client(int fd, bench_frames frames, std::uint32_t pipeline)
  : fd_(fd), frames_(std::move(frames)), pipeline_(pipeline) {
}

bench_client::bench_client(bench_client&& other) noexcept
  : fd_(std::exchange(other.fd_, -1)), frames_(std::move(other.frames_)),
    pipeline_(other.pipeline_) {
}

bench_client::~bench_client() {
  if (fd_ >= 0)
    ::close(fd_);
}

void bench_client::begin_batch(bench_run& run) {
  open_count_ = static_cast<std::uint32_t>(
    std::min<std::uint64_t>(pipeline_, run.unsent_count));
  if (open_count_ == 0)
    return;
  run.unsent_count -= open_count_;
  frames_.choose_keys(run.random_state, run.keyspace);
  batch_bytes_ = frames_.size_bytes(open_count_);
  sent_bytes_ = 0;
  sent_at_ns_ = now_ns();
  on_writable(run);
}

void bench_client::on_writable(bench_run& run) {
  while (sent_bytes_ < batch_bytes_) {
    const ssize_t sent = ::send(fd_, frames_.data() + sent_bytes_,
                                batch_bytes_ - sent_bytes_, MSG_NOSIGNAL);
    if (sent >= 0) {
      sent_bytes_ += static_cast<std::size_t>(sent);
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != EINTR) {
      run.failure = std::string{"sending failed: "} + std::strerror(errno);
      return;
    }
  }
}

void bench_client::on_readable(bench_run& run) {
  const ssize_t read = ::recv(fd_, run.received.data(), run.received.size(), 0);
  if (read == 0) {
    run.failure = "the node closed a connection";
  } else if (read < 0) {
    if (errno != EAGAIN && errno != EINTR)
      run.failure = std::string{"receiving failed: "} + std::strerror(errno);
  } else if (take_replies(run, static_cast<std::size_t>(read))
             && open_count_ == 0) {
    begin_batch(run);
  }
}

bool bench_client::take_replies(bench_run& run, std::size_t received_bytes) {
  const std::uint32_t open_before = open_count_;
  const std::byte* next = run.received.data();
  std::size_t left_bytes = received_bytes;
  for (;;) {
    const auto skipped = static_cast<std::size_t>(
      std::min<std::uint64_t>(skip_bytes_, left_bytes));
    next += skipped;
    left_bytes -= skipped;
    skip_bytes_ -= skipped;
    if (left_bytes == 0)
      break;
    if (partial_bytes_ == 0 && left_bytes >= native::header_bytes) {
      if (!take_header(run, next))
        return false;
      next += native::header_bytes;
      left_bytes -= native::header_bytes;
      continue;
    }
    const std::size_t taken
      = std::min(native::header_bytes - partial_bytes_, left_bytes);
    std::memcpy(partial_header_ + partial_bytes_, next, taken);
    partial_bytes_ += taken;
    next += taken;
    left_bytes -= taken;
    if (partial_bytes_ == native::header_bytes) {
      partial_bytes_ = 0;
      if (!take_header(run, partial_header_))
        return false;
    }
  }
  // All answers of one read have arrived at the same time, as far as anybody
  // can tell.
  if (const std::uint32_t answered = open_before - open_count_) {
    run.latencies.add(now_ns() - sent_at_ns_, answered);
    run.answered_count += answered;
  }
  return true;
}

bool bench_client::take_header(bench_run& run, const std::byte* header) {
  const auto parsed
    = native::parse_header({header, native::header_bytes}, frame_bytes_max);
  const auto* read = std::get_if<native::frame_header>(&parsed);
  if (read == nullptr)
    run.failure = "the peer does not speak the kvs protocol";
  else if (read->type == native::error_type)
    run.failure = "the node answered with an error; ask it by hand for more";
  else if (open_count_ == 0)
    run.failure = "the node answered more requests than it was asked";
  if (!run.failure.empty())
    return false;
  skip_bytes_ = read->body_bytes;
  --open_count_;
  return true;
}

} // namespace kvs::apps
