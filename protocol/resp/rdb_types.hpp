// The types of values in a snapshot.

#pragma once

#include "protocol/resp/rdb_input.hpp"

#include <cstdint>
#include <string_view>

namespace kvs::protocol::resp {

/// The type of a string, which is all that is ever taken from a snapshot.
inline constexpr std::uint8_t rdb_type_string = 0;

/// Reads over a value of that type and returns the name that Redis gives it;
/// empty, and a failure of `in`, if the type is unknown or cannot be skipped.
std::string_view skip_rdb_value(rdb_input& in, std::uint8_t type);

/// Reads over what a module has stored: values that tell their own types.
void skip_rdb_module_values(rdb_input& in);

} // namespace kvs::protocol::resp
