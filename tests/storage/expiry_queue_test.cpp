#include "storage/expiry_queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace kvs::storage {
namespace {

expiring_record record(std::uint64_t number, timestamp_ms expires_at) {
  return {number, {segment_id{1}, number * 8, 64}, expires_at};
}

std::vector<std::uint64_t> hashes_of(std::vector<expiring_record> records) {
  std::vector<std::uint64_t> hashes;
  for (const auto& each : records)
    hashes.push_back(each.hash);
  std::sort(hashes.begin(), hashes.end());
  return hashes;
}

constexpr std::size_t everything = ~std::size_t{0};

TEST(ExpiryQueueTest, GivesOutWhatHasExpiredAndNothingElse) {
  std::mt19937_64 random{1};
  expiry_queue tested;
  std::multimap<timestamp_ms, std::uint64_t> expected;
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    const timestamp_ms when = 1 + random() % 100'000;
    tested.add(record(i, when));
    expected.emplace(when, i);
  }
  for (timestamp_ms now = 0; now <= 100'000; now += 1 + random() % 3000) {
    ASSERT_EQ(tested.size(), expected.size());
    if (!expected.empty()) {
      ASSERT_EQ(tested.earliest(), expected.begin()->first);
    }
    std::vector<std::uint64_t> due;
    while (!expected.empty() && expected.begin()->first <= now) {
      due.push_back(expected.begin()->second);
      expected.erase(expected.begin());
    }
    std::sort(due.begin(), due.end());
    ASSERT_EQ(hashes_of(tested.take_expired(now, everything)), due);
  }
  tested.take_expired(~timestamp_ms{0}, everything);
  EXPECT_EQ(tested.earliest(), 0U);
  EXPECT_EQ(tested.size(), 0U);
}

TEST(ExpiryQueueTest, GivesOutALimitedNumberAtATime) {
  expiry_queue tested;
  for (std::uint64_t i = 0; i < 10'000; ++i)
    tested.add(record(i, 500));
  std::size_t taken = 0;
  for (int turn = 0; turn < 100 && tested.size() != 0; ++turn) {
    const auto some = tested.take_expired(1000, 2000);
    EXPECT_LT(some.size(), 2000U + 1024U);
    taken += some.size();
  }
  EXPECT_EQ(taken, 10'000U);
}

// Goal: setting an expiry again and again does not fill the memory.
TEST(ExpiryQueueTest, ForgetsWhatNobodyWantsAnyMore) {
  expiry_queue tested;
  std::uint64_t newest = 0;
  std::uint64_t most = 0;
  for (std::uint64_t i = 0; i < 1'000'000; ++i) {
    newest = i;
    tested.add(record(i, 1'000'000 + i));
    if (i % 100 == 0)
      tested.purge_some(
        [&](const expiring_record& each) { return each.hash == newest; });
    most = std::max(most, tested.size());
  }
  EXPECT_LT(most, 100'000U);
  EXPECT_EQ(hashes_of(tested.take_expired(~timestamp_ms{0}, everything)).back(),
            newest);
}

TEST(ExpiryQueueTest, KeepsWhatIsWanted) {
  expiry_queue tested;
  for (std::uint64_t i = 0; i < 50'000; ++i) {
    tested.add(record(i, 1 + i));
    tested.purge_some([](const expiring_record&) { return true; });
  }
  EXPECT_EQ(tested.size(), 50'000U);
}

} // namespace
} // namespace kvs::storage
