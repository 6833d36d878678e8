#include "storage/index.hpp"

#include "storage/limits.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace kvs::storage {
namespace {

index whole_index() {
  return {0, partition_count};
}

index_entry entry_of(std::uint32_t segment, sequence_number sequence,
                     timestamp_ms expires_at = 0) {
  return {{segment_id{segment}, sequence * 64, 64}, sequence, expires_at};
}

std::string key_number(std::uint64_t number) {
  return "key-" + std::to_string(number);
}

/// All entries, found by scanning.
std::map<std::string, index_entry> entries_of(const index& tested) {
  std::map<std::string, index_entry> found;
  tested.scan(0, ~std::size_t{0},
              [&](std::string_view key, const index_entry& entry) {
                EXPECT_TRUE(found.emplace(key, entry).second) << key;
              });
  return found;
}

void expect_shares_equal_a_recount(const index& tested) {
  std::map<segment_id, live_share> counted;
  for (const auto& [key, entry] : entries_of(tested)) {
    live_share& share = counted[entry.location.segment];
    ++share.records;
    share.bytes += entry.location.size_bytes;
  }
  const auto kept = tested.live_segments();
  EXPECT_EQ(kept.size(), counted.size());
  for (const auto& [id, share] : kept) {
    EXPECT_EQ(share.records, counted[id].records);
    EXPECT_EQ(share.bytes, counted[id].bytes);
    EXPECT_EQ(tested.live_in(id).records, share.records);
  }
}

/// What the index must look like, by the plainest means.
struct model {
  std::map<std::string, index_entry> keys;

  bool put(const std::string& key, const index_entry& entry) {
    const auto found = keys.find(key);
    if (found != keys.end() && found->second.sequence >= entry.sequence)
      return false;
    keys[key] = entry;
    return true;
  }
  bool erase(const std::string& key, sequence_number sequence) {
    const auto found = keys.find(key);
    if (found == keys.end() || found->second.sequence >= sequence)
      return false;
    keys.erase(found);
    return true;
  }
};

void expect_equal(const index& tested, const model& expected) {
  const auto found = entries_of(tested);
  ASSERT_EQ(tested.size(), expected.keys.size());
  ASSERT_EQ(found.size(), expected.keys.size());
  for (const auto& [key, entry] : expected.keys) {
    ASSERT_TRUE(found.contains(key)) << key;
    EXPECT_EQ(found.at(key).sequence, entry.sequence);
    EXPECT_EQ(found.at(key).location, entry.location);
    EXPECT_EQ(found.at(key).expires_at, entry.expires_at);
  }
}

/// One random change, applied to both.
void change_both(index& tested, model& expected, std::mt19937_64& random,
                 const key_hasher& hasher, std::uint64_t hash_mask) {
  const std::string key = key_number(random() % 500);
  const key_hash hash = hasher(key) & hash_mask;
  const sequence_number sequence = 1 + random() % 5000;
  switch (random() % 8) {
    case 0:
    case 1:
      EXPECT_EQ(tested.erase(hash, key, sequence),
                expected.erase(key, sequence));
      return;
    case 2: {
      const index_entry* const found = tested.find(hash, key);
      if (found == nullptr)
        return;
      const record_location from = found->location;
      const record_location to{segment_id{99}, random() % 4096 * 8, 72};
      EXPECT_TRUE(tested.move(hash, key, from, to));
      expected.keys[key].location = to;
      EXPECT_FALSE(tested.move(hash, key, {segment_id{98}, 0, 8}, from));
      return;
    }
    default: {
      const auto entry = entry_of(static_cast<std::uint32_t>(random() % 5),
                                  sequence, random() % 3 * 100);
      EXPECT_EQ(tested.put(hash, key, entry), expected.put(key, entry));
    }
  }
}

// Goal: the index is a plain map from key to newest record, also when hashes
// are cut to 8 bits, so that most keys collide.
TEST(IndexTest, BehavesLikeAMapWhateverTheHashDoes) {
  for (const std::uint64_t mask : {~0ull, 0xffull << 40, 0ull})
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      std::mt19937_64 random{seed};
      const key_hasher hasher{seed};
      index tested = whole_index();
      model expected;
      for (int i = 0; i < 4000; ++i)
        change_both(tested, expected, random, hasher, mask);
      expect_equal(tested, expected);
      expect_shares_equal_a_recount(tested);
      std::erase_if(expected.keys, [](const auto& item) {
        return item.second.sequence < 2500;
      });
      tested.erase_below(2500);
      expect_equal(tested, expected);
      expect_shares_equal_a_recount(tested);
    }
}

