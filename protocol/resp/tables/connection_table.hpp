// Connections: a part of the table of commands.

#pragma once

#include "protocol/resp/handlers.hpp"
#include "protocol/resp/tables/rows.hpp"

#include <array>

namespace kvs::protocol::resp::tables {

inline constexpr auto client_subcommands = std::to_array<command_spec>({
  row(
    "client|getname", 2, "noscript loading stale", "connection", no_keys,
    value_use::none, in_session, "", "",
    {"Replies the name of the connection.", "2.6.9", "connection", "O(1)", ""}),
  row("client|getredir", 2, "noscript loading stale", "connection", no_keys,
      value_use::none, in_session, "", "",
      {"Tells that no tracking is redirected.", "6.0.0", "connection", "O(1)",
       ""}),
  row("client|help", 2, "loading stale", "connection", no_keys, value_use::none,
      handlers::help, "", "",
      {"Describes the subcommands.", "5.0.0", "connection", "O(1)", ""}),
  row("client|id", 2, "noscript loading stale", "connection", no_keys,
      value_use::none, in_session, "", "",
      {"Replies the number of the connection.", "5.0.0", "connection", "O(1)",
       ""}),
  row("client|info", 2, "noscript loading stale", "connection", no_keys,
      value_use::none, in_session, "", "nondeterministic_output",
      {"Describes the connection.", "6.2.0", "connection", "O(1)", ""}),
  row("client|kill", -3, "admin noscript loading stale", "connection", no_keys,
      value_use::none, in_session, "", "",
      {"Closes connections.", "2.4.0", "connection",
       "O(N) in the number of connections",
       "filter=(ip:port|new-format=([ID client-id:integer]|[TYPE "
       "normal_master_slave_pubsub=(NORMAL|MASTER|SLAVE|REPLICA|PUBSUB)]|[USER "
       "username]|[ADDR ip:port]|[LADDR ip:port]|[SKIPME yes/no])...)"}),
  row("client|list", -2, "admin noscript loading stale", "connection", no_keys,
      value_use::none, in_session, "", "nondeterministic_output",
      {"Describes all connections.", "2.4.0", "connection",
       "O(N) in the number of connections",
       "[TYPE normal_master_replica_pubsub=(NORMAL|MASTER|REPLICA|PUBSUB)] [ID "
       "id=<client-id:integer...>]"}),
  row("client|no-evict", 3, "admin noscript loading stale", "connection",
      no_keys, value_use::none, in_session, "", "",
      {"Accepted; nothing is ever evicted here.", "7.0.0", "connection", "O(1)",
       "enabled=(ON|OFF)"}),
  row("client|pause", -3, "admin noscript loading stale", "connection", no_keys,
      value_use::none, in_session, "", "",
      {"Holds up commands for some time.", "2.9.50", "connection", "O(1)",
       "timeout:integer [mode=(WRITE|ALL)]"}),
  row("client|reply", 3, "noscript loading stale", "connection", no_keys,
      value_use::none, in_session, "", "",
      {"Switches the replies of the connection on and off.", "3.2.0",
       "connection", "O(1)", "on_off_skip=(ON|OFF|SKIP)"}),
  row("client|setname", 3, "noscript loading stale", "connection", no_keys,
      value_use::none, in_session, "", "",
      {"Names the connection.", "2.6.9", "connection", "O(1)",
       "connection-name"}),
  row("client|trackinginfo", 2, "noscript loading stale", "connection", no_keys,
      value_use::none, in_session, "", "",
      {"Tells that nothing is tracked for the connection.", "6.2.0",
       "connection", "O(1)", ""}),
  row("client|unblock", -3, "admin noscript loading stale", "connection",
      no_keys, value_use::none, in_session, "", "",
      {"Ends the waiting of another connection.", "5.0.0", "connection",
       "O(log N) where N is the number of client connections",
       "client-id:integer [timeout_error=(TIMEOUT|ERROR)]"}),
  row("client|unpause", 2, "admin noscript loading stale", "connection",
      no_keys, value_use::none, in_session, "", "",
      {"Goes on with the commands that a pause has held up.", "6.2.0",
       "connection", "O(N) in the number of connections", ""}),
});

inline constexpr auto connection_commands = std::to_array<command_spec>({
  row("auth", -2, "noscript loading stale fast no_auth allow_busy",
      "connection", no_keys, value_use::none, in_session, "", "",
      {"Proves who the client is.", "1.0.0", "connection", "O(1)",
       "[username] password"}),
  row("hello", -1, "noscript loading stale fast no_auth allow_busy",
      "connection", no_keys, value_use::none, in_session, "", "",
      {"Chooses the version of the protocol and tells about the server.",
       "6.0.0", "connection", "O(1)",
       "[arguments=<protover:integer [AUTH username_password=<username "
       "password>] [SETNAME clientname]>]"}),
  row("ping", -1, "fast", "connection", no_keys, value_use::none, in_session,
      "", "request_policy:all_shards response_policy:all_succeeded",
      {"Replies PONG, or the message.", "1.0.0", "connection", "O(1)",
       "[message]"}),
  row("echo", 2, "loading stale fast", "connection", no_keys, value_use::none,
      in_session, "", "",
      {"Replies the message.", "1.0.0", "connection", "O(1)", "message"}),
  row("select", 2, "loading stale fast", "connection", no_keys, value_use::none,
      in_session, "", "",
      {"Chooses the database; there is only number 0.", "1.0.0", "connection",
       "O(1)", "index:integer"}),
  row("quit", -1, "noscript loading stale fast no_auth allow_busy",
      "connection", no_keys, value_use::none, in_session, "", "",
      {"Closes the connection.", "1.0.0", "connection", "O(1)", ""}),
  row("reset", 1, "noscript loading stale fast no_auth allow_busy",
      "connection", no_keys, value_use::none, in_session, "", "",
      {"Takes the connection back to how it began.", "6.2.0", "connection",
       "O(1)", ""}),
  row("wait", 3, "noscript", "connection", no_keys, value_use::none, in_session,
      "", "request_policy:all_shards response_policy:agg_min",
      {"Waits for replicas; there are none.", "3.0.0", "generic", "O(1)",
       "numreplicas:integer timeout:integer"}),
  row("client", -2, "", "", no_keys, value_use::none, in_session, "", "",
      {"Commands about connections.", "2.4.0", "connection",
       "That of the subcommand", ""},
      client_subcommands),
});

} // namespace kvs::protocol::resp::tables
