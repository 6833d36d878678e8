// Which command a client means, whether it may run, and where its reply goes.

#include "actors/byte_views.hpp"
#include "actors/resp/resp_connection.hpp"
#include "actors/wire_status.hpp"
#include "protocol/resp/command_replies.hpp"
#include "protocol/resp/numbers.hpp"

#include <algorithm>

namespace kvs::actors::resp {
namespace {

using protocol::resp::command_flag;
using protocol::resp::equals_ignoring_case;
using protocol::resp::reply_writer;

constexpr std::uint64_t transaction_bytes_max = 64 * storage::mebibyte;

bool is_one_of(std::string_view name,
               std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

/// What CLIENT PAUSE WRITE holds up.
bool is_write(const command_spec& spec) {
  return spec.is(command_flag::write) || spec.name == "publish";
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
  if (found.spec == nullptr)
    return reject(found.misused, std::move(found.error));
  const auto& spec = *found.spec;
  last_command_ = spec.name;
  if (spec.name == "debug")
    return reject(&spec,
                  "ERR DEBUG command not allowed. If the enable-debug-command "
                  "option is set to \"local\", you can run it from a local "
                  "connection, otherwise you need to set this option in the "
                  "configuration file, and then restart the server.");
  if (is_subscribed() && version_ == 2
      && !is_one_of(spec.name, {"subscribe", "psubscribe", "unsubscribe",
                                "punsubscribe", "ping", "quit", "reset"})) {
    std::string error = "ERR Can't execute '";
    error.append(spec.name);
    error.append("': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / "
                 "RESET are allowed in this context");
    return reject(&spec, std::move(error));
  }
  // Redis takes who monitors for a replica.
  if (is_monitor_
      && (spec.is(command_flag::write) || spec.is(command_flag::readonly)
          || spec.name == "publish"))
    return reject(&spec, "ERR Replica can't interact with the keyspace");
  admit(spec, std::move(args), memory);
}

void resp_connection::reject(const command_spec* spec, std::string error) {
  transaction_failed_ = transaction_failed_ || in_transaction_;
  if (spec != nullptr)
    ++counted_.by_command.of(*spec).rejected;
  if (spec != nullptr && spec->name == "exec") {
    end_transaction();
    unwatch();
    constexpr std::string_view code = "ERR ";
    error.replace(0, code.size(),
                  "EXECABORT Transaction discarded because of: ");
  }
  finish_error({open_place(), -1}, error);
  drain();
}

void resp_connection::admit(const command_spec& spec, arguments args,
                            const memory_owner& memory) {
  if (has_to_wait(spec)) {
    held_ = held_command{&spec, std::move(args), memory};
    holds_input_ = true;
    return;
  }
  if (in_transaction_
      && !is_one_of(spec.name,
                    {"exec", "discard", "multi", "watch", "quit", "reset"}))
    return queue_command(spec, std::move(args), memory);
  // EXEC is shown behind what it executes.
  if (spec.name != "exec")
    monitor(spec, args);
  run(spec, std::move(args), memory);
  drain();
}

bool resp_connection::has_to_wait(const command_spec& spec) const {
  // It hears of all that its later commands do, and of nothing earlier.
  if (settings_->notifies() && spec.name.ends_with("subscribe")
      && replies_.size() > 0)
    return true;
  if (settings_->paused != pause_mode::writes)
    return settings_->paused == pause_mode::all;
  auto queue_writes = [&] {
    return std::ranges::any_of(
      queued_, [](const auto& each) { return is_write(*each.spec); });
  };
  return is_write(spec) || (spec.name == "exec" && queue_writes());
}

void resp_connection::resume() {
  if (!held_ || has_to_wait(*held_->spec))
    return;
  auto next = std::move(*held_);
  held_.reset();
  holds_input_ = false;
  admit(*next.spec, std::move(next.args), next.memory);
}

void resp_connection::queue_command(const command_spec& spec, arguments args,
                                    const memory_owner& memory) {
  reply_place place{open_place(), -1};
  if (spec.is(command_flag::no_multi)) {
    ++counted_.by_command.of(spec).rejected;
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
  auto version = queued_version_;
  if (spec.name == "hello")
    if (auto asked = parse_hello(args, version); asked.error.empty())
      queued_version_ = asked.version;
  queued_.push_back(make_call(spec, std::move(args), memory));
  queued_.back().version = version;
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
  auto number = open_counted(spec);
  const auto what = make_call(spec, std::move(args), memory);
  await_slow(number, what);
  if (spec.name == "multi")
    return begin_transaction(number);
  if (spec.name == "exec")
    return execute(number, what);
  if (spec.name == "discard")
    return discard(number);
  if (spec.name == "watch")
    return watch_keys(number, what.args);
  run_in_session({number, -1}, spec, what.args, memory);
}

void resp_connection::run_in_session(reply_place place,
                                     const command_spec& spec,
                                     const arguments& args,
                                     const memory_owner&) {
  auto name = spec.name;
  if (name == "ping")
    return ping(place, args);
  if (name == "echo")
    return finish_with(place, [&](reply_writer& out) { out.bulk(args[1]); });
  if (name == "unwatch") {
    unwatch();
    return finish_text(place, "+OK\r\n");
  }
  if (name == "quit")
    return quit(place);
  if (name == "reset")
    return reset(place);
  if (name == "select")
    return select(place, args);
  if (name == "hello")
    return hello(place, args);
  if (name == "auth")
    return auth(place, args);
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

void resp_connection::note_error(std::span<const std::byte> reply) {
  auto text = as_text(reply);
  if (text.empty() || text.front() != '-')
    return;
  text.remove_prefix(1);
  ++counted_.errors[std::string{text.substr(0, text.find_first_of(" \r"))}];
}

void resp_connection::finish(reply_place place, command_output output) {
  note_error(output.reply.bytes());
  if (place.element >= 0) {
    exec_->elements[static_cast<std::size_t>(place.element)]
      = std::move(output);
    if (--exec_->missing == 0)
      finish_exec();
    return;
  }
  note_known(place.number);
  if (output.pushed.size() + output.pushed_late.size() > 0) {
    auto is_unwanted
      = std::exchange(replies_.at(place.number).is_unwanted, false);
    if (!is_unwanted)
      output.pushed.append(output.reply.bytes());
    output.pushed.append(output.pushed_late.bytes());
    output.reply = std::move(output.pushed);
  }
  replies_.set_bytes(place.number, std::move(output.reply));
}

void resp_connection::finish_exec() {
  auto exec = std::move(*exec_);
  exec_.reset();
  holds_input_ = false;
  command_output whole;
  reply_writer{whole.reply, version_}.array(exec.elements.size());
  auto is_unwanted = replies_.at(exec.number).is_unwanted;
  for (std::size_t at = 0; at < exec.elements.size(); ++at) {
    const auto& each = exec.elements[at];
    count(*exec.commands[at].spec, exec.commands[at].took,
          as_text(each.reply.bytes()).starts_with('-'));
    auto& pushed = is_unwanted ? whole.pushed : whole.reply;
    pushed.append(each.pushed.bytes());
    whole.reply.append(each.reply.bytes());
    pushed.append(each.pushed_late.bytes());
  }
  finish({exec.number, -1}, std::move(whole));
}

void resp_connection::finish_text(reply_place place, std::string_view whole) {
  if (place.element >= 0)
    return finish_with(place, [&](reply_writer& out) { out.raw(whole); });
  note_known(place.number);
  replies_.set_text(place.number, whole);
}

void resp_connection::finish_silent(reply_place place) {
  if (place.element >= 0)
    return finish(place, command_output{});
  note_known(place.number);
  replies_.set_silent(place.number);
}

void resp_connection::finish_error(reply_place place, std::string_view text) {
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

} // namespace kvs::actors::resp
