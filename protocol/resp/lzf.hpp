// The compression of strings in RDB files and in DUMP.

#pragma once

#include "protocol/pacer.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace kvs::protocol::resp {

/// The `size` bytes that `compressed` stands for; nothing if it is malformed
/// or stands for another number of bytes. Takes no memory for a size that
/// `compressed` cannot stand for. Long work is paced.
std::optional<std::string> lzf_decompress(std::string_view compressed,
                                          std::size_t size, pacer& pace);

} // namespace kvs::protocol::resp
