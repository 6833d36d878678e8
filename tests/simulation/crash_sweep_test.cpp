// Goal: whenever a process dies or the power goes, a start finds everything
// that was promised, nothing that was not, and all of it again the next time.

#include "tests/simulation/crash_sweep.hpp"

#include "tests/simulation/seeded_random.hpp"
#include "tests/simulation/simulated.hpp"
#include "tests/support/proof.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>

namespace kvs::simulation {
namespace {

/// Of each workload at a commit; together more than 10,000 points.
constexpr std::size_t steps_per_life = 60;
constexpr std::uint64_t states_per_point = 21;

class CrashSweepTest : public ::testing::TestWithParam<std::size_t> {};

std::string name_of(const ::testing::TestParamInfo<std::size_t>& info) {
  std::string name = profiles()[info.param].name;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

// Goal: with every kind of life, at every call that changes the disk, with
// everything that a crash may leave of what was not synced.
TEST_P(CrashSweepTest, NoCrashBreaksAPromise) {
  sweep_counts sum;
  const profile& how = profiles()[GetParam()];
  const std::uint64_t first = GetParam() * 1'000'000;
  for (std::uint64_t i = 0; i < test_support::amount(lives_per_profile); ++i) {
    const std::uint64_t seed = first + i;
    if (!test_support::is_wanted(seed))
      continue;
    SCOPED_TRACE(test_support::how_to_repeat(seed));
    seed_the_store(seed);
    const auto lived = make_simulated_world(how, i);
    life script_life{*lived, how};
    crash_sweep sweep{how, script_life, *lived, seed, states_per_point};
    sweep.begin();
    if (script_life.start(test_support::memory_file_system::make()))
      for (const step& next : make_script(how, seed, steps_per_life))
        if (!script_life.run(next))
          break;
    sweep.look();
    sum += sweep.counts();
    if (HasFailure())
      break;
  }
  std::cout << "[ COUNTS   ] points " << sum.points << ", states " << sum.states
            << ", different " << sum.different_states << ", starts cut off "
            << sum.nested << std::endl;
}

INSTANTIATE_TEST_SUITE_P(All, CrashSweepTest,
                         ::testing::Range(std::size_t{0}, profiles().size()),
                         name_of);

} // namespace
} // namespace kvs::simulation
