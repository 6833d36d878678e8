#include "storage/recovery.hpp"
#include "tests/storage/mini_store.hpp"
#include "tests/support/memory_file_system.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace kvs::storage {
namespace {

using test_support::disk_call;
using test_support::memory_file_system;
using testing::contents;
using testing::mini_store;

/// A store whose active segment holds three records and was not closed.
class RecoveryTailTest : public ::testing::Test {
protected:
  void SetUp() override {
    auto opened = mini_store::open(disk, {});
    ASSERT_TRUE(opened);
    store = *std::move(opened);
    active
      = "store/"
        + segment_file_name(store->parts().active->id(), segment_kind::log);
    next = "store/"
           + segment_file_name(store->parts().next->id(), segment_kind::log);
    ASSERT_TRUE(store->put("a", "1"));
    ASSERT_TRUE(store->put("b", "2"));
    before_last = size(active);
  }

  std::size_t size(const std::string& path) const {
    return disk->content(path).size();
  }
  void expect_contents(const contents& expected, std::uint64_t torn_bytes) {
    auto copy = disk->restart();
    for (int i = 0; i < 2; ++i) {
      auto opened = mini_store::open(copy, {});
      ASSERT_TRUE(opened) << to_string(opened.error());
      EXPECT_EQ(*(*opened)->all(), expected);
      EXPECT_EQ((*opened)->report().torn_bytes, i == 0 ? torn_bytes : 0);
      EXPECT_EQ((*opened)->report().torn_file.empty(),
                i != 0 || torn_bytes == 0);
    }
  }
  /// `keys`: what the refusal says of them.
  void expect_refused(const std::string& file, std::uint64_t offset_bytes,
                      const std::string& keys) {
    const auto manifest_before = disk->content("store/MANIFEST");
    const auto active_before = disk->content(active);
    auto copy = disk->restart();
    for (int i = 0; i < 2; ++i) {
      auto opened = mini_store::open(copy, {});
      ASSERT_FALSE(opened);
      EXPECT_EQ(opened.error().code, errc::corrupt);
      const std::string& said = opened.error().context;
      const std::string place
        = file + " offset " + std::to_string(offset_bytes);
      EXPECT_TRUE(said.starts_with(place + ":")
                  || said.starts_with(place + " to "))
        << said;
      EXPECT_NE(said.find(keys), std::string::npos) << said;
    }
    EXPECT_EQ(copy->content("store/MANIFEST"), manifest_before);
    EXPECT_EQ(copy->content(active), active_before);
  }

