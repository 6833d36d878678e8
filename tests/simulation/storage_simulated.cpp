#include "tests/simulation/bit_rot.hpp"
#include "tests/simulation/simulated.hpp"

namespace kvs::simulation {

const std::uint64_t lives_per_profile = 2;
const std::uint64_t parts_of_starts = rot_parts;

std::unique_ptr<world> make_simulated_world(const profile& how, std::uint64_t) {
  return make_storage_world(how);
}

} // namespace kvs::simulation
