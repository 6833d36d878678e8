// Goal: through restarts, compactions and steps of the clock a store is what a
// std::map with the same operations would be, and it counts exactly.

#include "tests/simulation/full_scan.hpp"
#include "tests/simulation/seeded_random.hpp"
#include "tests/simulation/simulated.hpp"
#include "tests/support/proof.hpp"

#include <gtest/gtest.h>

#include <iostream>

namespace kvs::simulation {
namespace {

constexpr std::size_t parts = 10;
constexpr std::size_t steps_per_life = 2000;

profile model_profile(std::uint64_t seed) {
  profile how;
  how.name = "model";
  how.key_count = 5 + seed % 40;
  how.value_bytes_max = 1 + seed % 7 * 30;
  how.weights = {400, 90, 160, 80, 2, 200, 60, 20, 10, 12, 60, 4, 3, 3};
  how.shard_count = 1 + seed % 3;
  how.hash_bits = seed % 5 == 0 ? 3 : 64;
  return how;
}

class ModelTest : public ::testing::TestWithParam<std::size_t> {
protected:
  static void live(std::uint64_t seed) {
    const profile how = model_profile(seed);
    seed_the_store(seed);
    const auto lived = make_simulated_world(how, seed);
    life script_life{*lived, how};
    if (!script_life.start(test_support::memory_file_system::make()))
      return;
    for (const step& next : make_script(how, seed, steps_per_life))
      if (!script_life.run(next))
        return;
    lived->catch_up(script_life.expected());
    expect_exact_counts(script_life.disk(), *lived);
    // The whole of it once more.
    step last;
    last.what = step_kind::stop;
    script_life.run(last);
    SCOPED_TRACE("after a stop");
    expect_exact_counts(script_life.disk(), *lived);
  }
};

TEST_P(ModelTest, AStoreIsAMap) {
  std::uint64_t lives = 0;
  for (std::uint64_t seed = GetParam(); seed < test_support::amount(1000);
       seed += parts) {
    if (!test_support::is_wanted(seed))
      continue;
    SCOPED_TRACE(test_support::how_to_repeat(seed));
    live(seed);
    ++lives;
    if (HasFailure())
      break;
  }
  std::cout << "[ COUNTS   ] lives " << lives << ", operations "
            << lives * steps_per_life << std::endl;
}

INSTANTIATE_TEST_SUITE_P(All, ModelTest,
                         ::testing::Range(std::size_t{0}, parts));

} // namespace
} // namespace kvs::simulation
