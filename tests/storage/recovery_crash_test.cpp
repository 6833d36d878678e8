#include "storage/recovery.hpp"
#include "tests/storage/mini_store.hpp"
#include "tests/support/memory_file_system.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <random>

/// Power cuts at every step of a scripted life of a store. The numbers below
/// give some ten thousand disks in a few seconds; KVS_CRASH_SEEDS multiplies
/// the disks looked at for each step.
namespace kvs::storage {
namespace {

using test_support::all_crash_policies;
using test_support::disk_call;
using test_support::memory_file_system;
using testing::contents;
using testing::mini_store;
using disk_ptr = std::shared_ptr<memory_file_system>;

constexpr std::uint64_t script_seed = 4;
constexpr int script_operations = 90;
constexpr timestamp_ms now = 1000;

std::uint64_t seeds_for(test_support::crash_policy policy) {
  if (policy == test_support::crash_policy::lose_unsynced
      || policy == test_support::crash_policy::keep_everything)
    return 1;
  const char* const wanted = std::getenv("KVS_CRASH_SEEDS");
  if (wanted != nullptr)
    return std::strtoull(wanted, nullptr, 10);
#if defined(__SANITIZE_ADDRESS__)
  return 1;
#else
  return 2;
#endif
}

/// What a store may contain after a crash: the state after some operation
/// that was attempted and not before the last one that was made durable.
struct history {
  std::vector<contents> states{contents{}};
  std::size_t durable = 0;

