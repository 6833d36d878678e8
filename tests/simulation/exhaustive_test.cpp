// Goal: no short history breaks a promise. Nearly all bugs of file systems and
// stores that crashes have ever shown needed three operations or fewer.
//
// Method: every sequence of nine operations up to that length, a crash before
// every call that changes the disk.

#include "tests/simulation/crash_sweep.hpp"
#include "tests/simulation/seeded_random.hpp"
#include "tests/simulation/simulated.hpp"
#include "tests/support/proof.hpp"

#include <gtest/gtest.h>

#include <iostream>

namespace kvs::simulation {
namespace {

constexpr std::uint64_t operations = 9;
constexpr std::uint64_t states_per_point = 20;

step operation(std::uint64_t number, const std::string& value) {
  step made;
  switch (number) {
    case 0:
      made.changes = {{"key0", value}};
      break;
    case 1:
      made.changes = {{"key1", value}};
      break;
    case 2:
      made.what = step_kind::erase;
      made.changes = {{"key0", std::nullopt}};
      break;
    case 3:
      made.what = step_kind::batch;
      made.changes = {{"key0", value}, {"key1", std::nullopt}, {"key2", value}};
      break;
    case 4:
      made.what = step_kind::put_expiring;
      made.changes = {{"key0", value}};
      made.expires_in_ms = 1000;
      break;
    case 5:
      made.what = step_kind::sync;
      break;
    case 6:
      made.what = step_kind::rotate;
      break;
    case 7:
      made.what = step_kind::compact;
      break;
    default:
      made.what = step_kind::stop;
      break;
  }
  return made;
}

/// The digits of a seed, after a leading one, are the operations.
std::vector<step> sequence_of(std::uint64_t seed) {
  std::vector<step> made;
  for (; seed >= operations; seed /= operations)
    made.insert(made.begin(),
                operation(seed % operations, "v" + std::to_string(seed)));
  return made;
}

std::uint64_t power(std::uint64_t exponent) {
  return exponent == 0 ? 1 : operations * power(exponent - 1);
}

std::uint64_t longest() {
  return test_support::amount(100) >= 1000 ? 4 : 3;
}

class ExhaustiveTest : public ::testing::TestWithParam<std::uint64_t> {
protected:
  void live(std::uint64_t seed) {
    static const profile how = [] {
      profile made;
      made.key_count = 3;
      return made;
    }();
    seed_the_store(seed);
    const auto lived = make_simulated_world(how, seed);
    life script_life{*lived, how};
    ASSERT_TRUE(script_life.start(test_support::memory_file_system::make()));
    // The first start is the same for all.
    crash_sweep sweep{how, script_life, *lived, seed, states_per_point};
    sweep.begin();
    script_life.on_disk(script_life.disk());
    for (const step& next : sequence_of(seed))
      if (!script_life.run(next))
        break;
    sweep.look();
    sum_ += sweep.counts();
  }

  sweep_counts sum_;
};

TEST_P(ExhaustiveTest, NoShortHistoryBreaksAPromise) {
  std::uint64_t lives = 0;
  for (std::uint64_t length = 1; length <= longest(); ++length) {
    // Those that begin with this operation.
    const std::uint64_t count = power(length - 1);
    const std::uint64_t first = (operations + GetParam()) * count;
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
      if (!test_support::is_wanted(seed))
        continue;
      SCOPED_TRACE(test_support::how_to_repeat(seed));
      live(seed);
      ++lives;
      if (HasFailure())
        return;
    }
  }
  std::cout << "[ COUNTS   ] sequences " << lives << ", points " << sum_.points
            << ", states " << sum_.states << ", different "
            << sum_.different_states << ", starts cut off " << sum_.nested
            << std::endl;
}

INSTANTIATE_TEST_SUITE_P(All, ExhaustiveTest,
                         ::testing::Range(std::uint64_t{0}, operations));

} // namespace
} // namespace kvs::simulation