// Goal: recovery reads segments in any order and must always arrive at the
// same state; a deletion may be seen before what it deletes.
TEST(IndexTest, AnyOrderOfApplicationGivesTheSameState) {
  struct change {
    std::string key;
    bool is_put;
    sequence_number sequence;
  };
  std::mt19937_64 random{11};
  std::vector<change> log;
  for (sequence_number i = 1; i <= 600; ++i)
    log.push_back({key_number(random() % 60), random() % 3 != 0, i});
  model expected;
  for (const change& each : log)
    if (each.is_put)
      expected.put(each.key, entry_of(1, each.sequence));
    else
      expected.erase(each.key, each.sequence);
  const key_hasher hasher{5};
  for (int round = 0; round < 20; ++round) {
    std::shuffle(log.begin(), log.end(), random);
    index tested = whole_index();
    for (const change& each : log)
      if (each.is_put)
        tested.put(hasher(each.key), each.key, entry_of(1, each.sequence));
      else
        tested.recover_tombstone(hasher(each.key), each.key, each.sequence);
    expect_equal(tested, expected);
    tested.drop_tombstones();
    expect_equal(tested, expected);
    expect_shares_equal_a_recount(tested);
  }
}

TEST(IndexTest, ARecoveredTombstoneIsNoKey) {
  index tested = whole_index();
  tested.recover_tombstone(7, "k", 10);
  EXPECT_EQ(tested.find(7, "k"), nullptr);
  EXPECT_EQ(tested.size(), 0u);
  EXPECT_FALSE(tested.put(7, "k", entry_of(1, 9)));
  EXPECT_TRUE(tested.put(7, "k", entry_of(1, 11)));
  EXPECT_EQ(tested.size(), 1u);
}

TEST(IndexTest, SweepRemovesExactlyWhatHasExpired) {
  const key_hasher hasher{3};
  index tested = whole_index();
  for (std::uint64_t i = 0; i < 3000; ++i)
    tested.put(hasher(key_number(i)), key_number(i),
               entry_of(1, i + 1, i % 3 == 0 ? 0 : 100 + i));
  std::set<std::string> swept;
  int calls = 1;
  while (!tested.sweep_expired(
    1600, 50, [&](std::string_view key, const index_entry& entry) {
      EXPECT_TRUE(entry.expired_at(1600));
      swept.insert(std::string{key});
    }))
    ++calls;
  EXPECT_GE(calls, 1000 / 60);
  for (std::uint64_t i = 0; i < 3000; ++i)
    EXPECT_EQ(swept.contains(key_number(i)), i % 3 != 0 && 100 + i <= 1600);
  EXPECT_EQ(tested.size(), 3000 - swept.size());
  expect_shares_equal_a_recount(tested);
  EXPECT_TRUE(tested.sweep_expired(1600, 1, {}));
}

