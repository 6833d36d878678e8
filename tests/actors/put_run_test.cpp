#include "actors/put_run.hpp"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace kvs::actors {
namespace {

/// The key must live as long.
operation put_of(std::string_view key, storage::key_hash hash) {
  operation op;
  op.kind = operation_kind::put;
  op.key = key;
  op.hash = hash;
  return op;
}

TEST(PutRunTest, APutIsReplacedByALaterOneOfItsKey) {
  const auto put_a = put_of("a", 1);
  const auto put_b = put_of("b", 2);
  put_run run;
  for (const auto* each : {&put_a, &put_b, &put_a, &put_a})
    run.add(*each);
  EXPECT_TRUE(run.replaces_any());
  EXPECT_TRUE(run.is_replaced(0));
  EXPECT_FALSE(run.is_replaced(1));
  EXPECT_TRUE(run.is_replaced(2));
  EXPECT_FALSE(run.is_replaced(3));
}

// Goal: keys decide, not their hashes.
TEST(PutRunTest, KeysOfOneHashAreDifferentKeys) {
  const std::array puts = {put_of("a", 7), put_of("b", 7)};
  put_run run;
  for (const auto& each : puts)
    run.add(each);
  EXPECT_FALSE(run.replaces_any());
  run.add(puts[0]);
  EXPECT_TRUE(run.is_replaced(0));
  EXPECT_FALSE(run.is_replaced(1));
}

// Goal: a run knows nothing of the one before; full runs of few and of many
// keys are divided rightly.
TEST(PutRunTest, ManyFullRunsAreWhatAMapSays) {
  std::mt19937_64 random{5};
  std::deque<std::string> keys;
  std::deque<operation> puts;
  for (std::size_t i = 0; i < put_run::puts_max; ++i) {
    keys.push_back("key" + std::to_string(i));
    // Many share the cell where the search for them begins.
    puts.push_back(put_of(keys.back(), random() & 0xffff'ffff'0000'00ff));
  }
  put_run run;
  for (const std::size_t key_count : {1U, 3U, 200U, 2048U}) {
    run.clear();
    std::map<std::string_view, std::size_t> last;
    std::vector<const operation*> added;
    for (std::size_t i = 0; i < put_run::puts_max; ++i) {
      added.push_back(&puts[random() % key_count]);
      run.add(*added.back());
      last[added.back()->key] = i;
    }
    ASSERT_EQ(run.size(), put_run::puts_max);
    for (std::size_t i = 0; i < added.size(); ++i)
      ASSERT_EQ(run.is_replaced(i), last.at(added[i]->key) != i) << i;
    run.clear();
    EXPECT_EQ(run.size(), 0u);
    EXPECT_FALSE(run.replaces_any());
  }
}

} // namespace
} // namespace kvs::actors
