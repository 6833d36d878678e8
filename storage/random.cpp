#include "storage/random.hpp"

#include "storage/little_endian.hpp"

#include <random>

namespace kvs::storage {

std::uint64_t random_number() {
  std::random_device device;
  const std::uint64_t high = device();
  return high << 32 | device();
}

segment_identity random_identity() {
  segment_identity identity{};
  store_le(identity.data(), random_number());
  store_le(identity.data() + 8, random_number());
  return identity;
}

} // namespace kvs::storage
