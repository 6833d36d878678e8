/// The same bytes as text and as bytes: keys and commands are text to those
/// who look at them, values are bytes.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace kvs::actors {

inline std::string_view as_text(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline std::span<const std::byte> as_bytes(std::string_view text) noexcept {
  return std::as_bytes(std::span{text.data(), text.size()});
}

} // namespace kvs::actors
