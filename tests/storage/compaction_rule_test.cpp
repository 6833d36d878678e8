#include "storage/compaction.hpp"
#include "tests/storage/segment_usages.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

namespace kvs::storage {
namespace {

constexpr auto no_unsealed = std::numeric_limits<sequence_number>::max();

constexpr auto segment_of = testing::segment_of<100>;
constexpr auto with_tombstones = testing::with_tombstones<100>;

bool may_go(sequence_number sequence, std::vector<std::uint32_t> victims,
            const std::vector<segment_usage>& all,
            sequence_number unsealed_base = no_unsealed) {
  std::vector<segment_id> ids;
  for (const std::uint32_t id : victims)
    ids.push_back(segment_id{id});
  return tombstone_may_go(sequence, ids, all, unsealed_base);
}

// G1: a deleted key came back because its tombstone was dropped while an
// older file outside the merge still held the value.
TEST(TombstoneRuleTest, G1StaysWhileAnOlderSegmentHasDeadRecords) {
  const std::vector<segment_usage> all{segment_of(1, 1, 10, 9),
                                       segment_of(2, 11, 10, 5)};
  EXPECT_FALSE(may_go(15, {2}, all));
  EXPECT_TRUE(may_go(15, {1, 2}, all));
}

// G2: a tombstone that was out of date already was dropped without asking.
TEST(TombstoneRuleTest, G2AnOutdatedTombstoneFollowsTheSameRule) {
  // The record it hides is in segment 3: it was relocated there and carries
  // its old number, although the file is the newest.
  segment_usage relocated = segment_of(3, 2, 5, 4);
  relocated.entry.kind = segment_kind::relocation;
  relocated.entry.purged_at = 4;
  const std::vector<segment_usage> all{segment_of(1, 20, 10, 5), relocated};
  EXPECT_FALSE(may_go(21, {1}, all));
  EXPECT_FALSE(may_go(5, {1}, all));
  // It began after the tombstone was applied, so it copied nothing hidden.
  EXPECT_TRUE(may_go(4, {1}, all));
}

TEST(TombstoneRuleTest, GoesWhenOthersHoldOnlyHigherNumbers) {
  const std::vector<segment_usage> all{segment_of(1, 1, 10, 5),
                                       segment_of(2, 11, 10, 5)};
  EXPECT_TRUE(may_go(10, {1}, all));
  EXPECT_FALSE(may_go(11, {1}, all));
}

TEST(TombstoneRuleTest, GoesWhenOthersHaveNoDeadPut) {
  EXPECT_TRUE(
    may_go(15, {2}, {segment_of(1, 1, 10, 10), segment_of(2, 11, 10, 5)}));
  // Tombstones hide nothing that another tombstone would have to hide.
  EXPECT_TRUE(may_go(15, {2},
                     {with_tombstones(segment_of(1, 1, 10, 7), 3, 10),
                      segment_of(2, 11, 10, 5)}));
}

TEST(TombstoneRuleTest, StaysWhileTheActiveSegmentMayHoldOlderRecords) {
  const std::vector<segment_usage> all{segment_of(1, 1, 10, 5)};
  EXPECT_TRUE(may_go(10, {1}, all, 11));
  EXPECT_FALSE(may_go(10, {1}, all, 10));
}

struct judged {
  record_type type;
  timestamp_ms expires_at;
  liveness found;
  bool may_drop;
  verdict expected;
};

// Goal: the whole table. `now` is 100; 50 has expired, 150 has not.
TEST(JudgeTest, DecidesEveryCase) {
  using enum verdict;
  constexpr auto put = record_type::put;
  constexpr auto tombstone = record_type::tombstone;
  constexpr auto live = liveness::live;
  constexpr auto superseded = liveness::superseded;
  constexpr auto absent = liveness::absent;
  constexpr judged table[] = {
    {put, 0, live, false, copy},
    {put, 0, live, true, copy},
    {put, 0, superseded, false, drop},
    {put, 0, absent, false, drop},
    {put, 150, live, false, copy},
    {put, 150, superseded, false, drop},
    // Deleted, or swept by a shard whose clock is ahead: keep the shadow.
    {put, 150, absent, false, copy_as_tombstone},
    {put, 150, absent, true, drop},
    {put, 50, live, false, copy_as_tombstone},
    {put, 50, live, true, drop},
    {put, 50, superseded, false, drop},
    {put, 50, absent, false, copy_as_tombstone},
    {put, 50, absent, true, drop},
    {tombstone, 0, superseded, false, drop},
    {tombstone, 0, absent, false, copy},
    {tombstone, 0, absent, true, drop},
    {record_type::flush, 0, absent, false, drop},
    {record_type::mark, 0, absent, false, drop},
    {record_type::seal, 0, absent, false, drop},
  };
  for (const judged& each : table) {
    record_head head;
    head.type = each.type;
    head.expires_at = each.expires_at;
    EXPECT_EQ(judge(head, each.found, 100, each.may_drop), each.expected)
      << static_cast<int>(each.type) << " " << each.expires_at << " "
      << static_cast<int>(each.found) << " " << each.may_drop;
  }
}

} // namespace
} // namespace kvs::storage
