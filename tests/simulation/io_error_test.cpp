// Goal: whichever call of the disk fails, once or from then on, with whatever
// error: what was promised is kept, what was refused leaves nothing behind, no
// read is wrong, and when the disk works again, so does the store.

#include "tests/simulation/faulty_life.hpp"
#include "tests/simulation/seeded_random.hpp"
#include "tests/simulation/simulated.hpp"
#include "tests/support/proof.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <iostream>

namespace kvs::simulation {
namespace {

constexpr std::size_t steps_per_life = 40;

class IoErrorTest : public ::testing::TestWithParam<std::size_t> {
protected:
  /// Lets one call after the other fail, until the life ends before.
  std::uint64_t fail_each_call(std::uint64_t seed, disk_fault fault) {
    const profile& how = profiles()[GetParam()];
    const auto script = make_script(how, seed, steps_per_life);
    const auto only = test_support::only_step();
    // Where there is less to do, fewer calls fail.
    const std::uint64_t step
      = std::max<std::uint64_t>(1, 100 / test_support::amount(100));
    for (fault.nth = only.value_or(1);; fault.nth += step) {
      SCOPED_TRACE(::testing::Message()
                   << "error " << fault.os_error
                   << (fault.for_ever ? " for ever" : " once"));
      seed_the_store(seed);
      const auto lived = make_simulated_world(how, seed);
      faulty_life faulty{*lived, how, fault};
      const bool happened = faulty.run(script);
      ++lives_;
      if (HasFailure())
        ADD_FAILURE() << test_support::how_to_repeat(seed, fault.nth);
      if (!happened || HasFailure() || only)
        return fault.nth;
    }
  }

  std::uint64_t lives_ = 0;
};

TEST_P(IoErrorTest, NoFailedCallBreaksAPromise) {
  const std::uint64_t first = GetParam() * 1'000'000;
  for (std::uint64_t i = 0; i < test_support::amount(1); ++i) {
    if (!test_support::is_wanted(first + i))
      continue;
    for (const int os_error : {EIO, ENOSPC, EMFILE})
      for (const bool for_ever : {false, true}) {
        fail_each_call(first + i, {1, os_error, for_ever});
        if (HasFailure())
          return;
      }
  }
  std::cout << "[ COUNTS   ] lives " << lives_ << std::endl;
}

std::string name_of(const ::testing::TestParamInfo<std::size_t>& info) {
  std::string name = profiles()[info.param].name;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, IoErrorTest,
                         ::testing::Range(std::size_t{0}, profiles().size()),
                         name_of);

} // namespace
} // namespace kvs::simulation
