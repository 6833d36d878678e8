// Transactions and channels: a part of the table of commands.

#pragma once

#include "protocol/resp/handlers.hpp"
#include "protocol/resp/tables/rows.hpp"

#include <array>

namespace kvs::protocol::resp::tables {

inline constexpr auto pubsub_subcommands = std::to_array<command_spec>({
  row("pubsub|channels", -2, "pubsub loading stale", "", no_keys,
      value_use::none, in_session, "", "",
      {"Replies the channels that somebody listens to.", "2.8.0", "pubsub",
       "O(N) in the number of channels", "[pattern:pattern]"}),
  row("pubsub|help", 2, "loading stale", "", no_keys, value_use::none,
      handlers::help, "", "",
      {"Describes the subcommands.", "6.2.0", "pubsub", "O(1)", ""}),
  row("pubsub|numpat", 2, "pubsub loading stale", "", no_keys, value_use::none,
      in_session, "", "",
      {"Counts the patterns that somebody listens to.", "2.8.0", "pubsub",
       "O(1)", ""}),
  row("pubsub|numsub", -2, "pubsub loading stale", "", no_keys, value_use::none,
      in_session, "", "",
      {"Counts who listens to channels.", "2.8.0", "pubsub",
       "O(N) in the number of channels", "[channel...]"}),
});

inline constexpr auto session_commands = std::to_array<command_spec>({
  row("multi", 1, "noscript loading stale fast allow_busy", "transaction",
      no_keys, value_use::none, in_session, "", "",
      {"Begins a transaction: what follows is queued.", "1.2.0", "transactions",
       "O(1)", ""}),
  row("exec", 1, "noscript loading stale skip_slowlog", "transaction", no_keys,
      value_use::none, in_session, "", "",
      {"Carries out the transaction.", "1.2.0", "transactions",
       "The sum of its commands", ""}),
  row("discard", 1, "noscript loading stale fast allow_busy", "transaction",
      no_keys, value_use::none, in_session, "", "",
      {"Drops the transaction.", "2.0.0", "transactions",
       "O(N) in the number of its commands", ""}),
  row("watch", -2, "noscript loading stale fast allow_busy", "transaction",
      all_keys, value_use::none, in_session, "RO", "",
      {"Lets the next transaction fail if one of these keys changes before.",
       "2.2.0", "transactions", "O(N) in the number of keys", "key..."}),
  row("unwatch", 1, "noscript loading stale fast allow_busy", "transaction",
      no_keys, value_use::none, in_session, "", "",
      {"Watches no keys any more.", "2.2.0", "transactions", "O(1)", ""}),
  row("subscribe", -2, "pubsub noscript loading stale", "", no_keys,
      value_use::none, in_session, "", "",
      {"Listens to channels.", "2.0.0", "pubsub",
       "O(N) in the number of channels", "channel..."}),
  row("psubscribe", -2, "pubsub noscript loading stale", "", no_keys,
      value_use::none, in_session, "", "",
      {"Listens to the channels that match patterns.", "2.0.0", "pubsub",
       "O(N) in the number of patterns", "pattern=<pattern:pattern>..."}),
  row("unsubscribe", -1, "pubsub noscript loading stale", "", no_keys,
      value_use::none, in_session, "", "",
      {"Listens to channels no more.", "2.0.0", "pubsub",
       "O(N) in the number of channels", "[channel...]"}),
  row("punsubscribe", -1, "pubsub noscript loading stale", "", no_keys,
      value_use::none, in_session, "", "",
      {"Listens to patterns no more.", "2.0.0", "pubsub",
       "O(N) in the number of patterns", "[pattern:pattern...]"}),
  row("publish", 3, "pubsub loading stale fast", "", no_keys, value_use::none,
      in_session, "", "",
      {"Sends a message to who listens to a channel.", "2.0.0", "pubsub",
       "O(N+M) in the numbers of receivers and of patterns",
       "channel message"}),
  row("pubsub", -2, "", "", no_keys, value_use::none, in_session, "", "",
      {"Tells who listens to what.", "2.8.0", "pubsub",
       "That of the subcommand", ""},
      pubsub_subcommands),
  row("monitor", 1, "admin noscript loading stale", "", no_keys,
      value_use::none, in_session, "", "",
      {"Shows every command that the server gets.", "1.0.0", "server", "O(1)",
       ""}),
});

} // namespace kvs::protocol::resp::tables
