/// Collects answers during one turn of an actor, one message per session.
#pragma once

#include "actors/session.hpp"

#include <cstddef>
#include <utility>
#include <vector>

namespace kvs::actors {

/// Ownership: one actor; emptied before its handler returns.
class outbox {
public:
  /// The message under construction for `session`. The reference is valid
  /// until the next call. `evaluated_at` is up to where the log is applied
  /// now: a message keeps what was true for its first answer, however much
  /// later it leaves.
  operations_answered& to(const session_actor& session,
                          storage::sequence_number evaluated_at = 0) {
    // Requests of one session come in runs, so the last one is nearly always
    // the right one. A session may get two messages as well; looking through
    // those of all sessions would cost more.
    constexpr std::ptrdiff_t compared_max = 4;
    auto end = messages_.rend() - messages_.rbegin() > compared_max
                 ? messages_.rbegin() + compared_max
                 : messages_.rend();
    for (auto it = messages_.rbegin(); it != end; ++it)
      if (it->first == session)
        return it->second;
    messages_.emplace_back(session, operations_answered{});
    messages_.back().second.evaluated_at = evaluated_at;
    return messages_.back().second;
  }

  void fail(const session_actor& session, request_ref ref, const failure& why) {
    answer reply;
    reply.ref = ref;
    reply.code = why.code;
    reply.detail = why.detail;
    to(session).answers.push_back(std::move(reply));
  }

  bool empty() const noexcept {
    return messages_.empty();
  }

  /// Turns every answer that has been collected into a failure.
  void fail_all(const failure& why) {
    for (auto& [session, message] : messages_)
      for (auto& each : message.answers)
        each = failed(each, why);
  }

  /// The answer in the place of `reply`, which may not be given.
  static answer failed(const answer& reply, const failure& why) {
    answer instead;
    instead.ref = reply.ref;
    instead.code = reply.changed ? outcome::outcome_unknown : why.code;
    instead.detail = why.detail;
    return instead;
  }

  /// Gives every message to `keep` instead of sending it.
  template <class Keep>
  void take(Keep keep) {
    for (auto& [session, message] : messages_)
      keep(session, std::move(message));
    messages_.clear();
  }

  template <class Self>
  void send(Self* self, storage::sequence_number durable_version) {
    for (auto& [session, message] : messages_) {
      message.durable_version = durable_version;
      caf_compat::tell(self, session, std::move(message));
    }
    messages_.clear();
  }

private:
  std::vector<std::pair<session_actor, operations_answered>> messages_;
};

} // namespace kvs::actors
