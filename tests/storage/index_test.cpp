#include "storage/index.hpp"

#include "storage/index_slot.hpp"
#include "storage/limits.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace kvs::storage {
namespace {

record_location place(std::uint32_t segment, std::uint64_t number,
                      std::uint32_t size_bytes = 64) {
  return {segment_id{segment}, number * 8, size_bytes};
}

std::vector<index_candidate> found_in(const index& tested, key_hash hash) {
  std::vector<index_candidate> found;
  tested.find(hash, found);
  return found;
}

/// What an index must look like, by the plainest means: the records of every
/// hash, the newest first.
class model {
public:
  struct record {
    record_location location;
    bool is_deletion = false;
  };

  std::map<key_hash, std::vector<record>> records;

  void insert(key_hash hash, const record_location& location,
              bool is_deletion = false) {
    auto& row = records[hash];
    row.insert(row.begin(), {location, is_deletion});
  }
  bool remove(key_hash hash, const record_location& location) {
    auto& row = records[hash];
    const auto found
      = std::find_if(row.begin(), row.end(), [&](const record& each) {
          return each.location == location;
        });
    if (found == row.end())
      return false;
    row.erase(found);
    return true;
  }
  bool turn_into_deletion(key_hash hash, const record_location& location) {
    for (record& each : records[hash])
      if (each.location == location)
        return !std::exchange(each.is_deletion, true);
    return false;
  }
  bool move(key_hash hash, const record_location& from,
            const record_location& to) {
    for (record& each : records[hash])
      if (each.location == from) {
        each.location = to;
        return true;
      }
    return false;
  }
};

void expect_same(const model::record& expected, const index_candidate& found) {
  EXPECT_EQ(found.location.segment, expected.location.segment);
  EXPECT_EQ(found.location.offset_bytes, expected.location.offset_bytes);
  EXPECT_EQ(found.is_deletion, expected.is_deletion);
  if (expected.is_deletion)
    return;
  EXPECT_GE(found.location.size_bytes, expected.location.size_bytes);
  EXPECT_LE(found.location.size_bytes,
            expected.location.size_bytes * 9 / 8 + 16);
}

void expect_equal(const index& tested, const model& expected) {
  std::uint64_t size = 0;
  std::map<segment_id, live_share> shares;
  for (const auto& [hash, row] : expected.records) {
    const auto found = found_in(tested, hash);
    ASSERT_EQ(found.size(), row.size());
    EXPECT_EQ(tested.has(hash), !row.empty());
    for (std::size_t i = 0; i < row.size(); ++i) {
      expect_same(row[i], found[i]);
      EXPECT_TRUE(tested.contains(hash, row[i].location));
      live_share& share = shares[row[i].location.segment];
      ++share.records;
      share.bytes += row[i].is_deletion ? 0 : row[i].location.size_bytes;
    }
    size += row.size();
  }
  EXPECT_EQ(tested.size(), size);
  const auto counted = tested.live_segments();
  EXPECT_EQ(counted.size(), shares.size());
  for (const auto& [id, share] : counted) {
    EXPECT_EQ(share.records, shares[id].records);
    EXPECT_EQ(share.bytes, shares[id].bytes);
    EXPECT_EQ(tested.live_in(id).bytes, share.bytes);
  }
}

// Goal: whatever is done to it, and however many hashes agree, the index finds
// exactly the records it was told, the newest first, and its counts are exact.
TEST(IndexTest, BehavesLikeItsModel) {
  for (const unsigned hash_bits : {64U, 20U, 8U}) {
    std::mt19937_64 random{hash_bits};
    index tested{0, partition_count};
    model expected;
    std::vector<std::pair<key_hash, record_location>> known;
    for (std::uint64_t step = 1; step <= 40'000; ++step) {
      const key_hash hash = random() << (64 - hash_bits);
      const auto size = static_cast<std::uint32_t>(8 + random() % 100'000);
      const auto fresh = place(1 + random() % 50, step, size);
      const auto what = random() % 10;
      // Two thirds of the way it grows, then it shrinks.
      if (known.empty() || what < (step < 27'000 ? 6 : 2)) {
        const bool is_deletion = what == 0;
        if (is_deletion)
          tested.insert_deletion(hash, fresh);
        else
          tested.insert(hash, fresh);
        expected.insert(hash, fresh, is_deletion);
        known.emplace_back(hash, fresh);
        continue;
      }
      auto& [old_hash, old_place] = known[random() % known.size()];
      if (what == 9) {
        EXPECT_EQ(tested.move(old_hash, old_place, fresh),
                  expected.move(old_hash, old_place, fresh));
        old_place = fresh;
      } else if (what == 8) {
        EXPECT_EQ(tested.turn_into_deletion(old_hash, old_place),
                  expected.turn_into_deletion(old_hash, old_place));
        EXPECT_TRUE(tested.is_deletion(old_hash, old_place));
      } else {
        EXPECT_EQ(tested.remove(old_hash, old_place),
                  expected.remove(old_hash, old_place));
        EXPECT_FALSE(tested.remove(old_hash, old_place));
        old_hash = known.back().first;
        old_place = known.back().second;
        known.pop_back();
      }
    }
    expect_equal(tested, expected);
  }
}

// Goal: the smallest and the largest hash are homes like all others, also when
// everything falls onto one of them.
TEST(IndexTest, ManyRecordsOfOneHash) {
  for (const key_hash hash : {key_hash{0}, ~key_hash{0}}) {
    index tested{0, partition_count};
    model expected;
    for (std::uint64_t i = 1; i <= 2000; ++i) {
      tested.insert(hash, place(1, i));
      expected.insert(hash, place(1, i));
    }
    expect_equal(tested, expected);
    for (std::uint64_t i = 1; i <= 2000; i += 2) {
      EXPECT_TRUE(tested.remove(hash, place(1, i)));
      expected.remove(hash, place(1, i));
    }
    expect_equal(tested, expected);
  }
}

// Goal: a table whose last lines are full goes on behind them.
TEST(IndexTest, RecordsFlowOverAtTheEndOfATable) {
  for (const bool rising : {true, false}) {
    index tested{0, partition_count};
    model expected;
    for (std::uint64_t i = 1; i <= 500; ++i) {
      const key_hash hash = ~((rising ? 500 - i : i) << 18);
      tested.insert(hash, place(1, i));
      expected.insert(hash, place(1, i));
    }
    expect_equal(tested, expected);
  }
}

TEST(IndexTest, SizeClassesRoundUpByAnEighthAtMost) {
  for (std::uint64_t bytes = 8; bytes <= record_bytes_max;
       bytes += 8 + bytes / 64 / 8 * 8) {
    const std::uint64_t up = class_bytes(size_class_of(bytes));
    ASSERT_GE(up, bytes);
    ASSERT_LE(up * 8, bytes * 9) << bytes;
    // What the class says is in the class.
    ASSERT_EQ(class_bytes(size_class_of(up)), up);
    if (bytes < 128) {
      ASSERT_EQ(up, bytes);
    }
  }
  EXPECT_EQ(size_class_of(0), 0);
  EXPECT_EQ(class_bytes(0), 0);
}

TEST(IndexTest, PlacesReachToTheirLimits) {
  index tested{0, partition_count};
  const record_location last{segment_id{~std::uint32_t{0}},
                             segment_bytes_max - 8, 24};
  tested.insert(7, last);
  EXPECT_TRUE(tested.contains(7, last));
  EXPECT_FALSE(tested.contains(
    7, {last.segment, last.offset_bytes - segment_bytes_max / 2, 24}));
}

// Goal: segments come and go for ever; an index numbers those it refers to.
TEST(IndexTest, NumbersOfSegmentsAreUsedAgain) {
  index tested{0, partition_count};
  for (std::uint32_t id = 1; id <= 3 * index_segments_max; ++id) {
    tested.insert(id, place(id, id));
    if (id > 2) {
      ASSERT_TRUE(tested.remove(id - 2, place(id - 2, id - 2)));
    }
  }
  EXPECT_EQ(tested.live_segments().size(), 2U);
}

TEST(IndexTest, AScanGivesEveryRecordOnceInTheOrderOfHashes) {
  std::mt19937_64 random{1};
  // A range whose ends fall into the middle of tables.
  index tested{4'711, 50'001};
  std::map<std::uint64_t, std::uint64_t> expected;
  for (std::uint64_t i = 1; i <= 30'000; ++i) {
    const key_hash hash = random();
    if (partition_of(hash) < 4'711 || partition_of(hash) >= 50'001)
      continue;
    tested.insert(hash, place(1, i));
    expected[hash] = i * 8;
  }
  for (const std::size_t step : {1U, 100U, 1'000'000U}) {
    std::vector<std::uint64_t> offsets;
    std::uint64_t last_bits = 0;
    std::uint32_t partition = 0;
    while (partition < tested.end_partition()) {
      std::size_t seen = 0;
      partition
        = tested.scan(partition, step,
                      [&](std::uint64_t bits, const index_candidate& record) {
                        EXPECT_GE(bits, last_bits);
                        last_bits = bits;
                        offsets.push_back(record.location.offset_bytes);
                        ++seen;
                      });
      EXPECT_TRUE(seen >= step || partition == tested.end_partition());
    }
    std::vector<std::uint64_t> in_order;
    for (const auto& [hash, offset] : expected)
      in_order.push_back(offset);
    // Hashes that agree in the bits that the index keeps may be swapped; none
    // of these do.
    EXPECT_EQ(offsets, in_order);
  }
}

// Goal: what exists during a whole scan is found by it, whatever comes, goes
// and moves in the meantime.
TEST(IndexTest, AScanSurvivesChanges) {
  std::mt19937_64 random{2};
  index tested{0, partition_count};
  std::map<std::uint64_t, key_hash> stay;
  for (std::uint64_t i = 1; i <= 5'000; ++i) {
    const key_hash hash = random();
    tested.insert(hash, place(1, i));
    stay[i * 8] = hash;
  }
  std::uint64_t fresh = 100'000;
  std::uint32_t partition = 0;
  while (partition < partition_count) {
    partition = tested.scan(partition, 50,
                            [&](std::uint64_t, const index_candidate& record) {
                              stay.erase(record.location.offset_bytes);
                            });
    for (int i = 0; i < 20; ++i)
      tested.insert(random(), place(2, ++fresh));
  }
  EXPECT_TRUE(stay.empty());
}

TEST(IndexTest, AClearedIndexIsEmptyAndUsable) {
  index tested{0, partition_count};
  for (std::uint64_t i = 0; i < 10'000; ++i)
    tested.insert(i << 40, place(1, i));
  tested.clear();
  EXPECT_EQ(tested.size(), 0U);
  EXPECT_TRUE(tested.live_segments().empty());
  EXPECT_FALSE(tested.has(7ULL << 40));
  tested.insert(7, place(3, 1));
  EXPECT_TRUE(tested.contains(7, place(3, 1)));
}

TEST(IndexTest, ReservedRoomIsFilledInOrder) {
  index tested{0, partition_count};
  model expected;
  tested.reserve(0, 1'000);
  for (std::uint64_t i = 0; i < 1'000; ++i) {
    const key_hash hash = i << 38;
    tested.insert(hash, place(1, i + 1));
    expected.insert(hash, place(1, i + 1));
  }
  expect_equal(tested, expected);
}

} // namespace
} // namespace kvs::storage
