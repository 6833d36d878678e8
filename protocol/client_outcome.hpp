// What a call of the client library gives: an answer or the reason for none.

#pragma once

#include "protocol/status.hpp"

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace kvs::protocol {

/// Why a call failed, by what the caller can do about it.
enum class client_errc : std::uint8_t {
  /// No connection could be made; nothing was sent. Reaction: check the
  /// address, start the node, try again.
  unreachable,
  /// A reading request was not answered in time. Reaction: repeat.
  timed_out,
  /// The connection ended before a reading request was answered, or before
  /// any request was sent. Nothing was changed. Reaction: connect again.
  disconnected,
  /// A writing request was not answered: it may or may not have happened.
  /// Reaction: read the key before deciding whether to repeat.
  outcome_unknown,
  /// The node said no; `client_error::server_status` says why.
  refused,
  /// The peer is no kvs node, or one that cannot be understood. The
  /// connection is closed.
  not_understood,
};

struct client_error {
  client_errc code{client_errc::disconnected};
  /// Set with `refused` and, if the node said so, with `outcome_unknown`.
  status server_status{status::ok};
  /// What was wrong and, for writes, what is known of their effect.
  std::string message;
};

/// Either a `T` or a `client_error`.
template <class T>
class client_outcome {
public:
  client_outcome(T value) : content_(std::in_place_index<0>, std::move(value)) {
  }

  client_outcome(client_error error)
    : content_(std::in_place_index<1>, std::move(error)) {
  }

  explicit operator bool() const {
    return content_.index() == 0;
  }

  /// @pre it holds a value
  T& value() {
    assert(content_.index() == 0);
    return *std::get_if<0>(&content_);
  }

  /// @pre it holds a value
  const T& value() const {
    assert(content_.index() == 0);
    return *std::get_if<0>(&content_);
  }

  /// @pre it holds an error
  const client_error& error() const {
    assert(content_.index() == 1);
    return *std::get_if<1>(&content_);
  }

private:
  std::variant<T, client_error> content_;
};

} // namespace kvs::protocol
