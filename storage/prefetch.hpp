#pragma once

namespace kvs::storage {

/// Begins to load the cache line at `address`, which need not be valid.
///
/// The empty statement has an effect as far as the compiler knows: GCC 12
/// drops calls of functions that do nothing but prefetch.
inline void prefetch(const void* address) noexcept {
  __builtin_prefetch(address);
  asm volatile("");
}

/// The same for a line that will be written.
inline void prefetch_to_write(void* address) noexcept {
  __builtin_prefetch(address, 1);
  asm volatile("");
}

} // namespace kvs::storage
