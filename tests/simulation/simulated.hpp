#pragma once

#include "tests/simulation/world.hpp"

/// Which store a program simulates: each defines these for itself.
namespace kvs::simulation {

/// How many lives of each profile a commit has to pass.
extern const std::uint64_t lives_per_profile;

/// Into how many tests the flips before a start are divided; 0: the other
/// program does them, since actors take no part in a start.
extern const std::uint64_t parts_of_starts;

/// The store of the life with this number.
std::unique_ptr<world> make_simulated_world(const profile& how,
                                            std::uint64_t number);

} // namespace kvs::simulation
