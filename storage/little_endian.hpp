#pragma once

#include <bit>
#include <cstddef>
#include <cstring>

/// How integers lie on disk. A leaf helper of the formats of this folder.
namespace kvs::storage {

static_assert(std::endian::native == std::endian::little,
              "a big-endian build must swap bytes in these two functions");

template <class Integer>
inline void store_le(std::byte* at, Integer value) noexcept {
  std::memcpy(at, &value, sizeof value);
}

template <class Integer>
inline Integer load_le(const std::byte* at) noexcept {
  Integer value{};
  std::memcpy(&value, at, sizeof value);
  return value;
}

} // namespace kvs::storage
