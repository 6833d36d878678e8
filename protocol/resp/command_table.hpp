// The table of all commands.

#pragma once

#include "protocol/resp/command_spec.hpp"

#include <string_view>

namespace kvs::protocol::resp {

/// The command of that name in any case, no subcommand; null if there is
/// none.
const command_spec* find_in_table(std::string_view name);

} // namespace kvs::protocol::resp
