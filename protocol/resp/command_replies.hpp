// Replies that describe the commands.

#pragma once

#include "protocol/resp/command_spec.hpp"
#include "protocol/resp/reply_writer.hpp"

#include <span>
#include <string_view>

namespace kvs::protocol::resp {

/// Replies to COMMAND and to its subcommands: `spec` is one of them, as
/// `resolve` has found it for `args`.
void reply_to_command(const command_spec& spec,
                      std::span<const std::string_view> args,
                      reply_writer& reply);

/// Replies to a HELP subcommand of `container`: one line per subcommand that
/// is offered.
void reply_to_help(const command_spec& container, reply_writer& reply);

} // namespace kvs::protocol::resp
