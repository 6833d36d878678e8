// Goal: in whatever order the actors take their turns, and whenever the process
// dies or the power goes, no acknowledged write is lost, no deleted key comes
// back, no batch is halved, and every request is answered once.
// Method: schedules that a seed decides (schedule_fixture.hpp). A failure says
// how to run its seed again.

#include "tests/actors/schedule_fixture.hpp"
#include "tests/support/proof.hpp"

namespace kvs::actors {
namespace {

constexpr std::uint64_t part_count = 8;
constexpr std::uint64_t schedules_per_part = 2500;
/// More than any part ever runs.
constexpr std::uint64_t seeds_per_part = 10'000'000;

class ScheduleTest : public schedule_fixture,
                     public ::testing::WithParamInterface<std::uint64_t> {};

// In parts, which may run side by side.
TEST_P(ScheduleTest, NothingIsLostByAnyOrderOfTurns) {
  const auto first = GetParam() * seeds_per_part;
  if (const auto only = test_support::only_seed()) {
    if (*only / seeds_per_part == GetParam())
      run_schedule(*only);
    return;
  }
  const auto end = first + test_support::amount(schedules_per_part);
  for (auto seed = first; seed < end; ++seed) {
    run_schedule(seed);
    ASSERT_FALSE(HasFailure()) << test_support::how_to_repeat(seed);
  }
}

INSTANTIATE_TEST_SUITE_P(Part, ScheduleTest,
                         ::testing::Range(std::uint64_t{1}, part_count + 1));

} // namespace
} // namespace kvs::actors
