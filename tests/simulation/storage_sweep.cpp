#include "tests/simulation/sweep_world.hpp"

namespace kvs::simulation {

const std::uint64_t lives_per_profile = 2;

std::unique_ptr<world> make_sweep_world(const profile& how, std::uint64_t) {
  return make_storage_world(how);
}

} // namespace kvs::simulation
