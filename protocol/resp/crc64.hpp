// The checksum of RDB files and of DUMP.

#pragma once

#include <cstdint>
#include <string_view>

namespace kvs::protocol::resp {

/// Continues `crc`, which begins at 0, with `bytes` (CRC-64/REDIS: Jones'
/// polynomial, reflected, without a final inversion).
std::uint64_t crc64(std::uint64_t crc, std::string_view bytes);

} // namespace kvs::protocol::resp
