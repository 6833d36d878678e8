// The connection behind the commands.

#include "apps/client/session.hpp"

#include "apps/client/output.hpp"

#include <charconv>

namespace kvs::apps {

using protocol::client_errc;

std::optional<endpoint> parse_endpoint(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos)
    return std::nullopt;
  std::string_view host = address.substr(0, colon);
  const std::string_view digits = address.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos)
    return std::nullopt;
  std::uint16_t port = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, port);
  if (host.empty() || error != std::errc{} || stop != end || port == 0)
    return std::nullopt;
  return endpoint{std::string{host}, port};
}

void session::be_patient() {
  constexpr double day_seconds = 86'400;
  if (settings_.timeout_seconds)
    return;
  settings_.timeout_seconds = day_seconds;
  // A connection that is there is not patient enough.
  client_.reset();
}

protocol::client* session::node() {
  if (client_)
    return &*client_;
  failure_ = exit_failed;
  const auto target = parse_endpoint(settings_.address);
  if (!target) {
    print_error("'" + settings_.address + "' is no address; write HOST:PORT");
    failure_ = exit_usage;
    return nullptr;
  }
  protocol::client_options options;
  options.request_timeout = std::chrono::milliseconds{
    static_cast<std::int64_t>(settings_.timeout_seconds.value_or(60) * 1000)};
  auto connected
    = protocol::client::connect(target->host, target->port, options);
  if (!connected) {
    report(connected.error());
    return nullptr;
  }
  client_.emplace(std::move(connected.value()));
  return &*client_;
}

void session::report(const protocol::client_error& error) {
  print_error(error.message);
  failure_
    = error.code == client_errc::unreachable ? exit_unreachable : exit_failed;
  if (error.code != client_errc::refused)
    client_.reset();
}

} // namespace kvs::apps
