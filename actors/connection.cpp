// A CONNECTION's life: what it is told, and its end.

#include "actors/connection_state.hpp"
#include "actors/logging.hpp"

namespace kvs::actors {
namespace {

/// How long a client that was refused may still send before it is cut off.
constexpr std::chrono::milliseconds linger_time{1000};

} // namespace

connection::connection(caf::actor_config& config,
                       caf_compat::execution_base* loop, connection_args args)
  : pinnable{config, loop}, args_{std::move(args)}, router_{args_.store,
                                                            *this} {
}

connection::behavior_type connection::make_behavior() {
  // The socket's callbacks hold a handle, never the actor itself.
  connection_impl self{this};
  args_.stream->on_events(
    [self](byte_stream::event event, std::size_t bytes) {
      caf_compat::tell_anon(self, stream_received{event, bytes});
    },
    [self] { caf_compat::tell_anon(self, stream_writable{}); });
  last_request_ = this->clock().now();
  greet();
  read_more();
  watch_deadlines();
  turn_time_.reset();
  // CAF compares the type of a message with one after the other.
  return {
    [this](operations_answered& message) {
      router_.handle(message);
      end_turn();
    },
    [this](const stream_received& message) {
      received(message);
      end_turn();
    },
    [this](const flush_due&) {
      flush_scheduled_ = false;
      flush();
      end_turn();
    },
    [this](const keys_scanned& message) {
      router_.handle(message);
      end_turn();
    },
    [this](const figures_collected& message) {
      router_.handle(message);
      end_turn();
    },
    [this](const transaction_rejected& message) {
      router_.handle(message);
      end_turn();
    },
    [this](const memory_granted& message) { granted(message); },
    [this](const memory_refused& message) { refused(message); },
    [this](const resp::channel_message& message) {
      handle(message);
      end_turn();
    },
    [this](const resp::monitored_command& message) {
      handle(message);
      end_turn();
    },
    [this](const resp::settings_changed& message) {
      handle(message);
      end_turn();
    },
    [this](const resp::describe_client&) { return describe(); },
    [this](const resp::close_client&) {
      close("connection.killed");
      return resp::client_closed{};
    },
    [this](const drain_connection&) {
      input_ended_ = true;
      end_turn();
    },
    [this](const stream_writable&) {
      blocked_ = false;
      flush();
      end_turn();
    },
    [this](const checksum_due&) {
      continue_checksum();
      end_turn();
    },
    [this](const deadline_check_due&) {
      check_deadlines();
      end_turn();
    },
  };
}

void connection::granted(const memory_granted& message) {
  if (message.purpose == for_fetch) {
    read_fetched(message.bytes);
    return end_turn();
  }
  waiting_for_memory_ = false;
  if (closed_ || !large_) {
    caf_compat::tell(this, args_.store.budget, release_memory{message.bytes});
    return finish_if_drained();
  }
  large_->charged_bytes += message.bytes;
  grow_large();
  end_turn();
}

void connection::refused(const memory_refused& message) {
  if (message.purpose == for_fetch) {
    end_fetch(make_failure(outcome::overloaded,
                           "the memory for large values is used up; "
                           "nothing was read"),
              nullptr, {});
    return end_turn();
  }
  waiting_for_memory_ = false;
  if (closed_ || !large_)
    return finish_if_drained();
  refuse_large(protocol::status::overloaded,
               "the memory for large requests is used up; nothing was done");
  drop_large();
  end_turn();
}

void connection::received(const stream_received& message) {
  reading_ = false;
  if (closed_)
    return;
  if (input_ended_ && message.event == byte_stream::event::bytes)
    return; // Dropped: nothing is parsed any more.
  switch (message.event) {
    case byte_stream::event::bytes:
      if (large_ && !large_->skipped) {
        // The bytes went straight into the body.
        large_->body.grow(message.bytes);
        large_progressed();
      } else {
        arrived_bytes_ += message.bytes;
      }
      return parse();
    case byte_stream::event::end_of_stream:
      if (linger_until_)
        return close(nullptr);
      // What was sent completely is still answered.
      input_ended_ = true;
      return;
    case byte_stream::event::failed:
      return close("connection.failed");
  }
}

void connection::end_turn() {
  if (!closed_) {
    parse();
    router_.send_collected();
    fetch_next();
    flush_soon();
    read_more();
  }
  finish_if_drained();
  watch_deadlines();
  turn_time_.reset();
}

void connection::close(const char* event) {
  if (closed_)
    return;
  closed_ = true;
  if (event != nullptr)
    logging::debug("{} peer={}", event, args_.stream->peer());
  args_.stream->close();
  drop_large();
  checksum_.reset();
  output_.clear();
  pending_bytes_ = 0;
  forget_client();
  // The one under way, if any, ends when its answer comes.
  auto under_way = fetching_ ? std::size_t{1} : std::size_t{0};
  while (fetches_.size() > under_way) {
    auto ref = fetches_.back().ref;
    fetches_.pop_back();
    router_.fetched(ref, make_failure(outcome::shutting_down, ""), nullptr, {});
  }
  finish_if_drained();
}

void connection::finish_if_drained() {
  if (!closed_) {
    auto done = input_ended_ && requests_in_flight() == 0 && output_.empty();
    if (!done || linger_until_)
      return;
    if (!refused_)
      return close(nullptr);
    // Closing with unread bytes would reset the connection and take the error
    // frame with it; so the rest is read and dropped for a moment.
    linger_until_ = this->clock().now() + linger_time;
    args_.stream->end_output();
    return read_more();
  }
  // Answers that are under way need somebody to take them.
  if (router_.in_flight() == 0 && !waiting_for_memory_)
    this->quit();
}

session_actor connection::as_session() {
  return connection_impl{this};
}

void connection::on_exit() {
  if (!closed_)
    args_.stream->close();
  if (waiting_for_memory_ || fetching_)
    caf_compat::tell(this, args_.store.budget,
                     cancel_reservation{this->address()});
  // A timer may hold this actor longer than its loop lives; the socket must
  // not stay with it, and no memory.
  args_ = {};
  buffer_ = nullptr;
  buffer_memory_.reset();
  output_.clear();
  spare_.release();
}

} // namespace kvs::actors
