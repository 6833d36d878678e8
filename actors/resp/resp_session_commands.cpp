// PING, SELECT, AUTH, HELLO, QUIT and RESET: between a client and its session.

#include "actors/resp/resp_connection.hpp"
#include "protocol/resp/numbers.hpp"

#include <algorithm>
#include <utility>

namespace kvs::actors::resp {
namespace {

using protocol::resp::equals_ignoring_case;
using protocol::resp::reply_writer;
using protocol::resp::to_integer;

constexpr std::string_view wrong_password
  = "WRONGPASS invalid username-password pair or user is disabled.";

} // namespace

std::string wrong_subcommand(std::string_view container,
                             std::string_view name) {
  std::string error
    = "ERR unknown subcommand or wrong number of arguments for '";
  error.append(name).append("'. Try ").append(container);
  return error.append(" HELP.");
}

bool is_client_name(std::string_view name) {
  return std::ranges::all_of(
    name, [](char letter) { return letter >= '!' && letter <= '~'; });
}

void resp_connection::ping(reply_place place, const arguments& args) {
  if (args.size() > 2)
    return finish_error(place,
                        "ERR wrong number of arguments for 'ping' command");
  if (is_subscribed() && version_ == 2)
    return finish_with(place, [&](reply_writer& out) {
      out.array(2);
      out.bulk("pong");
      out.bulk(args.size() > 1 ? args[1] : std::string_view{});
    });
  if (args.size() == 1)
    return finish_text(place, "+PONG\r\n");
  finish_with(place, [&](reply_writer& out) { out.bulk(args[1]); });
}

void resp_connection::select(reply_place place, const arguments& args) {
  auto index = to_integer(args[1]);
  if (!index)
    return finish_error(place, "ERR value is not an integer or out of range");
  if (*index < INT32_MIN || *index > INT32_MAX)
    return finish_error(place, "ERR value is out of range, value must between "
                               "-2147483648 and 2147483647");
  if (*index != 0)
    return finish_error(place, "ERR DB index is out of range");
  finish_text(place, "+OK\r\n");
}

void resp_connection::auth(reply_place place, const arguments& args) {
  if (args.size() > 3)
    return finish_error(place, "ERR syntax error");
  if (args.size() == 2)
    return finish_error(
      place, "ERR AUTH <password> called without any password configured for "
             "the default user. Are you sure your configuration is correct?");
  // The default user needs no password, so any will do.
  if (args[1] != "default")
    return finish_error(place, wrong_password);
  finish_text(place, "+OK\r\n");
}

void resp_connection::quit(reply_place place) {
  // Who publishes after the reply must not count this client any more.
  drop_subscriptions();
  finish_text(place, "+OK\r\n");
  closes_ = true;
  end_input(true);
}

hello_request parse_hello(const std::vector<std::string_view>& args,
                          int version) {
  hello_request asked;
  asked.version = version;
  if (args.size() > 1) {
    auto number = to_integer(args[1]);
    if (!number)
      asked.error = "ERR Protocol version is not an integer or out of range";
    else if (*number < 2 || *number > 3)
      asked.error = "NOPROTO unsupported protocol version";
    else
      asked.version = static_cast<int>(*number);
  }
  for (std::size_t at = 2; at < args.size() && asked.error.empty(); ++at) {
    auto left = args.size() - 1 - at;
    if (equals_ignoring_case(args[at], "auth") && left >= 2) {
      if (args[at + 1] != "default")
        asked.error = wrong_password;
      at += 2;
    } else if (equals_ignoring_case(args[at], "setname") && left >= 1) {
      asked.name = args[++at];
      if (!is_client_name(*asked.name))
        asked.error = bad_client_name;
    } else {
      asked.error = "ERR Syntax error in HELLO option '";
      asked.error.append(args[at]).append("'");
    }
  }
  return asked;
}

void resp_connection::hello(reply_place place, const arguments& args) {
  auto asked = parse_hello(args, version_);
  if (!asked.error.empty())
    return finish_error(place, asked.error);
  if (asked.name)
    name_ = *asked.name;
  version_ = asked.version;
  replies_.at(place.number).version = static_cast<std::uint8_t>(version_);
  finish_with(place, [this](reply_writer& out) {
    out.map(7);
    out.bulk("server");
    out.bulk("redis");
    out.bulk("version");
    out.bulk("7.0.15");
    out.bulk("proto");
    out.integer(version_);
    out.bulk("id");
    out.integer(static_cast<std::int64_t>(services_.client_id));
    out.bulk("mode");
    out.bulk("standalone");
    out.bulk("role");
    out.bulk("master");
    out.bulk("modules");
    out.array(0);
  });
}

void resp_connection::reset(reply_place place) {
  end_transaction();
  unwatch();
  drop_subscriptions();
  if (std::exchange(is_monitor_, false))
    caf_compat::ask(this, services_.registry,
                    watch_commands{services_.client_id, false})
      .then([](const commands_watched&) {}, [](const caf::error&) {});
  name_.clear();
  version_ = 2;
  replies_off_ = false;
  skips_next_ = false;
  no_evict_ = false;
  replies_.at(place.number).version = 2;
  replies_.at(place.number).is_unwanted = false;
  finish_text(place, "+RESET\r\n");
}

} // namespace kvs::actors::resp
