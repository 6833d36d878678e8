/// CLIENT REGISTRY: what sessions have in common.
#pragma once

#include "actors/resp/command_counters.hpp"
#include "actors/resp/publisher.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace kvs::actors::resp {

/// A session as it describes itself.
struct client_description {
  std::uint64_t id = 0;
  std::string address;
  std::string local_address;
  std::string type;
  /// The line of CLIENT LIST, without its end.
  std::string line;
};

/// What a session has counted.
struct client_counters {
  std::uint64_t commands = 0;
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t input_bytes = 0;
  std::uint64_t output_bytes = 0;
  /// Error replies by their first word.
  std::map<std::string, std::uint64_t> errors;
  command_counters by_command;

  void add(const client_counters& other) {
    commands += other.commands;
    hits += other.hits;
    misses += other.misses;
    input_bytes += other.input_bytes;
    output_bytes += other.output_bytes;
    for (const auto& [word, count] : other.errors)
      errors[word] += count;
    by_command.add(other.by_command);
  }
  /// `earlier`: what was counted until some time before.
  void subtract(const client_counters& earlier) {
    auto lower = [](std::uint64_t& number, std::uint64_t by) {
      number -= std::min(number, by);
    };
    lower(commands, earlier.commands);
    lower(hits, earlier.hits);
    lower(misses, earlier.misses);
    lower(input_bytes, earlier.input_bytes);
    lower(output_bytes, earlier.output_bytes);
    for (const auto& [word, count] : earlier.errors)
      lower(errors[word], count);
    std::erase_if(errors, [](const auto& each) { return each.second == 0; });
    by_command.subtract(earlier.by_command);
  }
};

struct describe_client {};

struct client_described {
  client_description client;
  client_counters counted;
};

/// Close this session's connection: nothing more is replied.
struct close_client {};
struct client_closed {};

/// A command that another session executes.
struct monitored_command {
  std::shared_ptr<const std::string> line;
};

/// What a CLIENT REGISTRY needs of a session.
using client_actor = caf::typed_actor<
  caf_compat::rpc<describe_client>::returns<client_described>,
  caf_compat::rpc<close_client>::returns<client_closed>,
  caf_compat::takes<monitored_command>, caf_compat::takes<settings_changed>>;

/// A session begins; it is told the settings at once and after every change.
struct client_joined {
  client_actor client;
  std::uint64_t id = 0;
};

struct client_left {
  std::uint64_t id = 0;
  client_counters counted;
};

/// All sessions, in the order of their ids.
struct describe_clients {
  /// Measure the rates anew.
  bool measures_rates = false;
};

struct clients_described {
  std::vector<client_description> clients;
  /// With those that are gone, since `reset_counters`.
  client_counters counted;
  std::uint64_t joined = 0;
  /// Between the last two times they were measured, at least a second apart.
  double commands_per_second = 0;
  double input_bytes_per_second = 0;
  double output_bytes_per_second = 0;
};

/// Close these sessions.
struct close_clients {
  std::vector<std::uint64_t> ids;
};
struct clients_closed {};

/// CLIENT PAUSE; with `none` CLIENT UNPAUSE. A longer or stronger pause that
/// has begun goes on.
struct pause_clients {
  pause_mode mode = pause_mode::none;
  std::chrono::milliseconds duration{};
};
struct clients_paused {};

/// CONFIG SET: all of it or nothing.
struct change_settings {
  std::vector<std::pair<std::string, std::string>> changes;
};

struct settings_set {
  /// Empty: every session knows before its next command.
  std::string error;
};

/// See every command from now on, or not any more.
struct watch_commands {
  std::uint64_t id = 0;
  bool watch = true;
};

struct commands_watched {};

struct slow_command {
  std::uint64_t number = 0;
  std::int64_t began_s = 0;
  std::int64_t took_us = 0;
  std::vector<std::string> args;
  std::string address;
  std::string name;
};

/// The slow log, newest first.
struct list_slow_commands {
  /// Negative: all.
  std::int64_t count = -1;
};

struct slow_commands_listed {
  std::vector<slow_command> commands;
  std::uint64_t length = 0;
};

struct clear_slow_commands {};
struct reset_counters {};
struct counters_reset {};

/// CLIENT REGISTRY: owns the list of sessions, the settings, the slow log, the
/// end of a pause and who monitors.
///
/// Order: whoever has been answered to a change may rely on every session
/// knowing it before its next request.
using client_registry_actor = caf::typed_actor<
  caf_compat::takes<client_joined>, caf_compat::takes<client_left>,
  caf_compat::rpc<describe_clients>::returns<clients_described>,
  caf_compat::rpc<close_clients>::returns<clients_closed>,
  caf_compat::rpc<pause_clients>::returns<clients_paused>,
  caf_compat::rpc<change_settings>::returns<settings_set>,
  caf_compat::rpc<watch_commands>::returns<commands_watched>,
  // Passed on to whoever watches.
  caf_compat::takes<monitored_command>, caf_compat::takes<slow_command>,
  caf_compat::rpc<list_slow_commands>::returns<slow_commands_listed>,
  caf_compat::rpc<clear_slow_commands>::returns<counters_reset>,
  caf_compat::rpc<reset_counters>::returns<counters_reset>>;

client_registry_actor spawn_client_registry(caf::actor_system& system,
                                            settings initial,
                                            publisher_actor publisher);

} // namespace kvs::actors::resp

KVS_MESSAGE(kvs::actors::resp::describe_client)
KVS_MESSAGE(kvs::actors::resp::client_described)
KVS_MESSAGE(kvs::actors::resp::close_client)
KVS_MESSAGE(kvs::actors::resp::client_closed)
KVS_MESSAGE(kvs::actors::resp::monitored_command)
KVS_MESSAGE(kvs::actors::resp::client_joined)
KVS_MESSAGE(kvs::actors::resp::client_left)
KVS_MESSAGE(kvs::actors::resp::describe_clients)
KVS_MESSAGE(kvs::actors::resp::clients_described)
KVS_MESSAGE(kvs::actors::resp::close_clients)
KVS_MESSAGE(kvs::actors::resp::clients_closed)
KVS_MESSAGE(kvs::actors::resp::pause_clients)
KVS_MESSAGE(kvs::actors::resp::clients_paused)
KVS_MESSAGE(kvs::actors::resp::change_settings)
KVS_MESSAGE(kvs::actors::resp::settings_set)
KVS_MESSAGE(kvs::actors::resp::watch_commands)
KVS_MESSAGE(kvs::actors::resp::commands_watched)
KVS_MESSAGE(kvs::actors::resp::slow_command)
KVS_MESSAGE(kvs::actors::resp::list_slow_commands)
KVS_MESSAGE(kvs::actors::resp::slow_commands_listed)
KVS_MESSAGE(kvs::actors::resp::clear_slow_commands)
KVS_MESSAGE(kvs::actors::resp::reset_counters)
KVS_MESSAGE(kvs::actors::resp::counters_reset)
