// What others see of a client's commands: MONITOR and the slow log.

#include "actors/resp/resp_connection.hpp"
#include "protocol/resp/numbers.hpp"

#include <array>
#include <chrono>
#include <cstdio>

namespace kvs::actors::resp {
namespace {

using protocol::resp::command_flag;
using protocol::resp::command_spec;
using protocol::resp::equals_ignoring_case;

/// "... (7 more bytes)"
std::string omitted(std::size_t count, std::string_view what) {
  std::string text{"... ("};
  text.append(std::to_string(count)).append(" more ").append(what);
  return text.append(")");
}

/// As redis-cli shows it: quoted, with escapes.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (auto letter : text) {
    switch (letter) {
      case '\\':
      case '"':
        out += '\\';
        out += letter;
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\a':
        out += "\\a";
        break;
      case '\b':
        out += "\\b";
        break;
      default:
        if (letter >= ' ' && letter <= '~') {
          out += letter;
        } else {
          std::array<char, 5> hex{};
          std::snprintf(hex.data(), hex.size(), "\\x%02x",
                        static_cast<unsigned char>(letter));
          out += hex.data();
        }
    }
  }
  return out + '"';
}

/// The arguments without what nobody else may know: users, passwords.
std::vector<std::string_view>
without_secrets(const command_spec& spec, std::vector<std::string_view> args) {
  auto redact = [&args](std::size_t first, std::size_t count) {
    for (auto at = first; at < args.size() && at < first + count; ++at)
      args[at] = "(redacted)";
  };
  if (spec.name == "auth")
    redact(1, 2);
  for (std::size_t at = 2; spec.name == "hello" && at < args.size(); ++at)
    if (equals_ignoring_case(args[at], "auth")) {
      redact(at + 1, 2);
      at += 2;
    }
  for (std::size_t at = 2; spec.name == "config|set" && at < args.size();
       at += 2)
    if (equals_ignoring_case(args[at], "requirepass")
        || equals_ignoring_case(args[at], "masterauth"))
      redact(at + 1, 1);
  return args;
}

} // namespace

void resp_connection::monitor(const command_spec& spec, const arguments& args) {
  if (!settings_->is_monitored || spec.is(command_flag::admin))
    return;
  auto now = std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::system_clock::now().time_since_epoch())
               .count();
  std::array<char, 48> time{};
  std::snprintf(time.data(), time.size(), "%lld.%06lld",
                static_cast<long long>(now / 1'000'000),
                static_cast<long long>(now % 1'000'000));
  std::string line = time.data();
  line += " [0 " + args_.stream->peer() + "]";
  for (auto each : without_secrets(spec, args))
    line.append(1, ' ').append(quoted(each));
  caf_compat::tell(
    this, services_.registry,
    monitored_command{std::make_shared<const std::string>(std::move(line))});
}

void resp_connection::await_slow(std::uint64_t number, const call& what) {
  if (settings_->slowlog_slower_than_us < 0)
    return;
  auto& place = replies_.at(number);
  place.began = clock_type::now();
  place.asked = std::make_unique<call>(what);
}

void resp_connection::note_known(std::uint64_t number) {
  auto& place = replies_.at(number);
  if (auto what = std::move(place.asked))
    note_slow(*what, clock_type::now() - place.began);
}

void resp_connection::note_slow(const call& what, clock_type::duration span) {
  auto took
    = std::chrono::duration_cast<std::chrono::microseconds>(span).count();
  if (settings_->slowlog_slower_than_us < 0
      || took < settings_->slowlog_slower_than_us
      || what.spec->is(command_flag::skip_slowlog))
    return;
  // As many and as long arguments as Redis keeps.
  constexpr std::size_t args_max = 32;
  constexpr std::size_t arg_bytes_max = 128;
  slow_command slow;
  slow.began_s = std::chrono::duration_cast<std::chrono::seconds>(
                   std::chrono::system_clock::now().time_since_epoch())
                   .count();
  slow.took_us = took;
  auto args = without_secrets(*what.spec, what.args);
  auto all = args.size();
  auto kept = all > args_max ? args_max - 1 : all;
  for (std::size_t at = 0; at < kept; ++at) {
    auto arg = args[at];
    auto& text = slow.args.emplace_back(arg.substr(0, arg_bytes_max));
    if (arg.size() > arg_bytes_max)
      text += omitted(arg.size() - arg_bytes_max, "bytes");
  }
  if (kept < all)
    slow.args.push_back(omitted(all - kept, "arguments"));
  slow.address = args_.stream->peer();
  slow.name = name_;
  caf_compat::tell(this, services_.registry, std::move(slow));
}

} // namespace kvs::actors::resp
