#pragma once

#include "tests/simulation/world.hpp"

/// Which store a program simulates: each defines these for itself.
namespace kvs::simulation {

/// How many lives of each profile a commit has to pass.
extern const std::uint64_t lives_per_profile;

/// The store of the life with this number.
std::unique_ptr<world> make_simulated_world(const profile& how,
                                            std::uint64_t number);

} // namespace kvs::simulation
