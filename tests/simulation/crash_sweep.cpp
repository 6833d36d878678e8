#include "tests/simulation/crash_sweep.hpp"

#include "tests/simulation/seeded_random.hpp"
#include "tests/support/proof.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

namespace kvs::simulation {
namespace {

using storage::testing::mini_store;
using test_support::all_crash_policies;
using test_support::crash_policy;
using test_support::memory_file_system;

/// Of so many states one has its start cut off as well, and one is written to.
constexpr std::uint64_t nested_one_in = 16;
constexpr std::uint64_t written_one_in = 4;

/// Spreads numbers that follow each other.
std::uint64_t mixed(std::uint64_t a, std::uint64_t b) {
  std::uint64_t x = a * 0x9e3779b97f4a7c15 + b;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

} // namespace

void crash_sweep::begin() {
  life_.on_disk = [this](const disk_ptr& disk) {
    disk->before_each_change([this] { look(); });
  };
}

void crash_sweep::look() {
  const std::uint64_t point = ++counts_.points;
  const auto only = test_support::only_step();
  // Where there is less to do, fewer points are looked at in every life.
  const std::uint64_t one_in
    = std::max<std::uint64_t>(1, 100 / test_support::amount(100));
  const bool wanted = only ? *only == point : (point + seed_) % one_in == 0;
  if (!wanted || ::testing::Test::HasFailure())
    return;
  world_.listen(life_.expected());
  const random_detour detour{mixed(seed_, point)};
  SCOPED_TRACE(test_support::how_to_repeat(seed_, point));
  look_at_states();
}

void crash_sweep::look_at_states() {
  const oracle& expected = life_.expected();
  const memory_file_system& disk = *life_.disk();
  seen_.clear();
  // A dead process loses nothing that it wrote.
  check(disk.restart(), expected.acknowledged(), mixed(seed_, counts_.points));
  for (std::uint64_t i = 0; i < states_per_point_; ++i) {
    const auto policy = all_crash_policies[i % std::size(all_crash_policies)];
    const std::uint64_t seed
      = mixed(mixed(seed_, counts_.points), i / std::size(all_crash_policies));
    const disk_ptr left = disk.crash(policy, seed);
    ++counts_.states;
    if (!seen_.insert(left->fingerprint()).second)
      continue;
    ++counts_.different_states;
    SCOPED_TRACE(::testing::Message() << "policy " << static_cast<int>(policy));
    check(left, expected.durable(), mixed(seed, i));
    if (::testing::Test::HasFailure())
      return;
  }
}

void crash_sweep::check(const disk_ptr& left, std::size_t first_allowed,
                        std::uint64_t seed) {
  if (seed % nested_one_in == 0)
    check_nested(left, seed);
  const auto opened = check_start(left, first_allowed, seed);
  if (!opened)
    return;
  // What a start has shown is durable, and another start shows the same.
  const disk_ptr again = left->crash(crash_policy::lose_unsynced, 0);
  auto second = look_into(again, how_, opened->now);
  ASSERT_TRUE(second) << "does not start twice: " << to_string(second.error());
  ASSERT_EQ(second->keys, opened->keys) << "a second start finds something "
                                           "else";
  if (seed % written_one_in == 0)
    check_writes(again, *opened);
}

/// Starts the store; what it finds must be allowed.
std::optional<found_store> crash_sweep::check_start(const disk_ptr& left,
                                                    std::size_t first_allowed,
                                                    std::uint64_t seed) {
  const oracle& expected = life_.expected();
  // The wall clock may have been set meanwhile, and the node may have got
  // another number of shards.
  constexpr storage::timestamp_ms clock_steps[] = {0, 0, 500, 2'000, 60'000};
  const auto now = world_.now();
  const auto step = clock_steps[seed / 64 % std::size(clock_steps)];
  profile how = how_;
  if (seed / 8 % 4 == 0)
    how.shard_count = 1 + seed / 32 % 4;
  auto found
    = look_into(left, how, seed / 512 % 2 == 0 ? now + step : now - step);
  if (!found) {
    ADD_FAILURE() << "does not start: " << to_string(found.error());
    return std::nullopt;
  }
  EXPECT_GE(found->now, expected.reported_time()) << "time has gone back";
  if (!expected.find(found->keys, first_allowed, found->now)) {
    ADD_FAILURE() << "finds what never was, promised are states "
                  << first_allowed << " to " << expected.newest_number() << "; "
                  << expected.difference(found->keys, first_allowed,
                                         found->now);
    return std::nullopt;
  }
  return *std::move(found);
}

/// A store that was recovered takes writes, and they survive the next crash
/// with everything else: no remains become valid behind them.
void crash_sweep::check_writes(const disk_ptr& disk, found_store found) {
  mini_store::options chosen;
  chosen.directory = store_directory;
  chosen.segment_bytes = how_.segment_bytes;
  chosen.hash_bits = how_.hash_bits;
  chosen.now = found.now;
  {
    auto opened = mini_store::open(disk, chosen);
    ASSERT_TRUE(opened) << to_string(opened.error());
    for (int i = 0; i < 5; ++i) {
      std::string key = "after";
      key += std::to_string(i);
      ASSERT_TRUE((*opened)->put(key, "v"));
      found.keys.emplace(key, "v");
    }
    ASSERT_TRUE((*opened)->sync());
    ASSERT_TRUE((*opened)->put("not synced", "v"));
  }
  auto after
    = look_into(disk->crash(crash_policy::lose_unsynced, 0), how_, found.now);
  ASSERT_TRUE(after) << to_string(after.error());
  ASSERT_EQ(after->keys, found.keys) << "after a second crash";
}

/// A start that is cut off at one of its own calls.
void crash_sweep::check_nested(const disk_ptr& left, std::uint64_t seed) {
  ++counts_.nested;
  const disk_ptr cut = left->restart();
  cut->power_off_at(1 + seed / 1024 % 24);
  (void)look_into(cut, how_, world_.now());
  SCOPED_TRACE("the start is cut off");
  const auto policy
    = all_crash_policies[seed / 32768 % std::size(all_crash_policies)];
  check_start(cut->crash(policy, seed), life_.expected().durable(),
              mixed(seed, 1));
}

} // namespace kvs::simulation
