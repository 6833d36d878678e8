// The interactive shell.

#pragma once

#include "apps/client/session.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kvs::apps {

/// Reads commands and runs them until the end of the input or `quit`. On a
/// terminal there are line editing, history, completion of commands with the
/// tabulator, and the time that each command took. Without one the lines are
/// run as a script. Returns the exit code of the last command that failed.
int run_repl(session& node);

/// Splits a line into words. 'single' quotes keep everything as it is;
/// "double" quotes know \n, \t, \r, \0, \\, \" and \xHH. Nothing if a quote
/// is not closed.
std::optional<std::vector<std::string>> split_words(std::string_view line);

} // namespace kvs::apps
