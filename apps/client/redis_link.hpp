// A Redis that is asked questions until one of them fails.

#pragma once

#include "apps/client/session.hpp"
#include "apps/client/transfer.hpp"
#include "protocol/client_resp.hpp"

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace kvs::apps {

/// A connection whose first failure is kept: everything after it reads as null
/// replies, so that callers may look for it late.
class redis_link {
public:
  /// Connects, authenticates and selects the database.
  redis_link(const settings& options, const redis_source& source);

  bool is_good() const {
    return error_.empty();
  }

  /// Why nothing can be asked any more, for people.
  const std::string& error() const {
    return error_;
  }

  /// What the command returns that was ended by the failure.
  int exit_code() const {
    return code_;
  }

  void fail(const std::string& why);

  void add(std::initializer_list<std::string_view> words);
  void send();

  /// The next reply, which may be an error.
  protocol::resp::reply_value receive_any();

  /// The next reply. An error is a failure.
  protocol::resp::reply_value receive();

  /// Sends one command and waits for its reply. An error is a failure.
  protocol::resp::reply_value
  call(std::initializer_list<std::string_view> words);

private:
  void authenticate(const std::string& user);

  std::string address_;
  std::optional<protocol::resp_client> server_;
  std::string error_;
  int code_{exit_ok};
};

} // namespace kvs::apps
