#include "tests/simulation/faulty_life.hpp"

#include <gtest/gtest.h>

namespace kvs::simulation {
namespace {

using test_support::crash_policy;

/// What was cut off a file because it was refused must not come back when the
/// cut is all that the disk loses.
constexpr crash_policy power_cuts[]
  = {crash_policy::lose_unsynced, crash_policy::one_hole,
     crash_policy::random_sectors};

} // namespace

bool faulty_life::run(const std::vector<step>& script) {
  disk_ = test_support::memory_file_system::make();
  disk_->fail_any(fault_.nth, fault_.os_error, fault_.for_ever);
  bool goes_on = start(first_start);
  for (std::size_t i = 0; goes_on && i < script.size(); ++i)
    goes_on = take(script[i]);
  if (goes_on)
    goes_on = lived_.catch_up(expected_) != step_result::unknown;
  const bool happened = disk_->has_failed();
  disk_->stop_failing();
  if (goes_on && !::testing::Test::HasFailure())
    check_takes_writes();
  if (is_open_)
    lived_.listen(expected_);
  const disk_ptr killed = disk_->restart();
  std::vector<disk_ptr> cut;
  for (const auto policy : power_cuts)
    cut.push_back(disk_->crash(policy, fault_.nth));
  if (is_open_)
    lived_.die();
  check(killed, expected_.acknowledged(), "after the death of the process");
  for (const auto& left : cut)
    check(left, expected_.durable(), "after a power cut");
  return happened;
}

/// A start may fail, but then it has an error, and may be tried again.
bool faulty_life::start(storage::timestamp_ms wall_clock) {
  auto problem = lived_.open(disk_, wall_clock);
  if (problem && !fault_.for_ever) {
    EXPECT_TRUE(disk_->has_failed()) << to_string(*problem);
    problem = lived_.open(disk_, wall_clock);
    EXPECT_FALSE(problem) << "a second start fails: " << to_string(*problem);
  }
  is_open_ = !problem;
  return is_open_;
}

/// False: the life is over.
bool faulty_life::take(const step& what) {
  if (what.what == step_kind::look) {
    if (lived_.catch_up(expected_) == step_result::unknown)
      return false;
    look(what);
    return !::testing::Test::HasFailure();
  }
  if (what.what >= step_kind::stop)
    return restart(what);
  return lived_.run(what, expected_) != step_result::unknown;
}

/// By an ordered stop or by the death of the process; the disk goes on failing.
bool faulty_life::restart(const step& what) {
  const auto wall_clock = static_cast<storage::timestamp_ms>(
    static_cast<std::int64_t>(lived_.now()) + what.clock_step_ms);
  if (lived_.catch_up(expected_) == step_result::unknown)
    return false;
  auto left = disk_;
  if (what.what != step_kind::stop)
    left = disk_->restart();
  else if (lived_.stop() == step_result::done)
    expected_.is_durable(expected_.newest_number());
  lived_.die();
  disk_ = left;
  is_open_ = false;
  return start(wall_clock)
         && find_state(what.what == step_kind::stop ? expected_.durable()
                                                    : expected_.acknowledged());
}

/// What is there must be a state that was promised; the life goes on from it.
bool faulty_life::find_state(std::size_t first_allowed) {
  auto found = read_all(lived_, how_);
  if (!found && !fault_.for_ever) {
    EXPECT_TRUE(disk_->has_failed()) << to_string(found.error());
    found = read_all(lived_, how_);
    EXPECT_TRUE(found) << "a second read fails: " << to_string(found.error());
  }
  if (!found)
    return false;
  const auto state = expected_.find(*found, first_allowed, lived_.now());
  EXPECT_TRUE(state) << "a start finds what never was: "
                     << expected_.difference(*found, first_allowed,
                                             lived_.now());
  if (state)
    expected_.settle(*state);
  return state.has_value();
}

/// A read may fail as long as the disk does. It may not be wrong.
void faulty_life::look(const step& what) {
  const auto seen = visible_at(expected_.newest(), lived_.now());
  for (const auto& [key, none] : what.changes) {
    const bool had_failed = disk_->has_failed();
    const auto value = lived_.get(key);
    if (!value) {
      // A store that has failed for good cannot persist the time that it would
      // have to before it reports an expiry.
      const bool may_fail
        = fault_.for_ever || !had_failed || lived_.is_read_only();
      EXPECT_TRUE(disk_->has_failed() && may_fail) << to_string(value.error());
      continue;
    }
    const auto wanted = seen.find(key);
    if (wanted == seen.end())
      EXPECT_FALSE(*value) << key << " is there";
    else
      EXPECT_TRUE(*value && **value == wanted->second)
        << key << " is wrong or missing";
  }
}

/// The fault is over: unless a sync has failed, writes go on by themselves.
void faulty_life::check_takes_writes() {
  step rest;
  rest.what = step_kind::rest;
  step put;
  put.changes = {{"key0", "after the fault"}};
  auto outcome = step_result::refused;
  for (int i = 0; i < 4 && outcome == step_result::refused; ++i) {
    lived_.run(rest, expected_);
    outcome = lived_.run(put, expected_);
  }
  EXPECT_TRUE(outcome == step_result::done || lived_.is_read_only())
    << "writes do not go on";
}

void faulty_life::check(const disk_ptr& left, std::size_t first_allowed,
                        const char* what) {
  auto found = look_into(left, how_, lived_.now());
  ASSERT_TRUE(found) << what << ": " << to_string(found.error());
  ASSERT_TRUE(expected_.find(found->keys, first_allowed, found->now))
    << what << ", promised are states " << first_allowed << " to "
    << expected_.newest_number() << "; "
    << expected_.difference(found->keys, first_allowed, found->now);
}

} // namespace kvs::simulation
