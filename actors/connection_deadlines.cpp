// What a CONNECTION's client must do in time. A client that owes nothing costs
// no timer: ten thousand idle ones would keep a fifth of a core busy.

#include "actors/connection_state.hpp"
#include "actors/logging.hpp"

#include <algorithm>

namespace kvs::actors {
namespace {

/// How often deadlines are looked at; they are that coarse.
constexpr std::chrono::milliseconds deadline_check_max{1000};
constexpr std::chrono::milliseconds deadline_check_min{50};

} // namespace

void connection::begin_deadline() {
  if (!deadline_began_)
    deadline_began_ = this->clock().now();
}

bool connection::is_late(time_point now) {
  if (!deadline_began_)
    return false;
  // Time in which this side did not read is not the client's.
  if (!reading_)
    *deadline_began_ += now - last_check_;
  auto bytes
    = large_ ? large_->arrived_bytes() : arrived_bytes_ - parsed_bytes_;
  auto allowed
    = args_.limits.frame_timeout
      + std::chrono::seconds{bytes / args_.limits.frame_bytes_per_second_min};
  return now - *deadline_began_ > allowed;
}

void connection::watch_deadlines() {
  auto owes = linger_until_ || deadline_began_ || blocked_since_;
  const auto& idle = args_.limits.idle_timeout;
  if (closed_ || (!owes && idle.count() == 0))
    return;
  auto period = std::clamp(args_.limits.frame_timeout / 8, deadline_check_min,
                           deadline_check_max);
  auto due = turn_time() + period;
  if (!owes)
    due = std::max(due, last_request_ + idle + std::chrono::milliseconds{1});
  if (next_check_ && *next_check_ <= due)
    return;
  next_check_ = due;
  last_check_ = turn_time();
  caf_compat::tell_after(this, this, due - turn_time(), deadline_check_due{});
}

void connection::check_deadlines() {
  auto now = turn_time();
  // One that was asked for before an earlier one looks once more, in vain.
  if (next_check_ && *next_check_ <= now)
    next_check_.reset();
  if (closed_)
    return;
  if (linger_until_ && now > *linger_until_)
    return close(nullptr);
  if (is_late(now)) {
    refuse_large(protocol::status::too_slow,
                 "the request took too long to arrive; nothing was done");
    // A read into its memory may be under way; it goes when the socket does.
  }
  last_check_ = now;
  if (blocked_since_ && now - *blocked_since_ > args_.limits.write_timeout)
    return close("connection.reader-too-slow");
  if (args_.limits.idle_timeout.count() > 0 && requests_in_flight() == 0
      && now - last_request_ > args_.limits.idle_timeout)
    close("connection.idle");
}

} // namespace kvs::actors
