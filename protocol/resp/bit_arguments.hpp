// Arguments that name bits.

#pragma once

#include "protocol/resp/command_spec.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace kvs::protocol::resp::handlers {

/// The number of a bit, or nothing after an error reply. With `size_bits`,
/// `#3` is allowed and stands for three times as many bits.
std::optional<std::uint64_t> bit_offset_or_reply(const command_call& call,
                                                 std::string_view argument,
                                                 int size_bits = 0);

} // namespace kvs::protocol::resp::handlers
