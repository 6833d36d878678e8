// Deadlines of keys: a part of the table of commands.

#pragma once

#include "protocol/resp/handlers.hpp"
#include "protocol/resp/tables/rows.hpp"

#include <array>

namespace kvs::protocol::resp::tables {

inline constexpr auto expiry_commands = std::to_array<command_spec>({
  row("expire", -3, "write fast", "keyspace", one_key, value_use::none,
      handlers::expire, "RW update", "",
      {"Lets a key expire after some seconds.", "1.0.0", "generic", "O(1)",
       "key seconds:integer [condition=(NX|XX|GT|LT)]"}),
  row("pexpire", -3, "write fast", "keyspace", one_key, value_use::none,
      handlers::pexpire, "RW update", "",
      {"Lets a key expire after some milliseconds.", "2.6.0", "generic", "O(1)",
       "key milliseconds:integer [condition=(NX|XX|GT|LT)]"}),
  row("expireat", -3, "write fast", "keyspace", one_key, value_use::none,
      handlers::expireat, "RW update", "",
      {"Lets a key expire at a time, in seconds since 1970.", "1.2.0",
       "generic", "O(1)",
       "key unix-time-seconds:unix-time [condition=(NX|XX|GT|LT)]"}),
  row("pexpireat", -3, "write fast", "keyspace", one_key, value_use::none,
      handlers::pexpireat, "RW update", "",
      {"Lets a key expire at a time, in milliseconds since 1970.", "2.6.0",
       "generic", "O(1)",
       "key unix-time-milliseconds:unix-time [condition=(NX|XX|GT|LT)]"}),
  row("ttl", 2, "readonly fast", "keyspace", one_key, value_use::none,
      handlers::ttl, "RO access", "nondeterministic_output",
      {"Replies in how many seconds a key expires.", "1.0.0", "generic", "O(1)",
       "key"}),
  row("pttl", 2, "readonly fast", "keyspace", one_key, value_use::none,
      handlers::pttl, "RO access", "nondeterministic_output",
      {"Replies in how many milliseconds a key expires.", "2.6.0", "generic",
       "O(1)", "key"}),
  row("expiretime", 2, "readonly fast", "keyspace", one_key, value_use::none,
      handlers::expiretime, "RO access", "",
      {"Replies when a key expires, in seconds since 1970.", "7.0.0", "generic",
       "O(1)", "key"}),
  row("pexpiretime", 2, "readonly fast", "keyspace", one_key, value_use::none,
      handlers::pexpiretime, "RO access", "",
      {"Replies when a key expires, in milliseconds since 1970.", "7.0.0",
       "generic", "O(1)", "key"}),
  row("persist", 2, "write fast", "keyspace", one_key, value_use::none,
      handlers::persist, "RW update", "",
      {"Lets a key live until it is removed.", "2.2.0", "generic", "O(1)",
       "key"}),
});

} // namespace kvs::protocol::resp::tables
