#include "tests/simulation/world.hpp"

#include <gtest/gtest.h>

#include <iterator>

namespace kvs::simulation {
namespace {

using storage::testing::contents;
using storage::testing::mini_store;
using test_support::all_crash_policies;

std::string text_of(const std::optional<std::string>& value) {
  return value ? value->substr(0, 12) : "nothing";
}

} // namespace

storage::timestamp_ms expiry_of(const step& what, storage::timestamp_ms now) {
  if (what.what != step_kind::put_expiring)
    return 0;
  return static_cast<storage::timestamp_ms>(static_cast<std::int64_t>(now)
                                            + what.expires_in_ms);
}

expected_change change_of(const step& what, storage::timestamp_ms now) {
  expected_change change;
  change.clears_all = what.what == step_kind::flush;
  for (const auto& [key, value] : what.changes)
    if (value)
      change.keys.emplace_back(key,
                               expected_value{*value, expiry_of(what, now)});
    else
      change.keys.emplace_back(key, std::nullopt);
  return change;
}

storage::result<contents> read_all(world& lived, const profile& how) {
  contents found;
  for (unsigned i = 0; i < how.key_count; ++i) {
    std::string key = "key" + std::to_string(i);
    auto value = lived.get(key);
    if (!value)
      return value.error();
    if (*value)
      found[std::move(key)] = **value;
  }
  return found;
}

bool life::start(const disk_ptr& disk) {
  return start_again(disk, 0);
}

/// What is found must be one of the states that were promised; the life goes
/// on from that.
bool life::start_again(const disk_ptr& disk, std::size_t first_allowed) {
  disk_ = disk;
  if (on_disk)
    on_disk(disk);
  if (const auto problem = lived_.open(disk, wall_clock_)) {
    ADD_FAILURE() << "does not start: " << to_string(*problem);
    return false;
  }
  const auto now = lived_.now();
  EXPECT_GE(now, expected_.reported_time()) << "time has gone back";
  const auto found = read_all(lived_, how_);
  if (!found) {
    ADD_FAILURE() << "cannot read: " << to_string(found.error());
    return false;
  }
  const auto state = expected_.find(*found, first_allowed, now);
  if (!state) {
    ADD_FAILURE() << "a start finds what never was: "
                  << expected_.difference(*found, first_allowed, now);
    return false;
  }
  expected_.settle(*state);
  for (const auto& [key, value] : expected_.newest())
    if (!found->contains(key))
      expected_.expiry_was_reported(value.expires_at);
  return !::testing::Test::HasFailure();
}

bool life::look(const step& what) {
  for (const auto& [key, none] : what.changes) {
    auto value = lived_.get(key);
    if (!value) {
      ADD_FAILURE() << "cannot read " << key << ": "
                    << to_string(value.error());
      return false;
    }
    const auto known = expected_.newest().find(key);
    const auto seen = visible_at(expected_.newest(), lived_.now());
    const auto wanted = seen.find(key);
    const auto right
      = wanted == seen.end() ? !*value : *value && **value == wanted->second;
    EXPECT_TRUE(right) << key << " reads " << text_of(*value) << " instead of "
                       << (wanted == seen.end() ? "nothing"
                                                : wanted->second.substr(0, 12));
    if (known != expected_.newest().end() && wanted == seen.end())
      expected_.expiry_was_reported(known->second.expires_at);
  }
  return !::testing::Test::HasFailure();
}

bool life::run(const step& what) {
  if (what.is_hurried)
    return lived_.run(what, expected_) == step_result::done;
  if (what.what == step_kind::look) {
    lived_.catch_up(expected_);
    return look(what);
  }
  const bool ends = what.what == step_kind::stop || what.what == step_kind::kill
                    || what.what == step_kind::power_cut;
  if (!ends) {
    const auto outcome = lived_.run(what, expected_);
    EXPECT_EQ(outcome, step_result::done) << "a step fails";
    return outcome == step_result::done;
  }
  wall_clock_ = static_cast<storage::timestamp_ms>(
    static_cast<std::int64_t>(lived_.now()) + what.clock_step_ms);
  if (what.what == step_kind::stop) {
    lived_.catch_up(expected_);
    EXPECT_EQ(lived_.stop(), step_result::done) << "a stop fails";
    lived_.die();
    // In every mode.
    expected_.is_durable(expected_.newest_number());
    return start_again(disk_, expected_.durable());
  }
  lived_.listen(expected_);
  const bool loses_cache = what.what == step_kind::power_cut;
  const auto seed = expected_.newest_number() + wall_clock_;
  const auto policy = all_crash_policies[seed % std::size(all_crash_policies)];
  const auto left = loses_cache ? disk_->crash(policy, seed) : disk_->restart();
  disk_->before_each_change({});
  lived_.die();
  if (loses_cache)
    expected_.power_was_cut();
  return start_again(left, expected_.acknowledged());
}

storage::result<found_store> look_into(const disk_ptr& disk, const profile& how,
                                       storage::timestamp_ms wall_clock) {
  mini_store::options chosen;
  chosen.directory = store_directory;
  chosen.segment_bytes = how.segment_bytes;
  chosen.shard_count = how.shard_count;
  chosen.hash_bits = how.hash_bits;
  chosen.now = wall_clock;
  auto opened = mini_store::open(disk, chosen);
  if (!opened)
    return opened.error();
  auto keys = (*opened)->all();
  if (!keys)
    return keys.error();
  return found_store{*std::move(keys), (*opened)->now()};
}

} // namespace kvs::simulation
