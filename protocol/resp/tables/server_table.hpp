// The server: a part of the table of commands.

#pragma once

#include "protocol/resp/handlers.hpp"
#include "protocol/resp/tables/rows.hpp"

#include <array>

namespace kvs::protocol::resp::tables {

inline constexpr auto command_subcommands = std::to_array<command_spec>({
  row("command|count", 2, "loading stale", "connection", no_keys,
      value_use::none, in_session, "", "",
      {"Replies the number of commands.", "2.8.13", "server", "O(1)", ""}),
  row("command|docs", -2, "loading stale", "connection", no_keys,
      value_use::none, in_session, "", "nondeterministic_output_order",
      {"Documents commands: what they do and how they are called.", "7.0.0",
       "server", "O(N) in the number of commands", "[command-name...]"}),
  row("command|getkeys", -4, "loading stale", "connection", no_keys,
      value_use::none, in_session, "", "",
      {"Finds the keys in a call of a command.", "2.8.13", "server",
       "O(N) in the number of arguments", ""}),
  row("command|getkeysandflags", -4, "loading stale", "connection", no_keys,
      value_use::none, in_session, "", "",
      {"Finds the keys in a call of a command, and how it uses them.", "7.0.0",
       "server", "O(N) in the number of arguments", ""}),
  row("command|help", 2, "loading stale", "connection", no_keys,
      value_use::none, handlers::help, "", "",
      {"Describes the subcommands.", "5.0.0", "server", "O(1)", ""}),
  row("command|info", -2, "loading stale", "connection", no_keys,
      value_use::none, in_session, "", "nondeterministic_output_order",
      {"Describes commands: their flags and their keys.", "2.8.13", "server",
       "O(N) in the number of commands", "[command-name...]"}),
  row("command|list", -2, "loading stale", "connection", no_keys,
      value_use::none, in_session, "", "nondeterministic_output_order",
      {"Replies the names of commands.", "7.0.0", "server",
       "O(N) in the number of commands",
       "[FILTERBY filterby=(MODULE module-name|ACLCAT category|PATTERN "
       "pattern:pattern)]"}),
});

inline constexpr auto config_subcommands = std::to_array<command_spec>({
  row("config|get", -3, "admin noscript loading stale", "", no_keys,
      value_use::none, in_session, "", "",
      {"Replies the settings that match patterns.", "2.0.0", "server",
       "O(N) in the number of settings", "parameter=<parameter>..."}),
  row("config|help", 2, "loading stale", "", no_keys, value_use::none,
      handlers::help, "", "",
      {"Describes the subcommands.", "5.0.0", "server", "O(1)", ""}),
  row("config|resetstat", 2, "admin noscript loading stale", "", no_keys,
      value_use::none, in_session, "", "",
      {"Lets counted figures begin at zero again.", "2.0.0", "server", "O(1)",
       ""}),
  row("config|rewrite", 2, "admin noscript loading stale", "", no_keys,
      value_use::none, in_session, "", "",
      {"Writes the settings to their file.", "2.8.0", "server", "O(1)", ""}),
  row("config|set", -4, "admin noscript loading stale", "", no_keys,
      value_use::none, in_session, "",
      "request_policy:all_nodes response_policy:all_succeeded",
      {"Changes settings while the server runs.", "2.0.0", "server",
       "O(N) in the number of settings",
       "parameter_value=<parameter value>..."}),
});

inline constexpr auto acl_subcommands = std::to_array<command_spec>({
  row("acl|help", 2, "loading stale", "", no_keys, value_use::none,
      handlers::help, "", "",
      {"Describes the subcommands.", "6.0.0", "server", "O(1)", ""}),
  row("acl|whoami", 2, "noscript loading stale", "", no_keys, value_use::none,
      in_session, "", "",
      {"Replies the name of the user.", "6.0.0", "server", "O(1)", ""}),
});

inline constexpr auto module_subcommands = std::to_array<command_spec>({
  row("module|help", 2, "loading stale", "", no_keys, value_use::none,
      handlers::help, "", "",
      {"Describes the subcommands.", "5.0.0", "server", "O(1)", ""}),
  row("module|list", 2, "admin noscript", "", no_keys, value_use::none,
      in_session, "", "nondeterministic_output_order",
      {"Replies the modules; there are none.", "4.0.0", "server", "O(1)", ""}),
});

inline constexpr auto memory_subcommands = std::to_array<command_spec>({
  row("memory|help", 2, "loading stale", "", no_keys, value_use::none,
      handlers::help, "", "",
      {"Describes the subcommands.", "4.0.0", "server", "O(1)", ""}),
  row("memory|usage", -3, "readonly", "", second_key, value_use::reads,
      handlers::memory_usage, "RO", "",
      {"Estimates the memory of a key and its value.", "4.0.0", "server",
       "O(1)", "key [SAMPLES count:integer]"}),
});

inline constexpr auto server_commands = std::to_array<command_spec>({
  row("command", -1, "loading stale", "connection", no_keys, value_use::none,
      in_session, "", "nondeterministic_output_order",
      {"Describes all commands.", "2.8.13", "server",
       "O(N) in the number of commands", ""},
      command_subcommands),
  row(
    "info", -1, "loading stale", "dangerous", no_keys, value_use::none,
    in_session, "",
    "nondeterministic_output request_policy:all_shards response_policy:special",
    {"Replies figures about the server.", "1.0.0", "server", "O(1)",
     "[section...]"}),
  row("config", -2, "", "", no_keys, value_use::none, in_session, "", "",
      {"Reads and changes settings.", "2.0.0", "server",
       "That of the subcommand", ""},
      config_subcommands),
  row("time", 1, "loading stale fast", "", no_keys, value_use::none, in_session,
      "", "nondeterministic_output",
      {"Replies the time of the server.", "2.6.0", "server", "O(1)", ""}),
  row("lastsave", 1, "loading stale fast", "admin dangerous", no_keys,
      value_use::none, in_session, "", "nondeterministic_output",
      {"Replies when everything was last on disk.", "1.0.0", "server", "O(1)",
       ""}),
  row("save", 1, "admin noscript no_async_loading no_multi", "", no_keys,
      value_use::none, in_session, "", "",
      {"Brings everything to disk and waits for it.", "1.0.0", "server",
       "O(N) in the number of unsynced bytes", ""}),
  row("bgsave", -1, "admin noscript no_async_loading", "", no_keys,
      value_use::none, in_session, "", "",
      {"Brings everything to disk.", "1.0.0", "server", "O(1)", "[SCHEDULE]"}),
  row("bgrewriteaof", 1, "admin noscript no_async_loading", "", no_keys,
      value_use::none, in_session, "", "",
      {"Lets the log be compacted.", "1.0.0", "server", "O(1)", ""}),
  row("shutdown", -1, "admin noscript loading stale no_multi allow_busy", "",
      no_keys, value_use::none, in_session, "", "",
      {"Stops the server.", "1.0.0", "server",
       "O(N) in the number of unsynced bytes",
       "[nosave_save=(NOSAVE|SAVE)] [NOW] [FORCE] [ABORT]"}),
  row("debug", -2, "admin noscript loading stale", "", no_keys, value_use::none,
      in_session, "", "",
      {"Commands for tests.", "1.0.0", "server", "That of the subcommand", ""}),
  row("role", 1, "noscript loading stale fast", "admin dangerous", no_keys,
      value_use::none, in_session, "", "",
      {"Replies that this is a primary without replicas.", "2.8.12", "server",
       "O(1)", ""}),
  row("acl", -2, "", "", no_keys, value_use::none, in_session, "", "",
      {"Rules of access.", "6.0.0", "server", "That of the subcommand", ""},
      acl_subcommands),
  row(
    "module", -2, "", "", no_keys, value_use::none, in_session, "", "",
    {"Modules of the server.", "4.0.0", "server", "That of the subcommand", ""},
    module_subcommands),
  row("memory", -2, "", "", no_keys, value_use::none, in_session, "", "",
      {"Tells what memory is used for.", "4.0.0", "server",
       "That of the subcommand", ""},
      memory_subcommands),
});

} // namespace kvs::protocol::resp::tables
