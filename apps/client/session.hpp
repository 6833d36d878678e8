// What all commands share: the address, the connection, how to report.

#pragma once

#include "protocol/client.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kvs::apps {

/// How the program ends; also what a command returns.
enum exit_code : int {
  exit_ok = 0,
  /// The command could not do all it was asked for; stderr says why.
  exit_failed = 1,
  /// The command line makes no sense.
  exit_usage = 64,
  /// No node answers at the address, or no store to import from.
  exit_unreachable = 69,
};

/// Options that every command has.
struct settings {
  std::string address{"127.0.0.1:4000"};
  /// Print JSON instead of text.
  bool json{false};
  /// Nothing: a minute, or a day for what takes long by its nature.
  std::optional<double> timeout_seconds{};
};

struct endpoint {
  std::string host;
  std::uint16_t port{0};
};

/// Reads "HOST:PORT" or "[IPV6]:PORT"; nothing if it is neither.
std::optional<endpoint> parse_endpoint(std::string_view address);

/// A connection that is made when the first command needs it.
class session {
public:
  explicit session(settings chosen) : settings_(std::move(chosen)) {
  }

  const settings& options() const {
    return settings_;
  }

  bool json() const {
    return settings_.json;
  }

  void set_json(bool on) {
    settings_.json = on;
  }

  /// The next requests may take long.
  void be_patient();

  /// The connected client, or null after the reason was printed.
  protocol::client* node();

  /// Prints `error` to stderr. A connection that is of no use any more is
  /// forgotten, so that a later command connects again.
  void report(const protocol::client_error& error);

  /// Asks and waits. Nothing if there is no answer; that is reported.
  template <class Request>
  std::optional<protocol::received<protocol::answer_to<Request>>>
  ask(const Request& message) {
    protocol::client* connected = node();
    if (connected == nullptr)
      return std::nullopt;
    auto answer = connected->call(message);
    if (answer)
      return std::move(answer.value());
    report(answer.error());
    return std::nullopt;
  }

  /// What a command returns that was not answered.
  int failure() const {
    return failure_;
  }

private:
  settings settings_;
  std::optional<protocol::client> client_;
  exit_code failure_{exit_failed};
};

} // namespace kvs::apps
