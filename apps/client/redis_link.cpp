// The way to a Redis, and what its errors mean for people.

#include "apps/client/redis_link.hpp"

#include <chrono>
#include <cstdlib>

namespace kvs::apps {

using namespace kvs::protocol;
using resp::reply_value;

namespace {

// Named as the tools of Redis name it: a password on the command line would be
// shown to everybody on the machine.
constexpr const char* password_variable = "REDISCLI_AUTH";

std::string explain(const std::string& error) {
  if (error.starts_with("NOAUTH"))
    return std::string{"it wants a password; set "} + password_variable
           + ", and --redis-user unless it is that of the default user";
  if (error.starts_with("WRONGPASS"))
    return std::string{"it does not know the user or the password in "}
           + password_variable;
  if (error.starts_with("LOADING"))
    return "it is still loading its data; try again later";
  return "it refuses: " + error;
}

} // namespace

redis_link::redis_link(const settings& options, const redis_source& source)
  : address_(source.address) {
  const auto target = parse_endpoint(source.address);
  if (!target) {
    error_ = "'" + source.address + "' is no address; write HOST:PORT";
    code_ = exit_usage;
    return;
  }
  client_options patience;
  patience.request_timeout = std::chrono::milliseconds{
    static_cast<std::int64_t>(options.timeout_seconds.value_or(60) * 1000)};
  auto connected = resp_client::connect(target->host, target->port, patience);
  if (!connected) {
    error_ = connected.error().message;
    code_ = exit_unreachable;
    return;
  }
  server_.emplace(std::move(connected.value()));
  authenticate(source.user);
  if (source.database != 0)
    call({"SELECT", std::to_string(source.database)});
}

void redis_link::authenticate(const std::string& user) {
  const char* found = std::getenv(password_variable);
  const std::string_view password = found != nullptr ? found : "";
  if (!user.empty())
    call({"AUTH", user, password});
  else if (!password.empty())
    call({"AUTH", password});
}

void redis_link::fail(const std::string& why) {
  if (!is_good())
    return;
  error_ = "the Redis at " + address_ + ": " + why;
  code_ = exit_failed;
}

void redis_link::add(std::initializer_list<std::string_view> words) {
  if (is_good())
    server_->add(words);
}

void redis_link::send() {
  if (is_good())
    server_->send();
}

reply_value redis_link::receive_any() {
  if (!is_good())
    return {};
  auto reply = server_->receive();
  if (reply)
    return std::move(reply.value());
  fail(reply.error().message);
  return {};
}

reply_value redis_link::receive() {
  reply_value reply = receive_any();
  if (reply.is_error())
    fail(explain(reply.text));
  return reply;
}

reply_value redis_link::call(std::initializer_list<std::string_view> words) {
  add(words);
  send();
  return receive();
}

} // namespace kvs::apps
