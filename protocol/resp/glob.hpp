// Patterns of keys and channels.

#pragma once

#include <string_view>

namespace kvs::protocol::resp {

enum class letter_case { matters, ignored };

/// Whether `text` matches the pattern: `*`, `?`, `[a-c]`, `[^x]`, and `\` in
/// front of what stands for itself, as Redis understands them, malformed
/// patterns included. The time is bounded by the product of the lengths.
bool glob_match(std::string_view pattern, std::string_view text,
                letter_case sensitivity = letter_case::matters);

} // namespace kvs::protocol::resp
