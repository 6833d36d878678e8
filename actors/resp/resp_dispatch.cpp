// Which command a client means, whether it may run, and where its reply goes.

#include "actors/resp/resp_connection.hpp"
#include "actors/wire_status.hpp"
#include "protocol/resp/command_replies.hpp"
#include "protocol/resp/numbers.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

namespace kvs::actors::resp {
namespace {

using protocol::resp::acl_category;
using protocol::resp::command_flag;
using protocol::resp::equals_ignoring_case;
using protocol::resp::reply_writer;

constexpr std::uint64_t transaction_bytes_max = 64 * storage::mebibyte;

bool is_one_of(std::string_view name,
               std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

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

} // namespace

void resp_connection::dispatch(arguments args, const memory_owner& memory) {
  ++counted_.commands;
  skips_this_ = std::exchange(skips_next_, false);
  // A browser that was tricked into talking to this port must not get a word
  // in, nor any command behind these lines.
  if (equals_ignoring_case(args[0], "post")
      || equals_ignoring_case(args[0], "host:"))
    return close("connection.speaks-http");
  auto found = protocol::resp::resolve(args);
  if (found.spec == nullptr) {
    transaction_failed_ = transaction_failed_ || in_transaction_;
    if (equals_ignoring_case(args[0], "exec")) {
      end_transaction();
      unwatch();
      constexpr std::string_view code = "ERR ";
      found.error.replace(0, code.size(),
                          "EXECABORT Transaction discarded because of: ");
    }
    finish_error({open_place(), -1}, found.error);
    return drain();
  }
  const auto& spec = *found.spec;
  last_command_ = spec.name;
  if (is_subscribed() && version_ == 2
      && !is_one_of(spec.name, {"subscribe", "psubscribe", "unsubscribe",
                                "punsubscribe", "ping", "quit", "reset"})) {
    finish_error({open_place(), -1},
                 "ERR Can't execute '" + std::string{spec.name}
                   + "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT "
                     "/ RESET are allowed in this context");
    return drain();
  }
  if (in_transaction_
      && !is_one_of(spec.name,
                    {"exec", "discard", "multi", "watch", "quit", "reset"}))
    return queue_command(spec, std::move(args), memory);
  if (settings_->is_monitored && !spec.is(command_flag::admin)
      && spec.name != "exec")
    monitor(args);
  run(spec, std::move(args), memory);
  drain();
}

void resp_connection::queue_command(const command_spec& spec, arguments args,
                                    const memory_owner& memory) {
  reply_place place{open_place(), -1};
  if (spec.is(command_flag::no_multi)) {
    transaction_failed_ = true;
    finish_error(place, "ERR Command not allowed inside a transaction");
    return drain();
  }
  for (auto each : args)
    queued_bytes_ += each.size() + sizeof(each);
  if (queued_bytes_ > transaction_bytes_max) {
    transaction_failed_ = true;
    finish_error(place, "ERR the transaction is larger than 64 MiB");
    return drain();
  }
  // A HELLO among the commands changes how those behind it are answered.
  auto before = queued_.empty() ? version_ : queued_version_;
  auto asked
    = spec.name == "hello" ? parse_hello(args, before) : hello_request{};
  queued_version_
    = spec.name == "hello" && asked.error.empty() ? asked.version : before;
  queued_.push_back(make_call(spec, std::move(args), memory));
  queued_.back().version = before;
  finish_text(place, "+QUEUED\r\n");
  drain();
}

call resp_connection::make_call(const command_spec& spec, arguments args,
                                const memory_owner& memory) const {
  call made;
  made.spec = &spec;
  made.args = std::move(args);
  made.memory = memory;
  made.version = version_;
  made.wants_events = settings_->notifies();
  made.limits = services_.limits;
  return made;
}

void resp_connection::run(const command_spec& spec, arguments args,
                          const memory_owner& memory) {
  if (spec.handler != nullptr)
    return run_on_keys(make_call(spec, std::move(args), memory));
  auto number = open_place();
  if (spec.name == "multi")
    return begin_transaction(number);
  if (spec.name == "exec")
    return execute(number);
  if (spec.name == "discard")
    return discard(number);
  if (spec.name == "watch")
    return watch_keys(number, args);
  run_in_session({number, -1}, spec, args, memory);
}

void resp_connection::run_in_session(reply_place place,
                                     const command_spec& spec,
                                     const arguments& args,
                                     const memory_owner&) {
  auto name = spec.name;
  if (name == "ping" && args.size() > 2)
    return finish_error(place,
                        "ERR wrong number of arguments for 'ping' command");
  if (name == "ping") {
    if (is_subscribed() && version_ == 2)
      return finish_with(place, [&](reply_writer& out) {
        out.array(2);
        out.bulk("pong");
        out.bulk(args.size() > 1 ? args[1] : std::string_view{});
      });
    if (args.size() == 1)
      return finish_text(place, "+PONG\r\n");
    return finish_with(place, [&](reply_writer& out) { out.bulk(args[1]); });
  }
  if (name == "echo")
    return finish_with(place, [&](reply_writer& out) { out.bulk(args[1]); });
  if (name == "unwatch") {
    unwatch();
    return finish_text(place, "+OK\r\n");
  }
  if (name == "quit") {
    finish_text(place, "+OK\r\n");
    closes_ = true;
    return end_input(true);
  }
  if (name == "reset")
    return reset(place);
  if (name == "select") {
    auto index = protocol::resp::to_integer(args[1]);
    if (!index)
      return finish_error(place, "ERR value is not an integer or out of range");
    if (*index < INT32_MIN || *index > INT32_MAX)
      return finish_error(place,
                          "ERR value is out of range, value must between "
                          "-2147483648 and 2147483647");
    if (*index != 0)
      return finish_error(place, "ERR DB index is out of range");
    return finish_text(place, "+OK\r\n");
  }
  if (name == "hello")
    return hello(place, args);
  if (name == "auth")
    return finish_error(
      place, args.size() > 3 ? "ERR syntax error"
             : args.size() == 2
               ? "ERR AUTH <password> called without any password configured "
                 "for the default user. Are you sure your configuration is "
                 "correct?"
             : equals_ignoring_case(args[1], "default")
               ? ""
               : "WRONGPASS invalid username-password pair or user is "
                 "disabled.");
  if (name.starts_with("command"))
    return finish_with(place, [&](reply_writer& out) {
      protocol::resp::reply_to_command(spec, args, out);
    });
  if (name.starts_with("client|"))
    return client_command(place, spec, args);
  if (name == "subscribe" || name == "psubscribe")
    return subscribe(place, args, name == "psubscribe");
  if (name == "unsubscribe" || name == "punsubscribe")
    return unsubscribe(place, args, name == "punsubscribe");
  if (name == "publish")
    return publish_command(place, args);
  if (name.starts_with("pubsub|"))
    return pubsub_command(place, spec, args);
  server_command(place, spec, args);
}

void resp_connection::finish(reply_place place, byte_buffer bytes) {
  if (place.element < 0) {
    replies_.set_bytes(place.number, std::move(bytes));
    return;
  }
  auto& exec = *exec_;
  exec.elements[static_cast<std::size_t>(place.element)] = std::move(bytes);
  if (--exec.missing > 0)
    return;
  byte_buffer whole;
  reply_writer out{whole, version_};
  out.array(exec.elements.size());
  for (const auto& each : exec.elements)
    whole.append(each.bytes());
  replies_.set_bytes(exec.number, std::move(whole));
  exec_.reset();
  watching_ = false;
}

void resp_connection::finish_text(reply_place place, std::string_view whole) {
  if (place.element < 0)
    return replies_.set_text(place.number, whole);
  finish_with(place, [&](reply_writer& out) { out.raw(whole); });
}

void resp_connection::finish_error(reply_place place, std::string_view text) {
  if (text.empty()) // AUTH of the default user, which needs no password.
    return finish_text(place, "+OK\r\n");
  finish_with(place, [&](reply_writer& out) { out.error(text); });
}

std::string resp_connection::error_text(const failure& error) const {
  auto what = actors::describe(error.code, error.detail);
  switch (error.code) {
    case outcome::out_of_range:
      return "ERR increment or decrement would overflow";
    case outcome::wrong_type:
      return "ERR value is not an integer or out of range";
    case outcome::no_space:
    case outcome::read_only:
      return "MISCONF " + what;
    case outcome::overloaded:
      return "OOM " + what;
    default:
      return "ERR " + what;
  }
}

void resp_connection::monitor(const arguments& args) {
  auto now = std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::system_clock::now().time_since_epoch())
               .count();
  std::array<char, 48> time{};
  std::snprintf(time.data(), time.size(), "%lld.%06lld",
                static_cast<long long>(now / 1'000'000),
                static_cast<long long>(now % 1'000'000));
  std::string line = time.data();
  line += " [0 " + args_.stream->peer() + "]";
  for (auto each : args)
    line.append(1, ' ').append(quoted(each));
  caf_compat::tell(
    this, services_.registry,
    monitored_command{std::make_shared<const std::string>(std::move(line))});
}

void resp_connection::note_slow(const call& what,
                                clock_type::time_point began) {
  auto took = std::chrono::duration_cast<std::chrono::microseconds>(
                clock_type::now() - began)
                .count();
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
  auto all = what.args.size();
  auto kept = all > args_max ? args_max - 1 : all;
  for (std::size_t at = 0; at < kept; ++at) {
    auto arg = what.args[at];
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
