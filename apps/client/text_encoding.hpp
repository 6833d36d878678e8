// Bytes that are no text, made fit for JSON.

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kvs::apps {

/// Whether `bytes` is well-formed UTF-8: no overlong forms, no surrogates,
/// nothing above U+10FFFF.
bool is_utf8(std::string_view bytes);

/// Base64 of RFC 4648 with padding.
std::string to_base64(std::string_view bytes);

/// The bytes behind `text`, or nothing if it is no base64 with padding.
std::optional<std::string> from_base64(std::string_view text);

} // namespace kvs::apps