  contents& begin_operation() {
    states.push_back(states.back());
    return states.back();
  }
  void everything_is_durable() {
    durable = states.size() - 1;
  }
  bool allows(const contents& found) const {
    return std::find(states.begin() + static_cast<long>(durable), states.end(),
                     found)
           != states.end();
  }
};

/// One random write, to the store and to what is expected of it.
result<ok> write_something(mini_store& store, history& expected,
                           std::mt19937_64& random) {
  const std::string key = "key" + std::to_string(random() % 12);
  const std::string other = "key" + std::to_string(random() % 12);
  const std::string value
    = std::to_string(random()) + std::string(random() % 700, 'v');
  contents& state = expected.begin_operation();
  switch (random() % 9) {
    case 0:
    case 1:
      state.erase(key);
      return store.erase(key);
    case 2:
      state.erase(other);
      state[key] = value;
      return store.batch({{other, std::nullopt}, {key, value}});
    case 3:
      // Expired already: hides what was there.
      state.erase(key);
      return store.put(key, value, now - 1);
    case 4:
      if (random() % 4 == 0) {
        state.clear();
        return store.flush();
      }
      [[fallthrough]];
    default:
      state[key] = value;
      return store.put(key, value, random() % 3 == 0 ? now + 9999 : 0);
  }
}

/// The whole life: writes, syncs, rotations, compactions and two restarts, one
/// of them after a clean stop. It ends early when the disk fails.
void live(const disk_ptr& disk, history& expected) {
  std::mt19937_64 random{script_seed};
  for (int start = 0; start < 3; ++start) {
    auto opened = mini_store::open(disk, {});
    if (!opened)
      return;
    // What a start finds, it has made durable.
    expected.everything_is_durable();
    mini_store& store = **opened;
    for (int i = 0; i < script_operations / 3; ++i) {
      const auto choice = random() % 20;
      if (choice < 14) {
        if (!write_something(store, expected, random))
          return;
      } else if (choice < 17) {
        if (!store.sync())
          return;
        expected.everything_is_durable();
      } else if (choice == 17) {
        if (!store.rotate())
          return;
      } else if (choice == 18) {
        if (!store.mark())
          return;
      } else if (!store.compact(true)) {
        return;
      }
    }
    if (start == 1 && !store.close())
      return;
  }
}

/// Opens the disk after a crash and checks everything that was promised:
/// the contents, that opening again changes nothing, that the store can be
/// written, and that this holds after another crash.
void expect_promises_kept(const disk_ptr& disk, const history& expected) {
  contents found;
  {
    auto opened = mini_store::open(disk, {});
    ASSERT_TRUE(opened) << to_string(opened.error());
    auto all = (*opened)->all();
    ASSERT_TRUE(all) << to_string(all.error());
    found = *all;
    ASSERT_TRUE(expected.allows(found));
  }
  {
    auto again = mini_store::open(disk, {});
    ASSERT_TRUE(again) << to_string(again.error());
    ASSERT_EQ(*(*again)->all(), found);
    for (int i = 0; i < 10; ++i) {
      const std::string key = "after" + std::to_string(i);
      ASSERT_TRUE((*again)->put(key, "v"));
      found[key] = "v";
    }
    ASSERT_TRUE((*again)->sync());
    ASSERT_TRUE((*again)->put("not synced", "v"));
  }
  auto once_more = mini_store::open(
    disk->crash(test_support::crash_policy::lose_unsynced, 0), {});
  ASSERT_TRUE(once_more) << to_string(once_more.error());
  ASSERT_EQ(*(*once_more)->all(), found);
}

std::uint64_t changes_of_a_whole_life() {
  const disk_ptr disk = memory_file_system::make();
  history ignored;
  live(disk, ignored);
  return disk->changes();
}

// Goal: whichever call is the last one before the power goes, and whatever
// the disk makes of what was not synced: nothing durable is lost, what is
// found is a state that existed, and the store goes on from there.
TEST(RecoveryCrashTest, APowerCutAtAnyCallLosesNothingDurable) {
  const std::uint64_t changes = changes_of_a_whole_life();
  ASSERT_GT(changes, 200u);
  for (std::uint64_t nth = 1; nth <= changes; ++nth) {
    const disk_ptr disk = memory_file_system::make();
    disk->power_off_at(nth);
    history expected;
    live(disk, expected);
    for (const auto policy : all_crash_policies)
      for (std::uint64_t seed = 0; seed < seeds_for(policy); ++seed) {
        SCOPED_TRACE(::testing::Message()
                     << "change " << nth << " policy "
                     << static_cast<int>(policy) << " seed " << seed);
        expect_promises_kept(disk->crash(policy, seed), expected);
        if (HasFatalFailure())
          return;
      }
  }
}

// Goal: a start may be cut off at each of its own calls, too.
TEST(RecoveryCrashTest, APowerCutDuringRecoveryLosesNothingDurable) {
  const std::uint64_t changes = changes_of_a_whole_life();
  std::mt19937_64 random{1};
  for (std::uint64_t nth = 3; nth <= changes; nth += 5) {
    const disk_ptr disk = memory_file_system::make();
    disk->power_off_at(nth);
    history expected;
    live(disk, expected);
    for (std::uint64_t step = 1; step < 24; ++step) {
      const auto policy = all_crash_policies[random() % 7];
      const auto second = all_crash_policies[random() % 7];
      SCOPED_TRACE(::testing::Message()
                   << "change " << nth << " step " << step << " policies "
                   << static_cast<int>(policy) << " "
                   << static_cast<int>(second));
      const disk_ptr after = disk->crash(policy, step);
      after->power_off_at(step);
      const bool survived = bool{mini_store::open(after, {})};
      expect_promises_kept(after->crash(second, nth), expected);
      if (HasFatalFailure())
        return;
      if (survived)
        break;
    }
  }
}

// Goal: the process may die at any call as well; then the cache survives, and
// so must everything that was written.
TEST(RecoveryCrashTest, AKilledProcessLosesNothingWritten) {
  const std::uint64_t changes = changes_of_a_whole_life();
  for (std::uint64_t nth = 1; nth <= changes; ++nth) {
    SCOPED_TRACE(nth);
    const disk_ptr disk = memory_file_system::make();
    disk->power_off_at(nth);
    history expected;
    live(disk, expected);
    // The operation that was cut off may or may not have happened.
    if (expected.states.size() >= 2)
      expected.durable = expected.states.size() - 2;
    expect_promises_kept(disk->restart(), expected);
    if (HasFatalFailure())
      return;
  }
}

// Goal: a failed sync leaves bytes in the cache that the disk never gets. A
// start that sees them must make them durable, not just believe them.
TEST(RecoveryCrashTest, WhatAStartHasSeenSurvivesAPowerCut) {
  const disk_ptr disk = memory_file_system::make();
  {
    auto opened = mini_store::open(disk, {});
    ASSERT_TRUE(opened);
    ASSERT_TRUE((*opened)->put("k", "v"));
    disk->fail(disk_call::sync, 1, EIO, true);
    ASSERT_FALSE((*opened)->sync());
  }
  const disk_ptr restarted = disk->restart();
  auto opened = mini_store::open(restarted, {});
  ASSERT_TRUE(opened);
  EXPECT_EQ(*(*opened)->get("k"), "v");
  auto after = mini_store::open(
    restarted->crash(test_support::crash_policy::lose_unsynced, 0), {});
  ASSERT_TRUE(after);
  EXPECT_EQ(*(*after)->get("k"), "v");
}

} // namespace
} // namespace kvs::storage
