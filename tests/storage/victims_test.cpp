#include "storage/victims.hpp"

#include "tests/storage/segment_usages.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace kvs::storage {
namespace {

using ids = std::vector<segment_id>;
using enum compaction_need;

constexpr auto segment_of = testing::segment_of<1000>;
constexpr auto with_tombstones = testing::with_tombstones<1000>;

std::uint64_t reclaimable(const segment_usage& segment,
                          const std::vector<segment_usage>& all,
                          sequence_number unsealed_base
                          = std::numeric_limits<sequence_number>::max()) {
  return reclaimable_bytes(segment, tombstone_rule{all, unsealed_base});
}

compaction_policy policy_of(std::uint64_t segment_bytes) {
  compaction_policy policy;
  policy.segment_bytes = segment_bytes;
  return policy;
}

TEST(ReclaimableTest, IsZeroExactlyIfEverythingWouldBeCopied) {
  const auto clean = segment_of(1, 1, 10, 10);
  EXPECT_EQ(reclaimable(clean, {clean}), 0u);
  const auto half = segment_of(1, 1, 10, 5);
  EXPECT_EQ(reclaimable(half, {half}), 5000u);
  const auto dead = segment_of(1, 1, 10, 0);
  EXPECT_EQ(reclaimable(dead, {dead}), 10'000u);
  auto empty = segment_of(1, 1, 0, 0);
  EXPECT_EQ(reclaimable(empty, {empty}), segment_header_bytes);
}

// Goal: tombstones that have to stay are no reason to compact again and
// again.
TEST(ReclaimableTest, CountsTombstonesOnlyIfTheyMayGo) {
  const auto tombstones = with_tombstones(segment_of(2, 11, 10, 0), 10, 20);
  const auto older = segment_of(1, 1, 10, 9);
  EXPECT_EQ(reclaimable(tombstones, {older, tombstones}), 0u);
  EXPECT_EQ(reclaimable(tombstones, {tombstones}), 10'000u);
  EXPECT_EQ(reclaimable(tombstones, {tombstones}, 20), 0u);
}

// Goal: the age of a record does not jump when the node is started again,
// although sequence numbers do.
TEST(RecordAgesTest, CountRecordsOverSeveralStarts) {
  const sequence_number start = sequence_number{1} << sequence_epoch_shift;
  const std::vector<segment_usage> all{segment_of(1, start + 1, 100, 50),
                                       segment_of(2, 3 * start + 1, 10, 5),
                                       segment_of(3, 3 * start + 11, 20, 5)};
  const record_ages ages{all};
  EXPECT_EQ(ages.since(3 * start + 30), 0u);
  EXPECT_EQ(ages.since(3 * start + 10), 20u);
  EXPECT_EQ(ages.since(start + 100), 30u);
  EXPECT_EQ(ages.since(start + 1), 129u);
  EXPECT_EQ(ages.since(0), 130u);
}

// Goal: nothing is copied before the files exceed the space factor by more than
// a part of a segment.
TEST(ChooseVictimsTest, BeginsWhenTheFilesExceedTheSpaceFactor) {
  // Of 30 records 21 live: with hints the files are 1.48 times as large.
  const std::vector<segment_usage> all{segment_of(1, 1, 10, 5),
                                       segment_of(2, 11, 10, 8),
                                       segment_of(3, 21, 10, 8)};
  auto policy = policy_of(1'000);
  EXPECT_EQ(choose_victims(all, policy, load), ids{});
  policy.space_factor = 1.4;
  EXPECT_EQ(choose_victims(all, policy, load), ids{segment_id{1}});
  policy.unsealed_live_bytes = 1'000;
  EXPECT_EQ(choose_victims(all, policy, load), ids{});
  policy.space_factor = 1.5;
  EXPECT_EQ(choose_victims(all, policy, rest), ids{segment_id{1}});
  policy.rest_space_factor = 1.6;
  EXPECT_EQ(choose_victims(all, policy, rest), ids{});
  EXPECT_NE(choose_victims(all, policy, shortage), ids{});
  EXPECT_NE(choose_victims(all, policy, command), ids{});
}

// Goal: hints that take as much as the records are no reason to copy for ever.
TEST(ExcessTest, AllowsForHintsOfSmallRecords) {
  space_usage space;
  space.segment_bytes = 1'200;
  space.live_bytes = 1'000;
  EXPECT_EQ(excess_bytes(space, 1.5), -300);
  space.hint_bytes = 12;
  EXPECT_NEAR(static_cast<double>(excess_bytes(space, 1.5)), -285, 1);
  space.hint_bytes = 1'200;
  EXPECT_EQ(excess_bytes(space, 1.5), -50);
  EXPECT_EQ(excess_bytes({}, 1.5), 0);
}

// Goal: of two segments that free the same the older one goes first, because
// the younger one will free more if it is given time; and records of different
// age are not mixed.
TEST(ChooseVictimsTest, WeighsAgeAndKeepsAgesApart) {
  std::vector<segment_usage> all{
    segment_of(1, 15'000, 10, 5), segment_of(2, 1, 10, 5),
    segment_of(3, 11, 10, 6), segment_of(4, 20'000, 10, 10)};
  const auto policy = policy_of(100'000);
  EXPECT_EQ(choose_victims(all, policy, command),
            (ids{segment_id{2}, segment_id{3}}));
  // Three times as dead outweighs a quarter of the age.
  all[0] = segment_of(1, 15'000, 10, 2);
  EXPECT_EQ(choose_victims(all, policy, command), ids{segment_id{1}});
}

TEST(ChooseVictimsTest, FillsOneOutputSegment) {
  const std::vector<segment_usage> all{
    segment_of(1, 1, 10, 4), segment_of(2, 11, 10, 3), segment_of(3, 21, 10, 9),
    segment_of(4, 5000, 10, 10)};
  EXPECT_EQ(choose_victims(all, policy_of(6'000), command), ids{segment_id{2}});
  EXPECT_EQ(choose_victims(all, policy_of(7'000), command),
            (ids{segment_id{2}, segment_id{1}}));
  EXPECT_EQ(choose_victims({}, policy_of(6'000), command), ids{});
  auto policy = policy_of(100'000);
  policy.excluded = {segment_id{2}, segment_id{1}};
  EXPECT_EQ(choose_victims(all, policy, command), ids{segment_id{3}});
}

// Goal: what costs no copying is done at once, and alone, so that it also
// works when there is no space for an output.
TEST(ChooseVictimsTest, DropsDeadSegmentsAtOnceAndAlone) {
  std::vector<segment_usage> all{segment_of(1, 1, 10, 2),
                                 segment_of(2, 11, 10, 0),
                                 segment_of(3, 21, 100, 100)};
  EXPECT_EQ(choose_victims(all, policy_of(100'000), load), ids{segment_id{2}});
  // Its tombstones have to stay as long as the first segment has dead records.
  all[1] = with_tombstones(all[1], 10, 20);
  EXPECT_EQ(choose_victims(all, policy_of(100'000), load), ids{});
}

// Goal: a few dead records in an old segment do not keep all later tombstones
// for ever.
TEST(ChooseVictimsTest, RewritesWhatHoldsManyTombstonesInPlace) {
  std::vector<segment_usage> all{
    segment_of(1, 1, 100, 99),
    with_tombstones(segment_of(2, 101, 40, 0), 40, 140)};
  EXPECT_EQ(choose_victims(all, policy_of(10'000), load), ids{});
  all.push_back(with_tombstones(segment_of(3, 141, 40, 0), 40, 180));
  EXPECT_EQ(choose_victims(all, policy_of(10'000), load), ids{segment_id{1}});
  // After that they are dead as a whole.
  all[0] = segment_of(4, 1, 99, 99);
  all[0].entry.purged_at = 180;
  EXPECT_EQ(choose_victims(all, policy_of(10'000), load),
            (ids{segment_id{2}, segment_id{3}}));
}

// Goal: a store that is started often must not end with a file for every
// start, nor copy its bytes each time.
TEST(ChooseVictimsTest, MergesManySmallSegmentsRarely) {
  const auto policy = policy_of(10'000'000);
  std::vector<segment_usage> all;
  std::uint64_t copied_bytes = 0;
  std::uint32_t id = 0;
  for (std::uint64_t start = 0; start < 1000; ++start) {
    all.push_back(segment_of(++id, start * 10 + 1, 10, 10));
    const auto victims = choose_victims(all, policy, load);
    if (victims.empty())
      continue;
    std::uint64_t records = 0;
    std::erase_if(all, [&](const segment_usage& segment) {
      if (std::ranges::find(victims, segment.entry.id) == victims.end())
        return false;
      records += segment.entry.record_count;
      return true;
    });
    copied_bytes += records * 1000;
    all.push_back(segment_of(++id, 1, records, records));
  }
  EXPECT_LE(all.size(), 30u);
  EXPECT_LE(copied_bytes, 10u * 1000 * 10'000);
}

// Goal: a store of a segment or two is not rewritten all the time while it is
// written to, and shrinks as any other when it rests; a large one is no other.
TEST(ChooseVictimsTest, GivesSmallStoresRoom) {
  auto policy = policy_of(100'000);
  policy.small_store_bytes = 4 * policy.segment_bytes;
  std::vector<segment_usage> all;
  for (std::uint32_t id = 1; id <= 5; ++id)
    all.push_back(segment_of(id, id * 100, 100, 30));
  EXPECT_TRUE(choose_victims(all, policy, load).empty());
  EXPECT_FALSE(choose_victims(all, policy, rest).empty());
  for (std::uint32_t id = 6; id <= 40; ++id)
    all.push_back(segment_of(id, id * 100, 100, 30));
  EXPECT_FALSE(choose_victims(all, policy, load).empty());
}

// Goal: what is merged fits the segment that it is copied to; otherwise the
// same row would be tried for ever.
TEST(ChooseVictimsTest, MergesNoMoreThanASegmentHolds) {
  const auto policy = policy_of(100'000);
  std::vector<segment_usage> all;
  for (std::uint32_t id = 1; id <= 20; ++id)
    all.push_back(segment_of(id, id * 100, 12, 12));
  std::uint64_t bytes = 0;
  for (const auto id : choose_victims(all, policy, load))
    bytes += std::ranges::find(all, id, [](const segment_usage& each) {
               return each.entry.id;
             })->entry.end_bytes;
  EXPECT_GT(bytes, 0u);
  EXPECT_LE(bytes, policy.segment_bytes);
}

} // namespace
} // namespace kvs::storage
