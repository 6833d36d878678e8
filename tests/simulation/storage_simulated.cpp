#include "tests/simulation/simulated.hpp"

namespace kvs::simulation {

const std::uint64_t lives_per_profile = 2;

std::unique_ptr<world> make_simulated_world(const profile& how, std::uint64_t) {
  return make_storage_world(how);
}

} // namespace kvs::simulation
