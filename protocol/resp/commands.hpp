// The commands of RESP: which there are, and what they do to a keyspace.

#pragma once

#include "protocol/resp/command_spec.hpp"
#include "protocol/resp/keyspace.hpp"
#include "protocol/resp/reply_writer.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvs::protocol::resp {

/// The command of that name in any case, `client|id` for a subcommand; null
/// if it is not offered. Neither allocates nor compares with more than a few
/// names.
const command_spec* find_command(std::string_view name);

/// All commands except subcommands, which hang below their containers.
std::span<const command_spec> all_commands();

struct resolved_call {
  /// Null: nothing can be called like that, and `error` says why.
  const command_spec* spec{nullptr};
  std::string error;
  /// The command that was meant, though it cannot be called with so many
  /// arguments.
  const command_spec* misused{nullptr};
};

/// Which command is called: unknown names and wrong numbers of arguments are
/// refused with the words of Redis 7.0. `args` is not empty.
resolved_call resolve(std::span<const std::string_view> args);

/// The keys among the arguments, in their order.
std::vector<std::string_view> keys_of(const command_spec& spec,
                                      std::span<const std::string_view> args);

/// Whether this call looks at values; `spec.use` is the answer for any call.
/// Never `none` for a call whose handler reads bytes that it has found.
value_use value_use_of(const command_spec& spec,
                       std::span<const std::string_view> args);

/// Runs a command that has a handler; appends exactly one reply. Work on large
/// values is paced.
/// @pre `resolve(args).spec == &spec`
void execute(const command_spec& spec, std::span<const std::string_view> args,
             keyspace& keys, reply_writer& reply,
             const execution_limits& limits, pacer& pace);

} // namespace kvs::protocol::resp
