// Goal: across starts, crashes and steps of the wall clock between a
// millisecond and ten years, a store's time never falls, so no key that had
// expired comes back, and none goes before its time.

#include "storage/clock.hpp"
#include "tests/storage/mini_store.hpp"
#include "tests/support/memory_file_system.hpp"
#include "tests/support/proof.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace kvs::storage {
namespace {

using test_support::crash_policy;
using test_support::memory_file_system;
using testing::contents;
using testing::mini_store;

constexpr timestamp_ms ten_years = timestamp_ms{10} * 365 * 24 * 3600 * 1000;

/// Mostly small steps, now and then one of years, in both directions.
timestamp_ms stepped(timestamp_ms from, std::mt19937_64& random) {
  const timestamp_ms size = ten_years >> random() % 38;
  const timestamp_ms step = size == 0 ? 1 : 1 + random() % size;
  return random() % 2 == 0 ? from + step : from - std::min(from - 1, step);
}

void run(std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random{seed};
  auto disk = memory_file_system::make();
  std::map<std::string, timestamp_ms> expiries;
  timestamp_ms wall = ten_years * 6;
  timestamp_ms now = 0;
  for (int start = 0; start < 4; ++start) {
    mini_store::options how;
    how.now = wall;
    how.shard_count = 1;
    auto opened = mini_store::open(disk, how);
    ASSERT_TRUE(opened);
    mini_store& store = **opened;
    ASSERT_EQ(store.parts().now, std::max(now, wall)) << "time has fallen";
    now = store.parts().now;
    contents expected;
    for (const auto& [key, expires_at] : expiries)
      if (expires_at > now)
        expected[key] = "v";
    ASSERT_EQ(*store.all(), expected);
    for (int i = 0; i < 3; ++i) {
      const std::string key = "key" + std::to_string(random() % 6);
      expiries[key] = stepped(now, random);
      ASSERT_TRUE(store.put(key, "v", expiries[key]));
    }
    ASSERT_TRUE(store.sync());
    if (random() % 2 == 0) {
      ASSERT_TRUE(store.close());
    }
    disk = random() % 2 == 0 ? disk->restart()
                             : disk->crash(crash_policy::lose_unsynced, seed);
    wall = stepped(wall, random);
  }
}

TEST(ClockStepsTest, NoStepBetweenStartsBringsAKeyBackOrTakesOne) {
  for (std::uint64_t seed = 1; seed <= test_support::amount(2'000); ++seed) {
    run(seed);
    ASSERT_FALSE(::testing::Test::HasFailure());
  }
}

// Goal: while a store is open its clock follows the monotonic clock alone.
TEST(ClockStepsTest, ARunningClockStartsWhereItIsToldAndOnlyRises) {
  const auto clock = make_running_clock(5);
  timestamp_ms last = clock->now();
  EXPECT_GE(last, 5u);
  EXPECT_LT(last, wall_clock_now() / 2) << "it reads the wall clock";
  for (int i = 0; i < 100'000; ++i) {
    const timestamp_ms now = clock->now();
    ASSERT_GE(now, last);
    last = now;
  }
}

} // namespace
} // namespace kvs::storage