TEST(IndexTest, CountsWhatHasADeadlineAndWhatHasExpired) {
  const key_hasher hasher{3};
  index tested = whole_index();
  auto put = [&](std::uint64_t number, sequence_number sequence,
                 timestamp_ms expires_at) {
    tested.put(hasher(key_number(number)), key_number(number),
               entry_of(1, sequence, expires_at));
  };
  put(1, 1, 5'000);
  put(2, 2, 7'000);
  put(3, 3, 9'000);
  put(4, 4, 0);
  put(3, 5, 0);
  put(4, 6, 8'000);
  EXPECT_EQ(tested.expiring().keys, 3u);
  EXPECT_EQ(tested.expiring().deadlines_sum_s, 20u);
  EXPECT_EQ(tested.count_expired(4'999),
            std::pair(std::uint64_t{0}, timestamp_ms{0}));
  EXPECT_EQ(tested.count_expired(7'500),
            std::pair(std::uint64_t{2}, timestamp_ms{7'000}));
  EXPECT_TRUE(tested.sweep_expired(7'500, 100, {}));
  EXPECT_EQ(tested.count_expired(7'500).first, 0u);
  EXPECT_EQ(tested.expiring().keys, 1u);
  EXPECT_EQ(tested.expiring().deadlines_sum_s, 8u);
}

TEST(IndexTest, SweepSeesAnExpiryThatWasSetLater) {
  index tested = whole_index();
  EXPECT_TRUE(tested.sweep_expired(10, 100, {}));
  tested.put(1, "k", entry_of(1, 1, 5));
  EXPECT_TRUE(tested.sweep_expired(10, 100, {}));
  EXPECT_EQ(tested.size(), 0u);
}

// Goal: a scan returns every key that is there from its beginning to its end,
// while others come and go and the partitions grow.
TEST(IndexTest, AScanCoversEveryKeyThatStays) {
  const key_hasher hasher{9};
  index tested = whole_index();
  for (std::uint64_t i = 0; i < 5000; ++i)
    tested.put(hasher(key_number(i)), key_number(i), entry_of(1, i + 1));
  std::set<std::string> seen;
  std::uint64_t fresh = 10'000;
  for (std::uint32_t at = 0; at != tested.end_partition();) {
    at = tested.scan(at, 100, [&](std::string_view key, const index_entry&) {
      seen.insert(std::string{key});
    });
    for (int i = 0; i < 300; ++i, ++fresh)
      tested.put(hasher(key_number(fresh)), key_number(fresh),
                 entry_of(2, fresh));
  }
  for (std::uint64_t i = 0; i < 5000; ++i)
    EXPECT_TRUE(seen.contains(key_number(i)));
}

// Goal: what one step of a scan returns is bounded by bytes, too.
TEST(IndexTest, AScanPausesAfterAMebibyteOfKeys) {
  const key_hasher hasher{9};
  index tested = whole_index();
  const std::string tail(64'000, 'x');
  for (std::uint64_t i = 0; i < 50; ++i)
    tested.put(hasher(key_number(i) + tail), key_number(i) + tail,
               entry_of(1, i + 1));
  std::size_t seen = 0;
  for (std::uint32_t at = 0; at != tested.end_partition();) {
    std::size_t step_bytes = 0;
    at = tested.scan(at, 1000, [&](std::string_view key, const index_entry&) {
      step_bytes += key.size();
      ++seen;
    });
    EXPECT_LT(step_bytes, 2 * mebibyte);
  }
  EXPECT_EQ(seen, 50u);
}

TEST(IndexTest, ShardsDivideThePartitionsWithoutGapOrOverlap) {
  for (std::uint32_t shards = 1; shards <= 17; ++shards) {
    EXPECT_EQ(first_partition(0, shards), 0u);
    EXPECT_EQ(first_partition(shards, shards), partition_count);
    for (std::uint32_t i = 0; i < shards; ++i) {
      const auto first = first_partition(i, shards);
      const auto end = first_partition(i + 1, shards);
      EXPECT_EQ(shard_of_partition(first, shards), i);
      EXPECT_EQ(shard_of_partition(end - 1, shards), i);
    }
  }
}

TEST(KeyHasherTest, DependsOnTheSeed) {
  EXPECT_EQ(key_hasher{1}("key"), key_hasher{1}("key"));
  EXPECT_NE(key_hasher{1}("key"), key_hasher{2}("key"));
  EXPECT_NE(key_hasher{1}(""), key_hasher{2}(""));
}

} // namespace
} // namespace kvs::storage
