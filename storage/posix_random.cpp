#include "storage/little_endian.hpp"
#include "storage/random.hpp"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>
#include <span>

namespace kvs::storage {
namespace {

/// Asks the kernel: std::random_device asks the processor what it can each
/// time, which a virtual machine answers slowly.
void fill(std::span<std::byte> target) {
  // Up to 256 bytes come at once, or a signal came first (getrandom(2)). A
  // kernel without it is older than all that kvs runs on.
  while (getrandom(target.data(), target.size(), 0)
         != static_cast<ssize_t>(target.size()))
    if (errno != EINTR)
      std::abort();
}

} // namespace

std::uint64_t random_number() {
  std::uint64_t number = 0;
  fill(std::as_writable_bytes(std::span{&number, 1}));
  return number;
}

segment_identity random_identity() {
  segment_identity identity{};
  fill(identity);
  return identity;
}

} // namespace kvs::storage
