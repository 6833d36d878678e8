#pragma once

#include <cstdint>
#include <random>

namespace kvs::simulation {

/// From now on the store draws its identities and the secret of its hashes
/// from this seed: a life is the same whenever it is lived. Programs that call
/// this get the functions of storage/random.hpp from here.
void seed_the_store(std::uint64_t seed);

/// As long as it lives other numbers are drawn, from a seed of their own; then
/// it goes on as if nothing had been.
class random_detour {
public:
  explicit random_detour(std::uint64_t seed);
  ~random_detour();
  random_detour(const random_detour&) = delete;
  random_detour& operator=(const random_detour&) = delete;

private:
  std::mt19937_64 before_;
};

} // namespace kvs::simulation
