// From words to commands.

#pragma once

#include "apps/client/session.hpp"

#include <string>
#include <vector>

namespace kvs::apps {

/// Runs the program: reads the arguments, does what they ask for, returns the
/// exit code. Nothing is thrown.
int run_command_line(int argc, char** argv);

/// Runs one line of the interactive shell on `node`; returns the exit code.
int run_shell_command(session& node, const std::vector<std::string>& words);

/// Names of all commands, for completion.
const std::vector<std::string>& command_names();

} // namespace kvs::apps
