// What is known of a command: how it is called, and what it is for.

#pragma once

#include "protocol/pacer.hpp"
#include "protocol/resp/keyspace.hpp"
#include "protocol/resp/reply_writer.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace kvs::protocol::resp {

/// What a command is, in the words of the reply to COMMAND INFO and in the
/// order of that reply.
enum class command_flag : std::uint32_t {
  write = 1u << 0,
  readonly = 1u << 1,
  denyoom = 1u << 2,
  admin = 1u << 3,
  pubsub = 1u << 4,
  noscript = 1u << 5,
  blocking = 1u << 6,
  loading = 1u << 7,
  stale = 1u << 8,
  skip_slowlog = 1u << 9,
  fast = 1u << 10,
  no_auth = 1u << 11,
  no_async_loading = 1u << 12,
  no_multi = 1u << 13,
  allow_busy = 1u << 14,
};

/// Groups of commands for access rules, in the order of COMMAND INFO.
enum class acl_category : std::uint32_t {
  keyspace = 1u << 0,
  read = 1u << 1,
  write = 1u << 2,
  string = 1u << 3,
  bitmap = 1u << 4,
  pubsub = 1u << 5,
  admin = 1u << 6,
  fast = 1u << 7,
  slow = 1u << 8,
  blocking = 1u << 9,
  dangerous = 1u << 10,
  connection = 1u << 11,
  transaction = 1u << 12,
};

/// Whether a command looks at the bytes of the values it finds.
enum class value_use {
  /// The keyspace may answer `find` without bytes.
  none,
  reads,
};

/// Sizes beyond which a command is refused.
struct execution_limits {
  std::uint64_t key_bytes_max{512ULL * 1024 * 1024};
  std::uint64_t value_bytes_max{512ULL * 1024 * 1024};
};

/// One call of a command: what a handler gets.
struct command_call {
  std::span<const std::string_view> args;
  keyspace& keys;
  reply_writer& reply;
  const execution_limits& limits;
  /// Counts the bytes of values that the handler works on.
  pacer& pace;
};

/// Appends exactly one reply. The number of arguments has been checked.
using command_handler = void (*)(const command_call&);

/// For people: what COMMAND DOCS says.
struct command_docs {
  std::string_view summary;
  std::string_view since;
  std::string_view group;
  std::string_view complexity;
  /// The arguments in the notation of `syntax.hpp`.
  std::string_view syntax;
  /// Empty unless the command is deprecated.
  std::string_view deprecated_since{};
  std::string_view replaced_by{};
};

struct command_spec {
  /// Lower-case; `client|id` for a subcommand.
  std::string_view name;
  /// Number of arguments with the name (and the name of the subcommand); the
  /// smallest number, negated, if there may be more.
  int arity{0};
  /// `command_flag`s and `acl_category`s.
  std::uint32_t flags{0};
  std::uint32_t categories{0};
  /// Which arguments are keys; `last_key` counts from the end if negative.
  /// All zero: none.
  int first_key{0};
  int last_key{0};
  int key_step{0};
  value_use use{value_use::none};
  /// Null: the session carries it out.
  command_handler handler{nullptr};
  /// How the keys are used, `RW access update`; two uses are parted by ';'.
  std::string_view key_uses;
  /// Hints for clients and proxies, separated by spaces.
  std::string_view tips;
  command_docs docs;
  /// Not empty: a container; its own name is no command, except COMMAND.
  std::span<const command_spec> subcommands;

  constexpr bool is(command_flag flag) const {
    return (flags & static_cast<std::uint32_t>(flag)) != 0;
  }

  constexpr bool is(acl_category category) const {
    return (categories & static_cast<std::uint32_t>(category)) != 0;
  }
};

} // namespace kvs::protocol::resp
