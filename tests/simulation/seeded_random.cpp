#include "tests/simulation/seeded_random.hpp"

#include "storage/little_endian.hpp"
#include "storage/random.hpp"

namespace {

std::mt19937_64& generator() {
  static std::mt19937_64 numbers;
  return numbers;
}

} // namespace

namespace kvs::simulation {

void seed_the_store(std::uint64_t seed) {
  generator().seed(seed);
}

random_detour::random_detour(std::uint64_t seed) : before_{generator()} {
  seed_the_store(seed);
}

random_detour::~random_detour() {
  generator() = before_;
}

} // namespace kvs::simulation

// The linker takes these before it looks into the library of the engine.
namespace kvs::storage {

std::uint64_t random_number() {
  return generator()();
}

segment_identity random_identity() {
  segment_identity identity{};
  store_le(identity.data(), random_number());
  store_le(identity.data() + 8, random_number());
  return identity;
}

} // namespace kvs::storage
