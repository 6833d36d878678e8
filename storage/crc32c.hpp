#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace kvs::storage {

/// CRC32C (Castagnoli) of what was fed so far and then `part`; start with 0.
/// Uses the processor's instruction where there is one.
std::uint32_t extend_crc32c(std::uint32_t so_far,
                            std::span<const std::byte> part) noexcept;

/// What `crc` becomes by the length alone of `bytes` more bytes: for any A and
/// B, crc(A B) = shift_crc32c(crc(A), length of B) ^ crc(B). Costs a
/// microsecond whatever the length.
std::uint32_t shift_crc32c(std::uint32_t crc, std::uint64_t bytes) noexcept;

/// `extend_crc32c` without that instruction, for machines that lack it and for
/// the test that compares both.
std::uint32_t extend_crc32c_portable(std::uint32_t so_far,
                                     std::span<const std::byte> part) noexcept;

} // namespace kvs::storage
