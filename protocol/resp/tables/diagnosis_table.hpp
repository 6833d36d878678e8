// What the server can tell of itself: a part of the table of commands.

#pragma once

#include "protocol/resp/handlers.hpp"
#include "protocol/resp/tables/rows.hpp"

#include <array>

namespace kvs::protocol::resp::tables {

inline constexpr auto slowlog_subcommands = std::to_array<command_spec>({
  row("slowlog|get", -2, "admin loading stale", "", no_keys, value_use::none,
      in_session, "", "request_policy:all_nodes nondeterministic_output",
      {"Replies the commands that took long.", "2.2.12", "server",
       "O(N) in their number", "[count:integer]"}),
  row("slowlog|help", 2, "loading stale", "", no_keys, value_use::none,
      handlers::help, "", "",
      {"Describes the subcommands.", "6.2.0", "server", "O(1)", ""}),
  row(
    "slowlog|len", 2, "admin loading stale", "", no_keys, value_use::none,
    in_session, "",
    "request_policy:all_nodes response_policy:agg_sum nondeterministic_output",
    {"Counts the commands that took long.", "2.2.12", "server", "O(1)", ""}),
  row("slowlog|reset", 2, "admin loading stale", "", no_keys, value_use::none,
      in_session, "", "request_policy:all_nodes response_policy:all_succeeded",
      {"Forgets the commands that took long.", "2.2.12", "server",
       "O(N) in their number", ""}),
});

inline constexpr auto latency_subcommands = std::to_array<command_spec>({
  row(
    "latency|doctor", 2, "admin noscript loading stale", "", no_keys,
    value_use::none, in_session, "",
    "nondeterministic_output request_policy:all_nodes response_policy:special",
    {"Explains the delays in words.", "2.8.13", "server", "O(1)", ""}),
  row(
    "latency|graph", 3, "admin noscript loading stale", "", no_keys,
    value_use::none, in_session, "",
    "nondeterministic_output request_policy:all_nodes response_policy:special",
    {"Draws the delays of an event.", "2.8.13", "server", "O(1)", "event"}),
  row("latency|help", 2, "loading stale", "", no_keys, value_use::none,
      handlers::help, "", "",
      {"Describes the subcommands.", "2.8.13", "server", "O(1)", ""}),
  row(
    "latency|histogram", -2, "admin noscript loading stale", "", no_keys,
    value_use::none, in_session, "",
    "nondeterministic_output request_policy:all_nodes response_policy:special",
    {"Replies how long commands took, as a distribution.", "7.0.0", "server",
     "O(N) in the number of commands", "[command...]"}),
  row(
    "latency|history", 3, "admin noscript loading stale", "", no_keys,
    value_use::none, in_session, "",
    "nondeterministic_output request_policy:all_nodes response_policy:special",
    {"Replies the delays of an event and their times.", "2.8.13", "server",
     "O(1)", "event"}),
  row(
    "latency|latest", 2, "admin noscript loading stale", "", no_keys,
    value_use::none, in_session, "",
    "nondeterministic_output request_policy:all_nodes response_policy:special",
    {"Replies the last delay of every event.", "2.8.13", "server", "O(1)", ""}),
  row("latency|reset", -2, "admin noscript loading stale", "", no_keys,
      value_use::none, in_session, "",
      "request_policy:all_nodes response_policy:all_succeeded",
      {"Forgets the delays of events.", "2.8.13", "server", "O(1)",
       "[event...]"}),
});

inline constexpr auto diagnosis_commands = std::to_array<command_spec>({
  row("slowlog", -2, "", "", no_keys, value_use::none, in_session, "", "",
      {"Commands that took long.", "2.2.12", "server", "That of the subcommand",
       ""},
      slowlog_subcommands),
  row(
    "latency", -2, "", "", no_keys, value_use::none, in_session, "", "",
    {"What delays commands.", "2.8.13", "server", "That of the subcommand", ""},
    latency_subcommands),
});

} // namespace kvs::protocol::resp::tables