  std::shared_ptr<memory_file_system> disk = memory_file_system::make();
  std::unique_ptr<mini_store> store;
  std::string active;
  std::string next;
  std::size_t before_last = 0;
};

TEST_F(RecoveryTailTest, ATornTailIsCutAtEveryByteOfTheLastRecord) {
  ASSERT_TRUE(store->put("the last key", std::string(60, 'v')));
  const auto whole = disk->content(active);
  for (std::size_t cut = before_last; cut < whole.size(); ++cut) {
    auto torn = whole;
    torn.resize(cut);
    std::size_t used = cut;
    while (used > before_last && torn[used - 1] == std::byte{0})
      --used;
    disk->put_content(active, torn);
    expect_contents({{"a", "1"}, {"b", "2"}}, used - before_last);
  }
}

TEST_F(RecoveryTailTest, ATailOfZerosIsNoTear) {
  auto bytes = disk->content(active);
  bytes.resize(bytes.size() + 100'000);
  disk->put_content(active, bytes);
  expect_contents({{"a", "1"}, {"b", "2"}}, 0);
}

TEST_F(RecoveryTailTest, MissingBytesInsideTheLastRecordAreATear) {
  ASSERT_TRUE(store->put("c", std::string(2000, 'v')));
  auto bytes = disk->content(active);
  std::fill(bytes.begin() + static_cast<long>(before_last) + 600,
            bytes.begin() + static_cast<long>(before_last) + 1100,
            std::byte{0});
  disk->put_content(active, bytes);
  expect_contents({{"a", "1"}, {"b", "2"}}, 24 + 1 + 2000);
}

// Goal: the hardest garbage is an intact record that an older segment had at
// exactly this offset.
TEST_F(RecoveryTailTest, AStaleRecordOfAnotherSegmentIsNotReplayed) {
  auto other = memory_file_system::make();
  auto opened = mini_store::open(other, {});
  ASSERT_TRUE(opened);
  ASSERT_TRUE((*opened)->put("a", "1"));
  ASSERT_TRUE((*opened)->put("b", "2"));
  ASSERT_TRUE((*opened)->put("stale", "3"));
  const auto foreign = other->content(active);
  auto bytes = disk->content(active);
  ASSERT_GT(foreign.size(), bytes.size());
  bytes.insert(bytes.end(), foreign.begin() + static_cast<long>(bytes.size()),
               foreign.end());
  disk->put_content(active, bytes);
  auto after = mini_store::open(disk->restart(), {});
  ASSERT_TRUE(after);
  EXPECT_EQ(*(*after)->all(), (contents{{"a", "1"}, {"b", "2"}}));
  EXPECT_NE((*after)->report().torn_bytes, 0u);
}

TEST_F(RecoveryTailTest, NothingBehindATearIsReplayed) {
  ASSERT_TRUE(store->put("torn", "3"));
  ASSERT_TRUE(store->put("behind", "4"));
  disk->flip_bit(active, before_last + 20, 0);
  auto after = mini_store::open(disk->restart(), {});
  ASSERT_TRUE(after);
  EXPECT_EQ(*(*after)->all(), (contents{{"a", "1"}, {"b", "2"}}));
}

// Goal: acknowledged data that has rotten is refused at every byte, and
// nothing is changed, so that it can be salvaged.
TEST_F(RecoveryTailTest, DamageBeforeDurableToIsRefused) {
  ASSERT_TRUE(store->sync());
  ASSERT_TRUE(store->put("c", "3"));
  for (std::uint64_t at = segment_header_bytes; at < before_last; ++at) {
    const std::uint64_t record = at < segment_header_bytes + 32
                                   ? segment_header_bytes
                                   : segment_header_bytes + 32;
    // Padding is covered by no checksum.
    if (at >= record + 26)
      continue;
    disk->flip_bit(active, at, static_cast<unsigned>(at % 8));
    expect_refused(active, record,
                   record == segment_header_bytes
                     ? "keys between the beginning and \"b\""
                     : "keys between \"a\" and \"c\"");
    disk->flip_bit(active, at, static_cast<unsigned>(at % 8));
  }
}

TEST_F(RecoveryTailTest, AMarkVouchesForTheLastGroup) {
  ASSERT_TRUE(store->put("c", "3"));
  ASSERT_TRUE(store->sync());
  disk->flip_bit(active, before_last + 20, 0);
  expect_contents({{"a", "1"}, {"b", "2"}}, 26);
  disk->flip_bit(active, before_last + 20, 0);
  ASSERT_TRUE(store->mark());
  disk->flip_bit(active, before_last + 20, 0);
  expect_refused(active, before_last, "keys between \"b\" and the end");
}

TEST_F(RecoveryTailTest, ABatchIsAppliedAsAWholeOrNotAtAll) {
  ASSERT_TRUE(store->batch(
    {{"a", "batch"}, {"b", std::nullopt}, {"c", std::string(700, 'c')}}));
  const auto whole = disk->content(active);
  for (std::size_t cut = before_last; cut < whole.size(); cut += 5) {
    auto torn = whole;
    torn.resize(cut);
    disk->put_content(active, torn);
    auto after = mini_store::open(disk->restart(), {});
    ASSERT_TRUE(after);
    EXPECT_EQ(*(*after)->all(), (contents{{"a", "1"}, {"b", "2"}}));
  }
  disk->put_content(active, whole);
  expect_contents({{"a", "batch"}, {"c", std::string(700, 'c')}}, 0);
}

// Goal: a refusal names the record that is damaged, not the batch around it.
TEST_F(RecoveryTailTest, DamageInABatchIsNamedByItsRecord) {
  ASSERT_TRUE(store->batch({{"c", "3"}, {"d", "4"}, {"e", "5"}}));
  ASSERT_TRUE(store->sync());
  ASSERT_TRUE(store->mark());
  const std::uint64_t record_d
    = before_last + record_head_bytes + record_bytes(1, 1, false);
  disk->flip_bit(active, record_d + record_head_bytes + 1, 3);
  expect_refused(active, record_d, "; key \"d\"");
  disk->flip_bit(active, record_d + record_head_bytes + 1, 3);
  disk->flip_bit(active, record_d + 9, 3);
  expect_refused(active, record_d, "keys between \"c\" and \"e\"");
  disk->flip_bit(active, record_d + 9, 3);
  // Of the batch itself.
  disk->flip_bit(active, before_last + 9, 3);
  expect_refused(active, before_last, "keys between \"b\" and \"c\"");
}

TEST_F(RecoveryTailTest, RecordsInTheNextSegmentNeedACompletePredecessor) {
  ASSERT_TRUE(store->rotate());
  ASSERT_TRUE(store->put("in next", "3"));
  expect_contents({{"a", "1"}, {"b", "2"}, {"in next", "3"}}, 0);
  // Without its seal the active segment may have lost records, too.
  auto bytes = disk->content(active);
  bytes.resize(before_last);
  disk->put_content(active, bytes);
  auto after = mini_store::open(disk->restart(), {});
  ASSERT_TRUE(after);
  EXPECT_EQ(*(*after)->all(), (contents{{"a", "1"}, {"b", "2"}}));
}

// Goal: once something in the next segment was synced, the active one must
// be complete.
TEST_F(RecoveryTailTest, ASyncedNextSegmentVouchesForItsPredecessor) {
  const auto manifest_before = disk->content("store/MANIFEST");
  ASSERT_TRUE(store->rotate());
  ASSERT_TRUE(store->put("in next", "3"));
  ASSERT_TRUE(store->sync());
  ASSERT_TRUE(store->put("in next", "4"));
  // The state before the MANIFEST says that the first one is sealed.
  disk->put_content("store/MANIFEST", manifest_before);
  (void)disk->unlink("store/000003.log");
  expect_contents({{"a", "1"}, {"b", "2"}, {"in next", "4"}}, 0);
  auto bytes = disk->content(active);
  bytes.resize(before_last);
  disk->put_content(active, bytes);
  expect_refused(active, before_last, "keys between \"b\" and the end");
}

// Goal: what a start has seen in the cache is on the disk before it is
// believed, and the file that may be on the disk already is never written to.
TEST_F(RecoveryTailTest, TheTailIsLoggedOnceMoreAndSynced) {
  ASSERT_TRUE(store->put("c", "3"));
  const auto before = disk->content(active);
  auto copy = disk->restart();
  // The file itself, kept open as a crash would keep its blocks.
  auto old = copy->open(active, open_mode::read_only);
  ASSERT_TRUE(old);
  ASSERT_TRUE(mini_store::open(copy, {}));
  std::vector<std::byte> bytes(before.size());
  EXPECT_EQ(*(*old)->read_at(0, bytes), before.size());
  EXPECT_EQ(bytes, before);
  EXPECT_FALSE(copy->exists(active + ".tmp"));
  auto after = mini_store::open(
    copy->crash(test_support::crash_policy::lose_unsynced, 0), {});
  ASSERT_TRUE(after);
  EXPECT_EQ(*(*after)->all(), (contents{{"a", "1"}, {"b", "2"}, {"c", "3"}}));
}

// Goal: a start needs next to no space, or a node that fell over on a full disk
// would never come up again.
TEST_F(RecoveryTailTest, OnAFullDiskTheTailIsWrittenAgainWhereItIs) {
  const std::string value(60'000, 'v');
  ASSERT_TRUE(store->put("c", value));
  for (const bool torn : {false, true}) {
    auto copy = disk->restart();
    if (torn) {
      auto bytes = copy->content(active);
      bytes.insert(bytes.end(), 40, std::byte{0x77});
      copy->put_content(active, bytes);
    }
    copy->limit_space(copy->used_bytes() + 4096);
    auto opened = mini_store::open(copy, {});
    ASSERT_TRUE(opened) << to_string(opened.error());
    EXPECT_EQ((*opened)->report().torn_bytes, torn ? 40u : 0u);
    EXPECT_FALSE(copy->exists(active + ".tmp"));
    auto after = mini_store::open(
      copy->crash(test_support::crash_policy::lose_unsynced, 0), {});
    ASSERT_TRUE(after);
    EXPECT_EQ(*(*after)->all(),
              (contents{{"a", "1"}, {"b", "2"}, {"c", value}}));
  }
}

TEST_F(RecoveryTailTest, ATailThatCannotBeLoggedAgainRefusesTheStart) {
  ASSERT_TRUE(store->put("c", "3"));
  for (const auto call :
       {test_support::disk_call::create, test_support::disk_call::write,
        test_support::disk_call::sync, test_support::disk_call::rename}) {
    auto copy = disk->restart();
    copy->fail(call, 1, EIO);
    auto opened = mini_store::open(copy, {});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, errc::io_failed);
    EXPECT_EQ(copy->content(active), disk->content(active));
    EXPECT_FALSE(copy->exists(active + ".tmp"));
  }
}

// Goal: a failed sync leaves bytes in the cache that the disk never gets. A
// start that sees them must make them durable, not just believe them.
TEST(StartTest, WhatAStartHasSeenSurvivesAPowerCut) {
  const auto disk = memory_file_system::make();
  {
    auto opened = mini_store::open(disk, {});
    ASSERT_TRUE(opened);
    ASSERT_TRUE((*opened)->put("k", "v"));
    disk->fail(disk_call::sync, 1, EIO, true);
    ASSERT_FALSE((*opened)->sync());
  }
  const auto restarted = disk->restart();
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
