#include "tests/simulation/simulated.hpp"

namespace kvs::simulation {

const std::uint64_t lives_per_profile = 3;
const std::uint64_t parts_of_starts = 0;

/// One after the other in each of the three modes.
std::unique_ptr<world> make_simulated_world(const profile& how,
                                            std::uint64_t number) {
  constexpr promise modes[]
    = {promise::always, promise::interval, promise::none};
  return make_actor_world(how, modes[number % 3]);
}

} // namespace kvs::simulation
