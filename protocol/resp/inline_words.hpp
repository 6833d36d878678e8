// The words of an inline command.

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kvs::protocol::resp {

/// Splits `line` at blanks; "double" and 'single' quotes and the escapes
/// between them are understood as Redis does. Words without quotes are views
/// into `line`, the others into `unquoted`, which is overwritten.
///
/// False if a quote is not closed or something follows a closing quote.
bool split_inline(std::string_view line, std::vector<std::string_view>& words,
                  std::string& unquoted);

} // namespace kvs::protocol::resp
