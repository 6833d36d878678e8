// Goal: in whatever order the actors take their turns, and whenever the process
// dies or the power goes, no acknowledged write is lost, no deleted key comes
// back, no batch is halved, and every request is answered once.
// Method: schedules that a seed decides (schedule_fixture.hpp). A failure names
// its seed; KVS_TEST_SEED=N runs that one alone.

#include "tests/actors/schedule_fixture.hpp"

#include <cstdlib>

namespace kvs::actors {
namespace {

constexpr std::uint64_t part_count = 8;
constexpr std::uint64_t schedules_per_part = 2500;
constexpr std::uint64_t deep_factor = 20;

class ScheduleTest : public schedule_fixture,
                     public ::testing::WithParamInterface<std::uint64_t> {};

// In parts, which may run side by side.
TEST_P(ScheduleTest, NothingIsLostByAnyOrderOfTurns) {
  if (const char* only = std::getenv("KVS_TEST_SEED")) {
    run_schedule(std::strtoull(only, nullptr, 10));
    return;
  }
  auto count = schedules_per_part;
  if (std::getenv("KVS_TEST_DEEP") != nullptr)
    count *= deep_factor;
  for (auto seed = GetParam() * 10'000'000; count > 0; ++seed, --count) {
    run_schedule(seed);
    ASSERT_FALSE(HasFailure()) << "repeat with KVS_TEST_SEED=" << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Part, ScheduleTest,
                         ::testing::Range(std::uint64_t{1}, part_count + 1));

} // namespace
} // namespace kvs::actors
