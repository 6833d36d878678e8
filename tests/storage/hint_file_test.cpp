#include "storage/hint_file.hpp"

#include "tests/storage/mini_store.hpp"
#include "tests/support/memory_file_system.hpp"

#include <gtest/gtest.h>

namespace kvs::storage {
namespace {

using test_support::memory_file_system;
using testing::contents;
using testing::mini_store;

/// A store with two sealed segments that was closed.
class HintFileTest : public ::testing::Test {
protected:
  void SetUp() override {
    fill(disk);
    auto opened = mini_store::open(disk, {});
    ASSERT_TRUE(opened);
    expected = *(*opened)->all();
    // This start has written the hint of what was the active segment.
    first = "store/" + hint_file_name((*opened)->parts().sealed[0]->id());
    second = "store/" + hint_file_name((*opened)->parts().sealed[1]->id());
  }

  static void fill(const std::shared_ptr<memory_file_system>& target) {
    auto opened = mini_store::open(target, {});
    ASSERT_TRUE(opened);
    mini_store& store = **opened;
    for (int i = 0; i < 20; ++i)
      ASSERT_TRUE(store.put("key" + std::to_string(i), "old"));
    ASSERT_TRUE(store.rotate());
    ASSERT_TRUE(store.flush());
    for (int i = 0; i < 20; ++i)
      ASSERT_TRUE(
        store.put("key" + std::to_string(i), "new", i % 2 == 0 ? 0 : 99'999));
    ASSERT_TRUE(store.erase("key3"));
    ASSERT_TRUE(store.batch({{"key4", std::nullopt}, {"key5", "batch"}}));
    ASSERT_TRUE(store.sync());
  }

  void expect_same_with_hints(std::uint64_t hints) {
    auto opened = mini_store::open(disk->restart(), {});
    ASSERT_TRUE(opened) << to_string(opened.error());
    EXPECT_EQ((*opened)->report().segments_from_hints, hints);
    EXPECT_EQ(*(*opened)->all(), expected);
  }

  std::shared_ptr<memory_file_system> disk = memory_file_system::make();
  contents expected;
  std::string first;
  std::string second;
};

TEST_F(HintFileTest, GivesTheSameAsTheSegment) {
  ASSERT_TRUE(disk->exists(first));
  ASSERT_TRUE(disk->exists(second));
  expect_same_with_hints(2);
  ASSERT_TRUE(disk->unlink(first));
  expect_same_with_hints(1);
}

TEST_F(HintFileTest, IsWrittenAgainWhenItIsMissing) {
  ASSERT_TRUE(disk->unlink(first));
  auto after = disk->restart();
  ASSERT_TRUE(mini_store::open(after, {}));
  EXPECT_TRUE(after->exists(first));
}

// Goal: a hint may cost time, never data: whatever a bit of it says, the
// start gives the same result.
TEST_F(HintFileTest, EveryFlippedBitMakesItIgnored) {
  const auto bytes = disk->content(first);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    disk->flip_bit(first, i, static_cast<unsigned>(i % 8));
    expect_same_with_hints(1);
    disk->put_content(first, bytes);
  }
}

TEST_F(HintFileTest, EveryTruncationMakesItIgnored) {
  const auto bytes = disk->content(first);
  for (std::size_t size = 0; size < bytes.size(); size += 7) {
    disk->put_content(first,
                      {bytes.begin(), bytes.begin() + static_cast<long>(size)});
    expect_same_with_hints(1);
  }
}

// Goal: a hint that is intact but belongs to another segment, to another
// store, or to another length of this segment is not believed.
TEST_F(HintFileTest, AForeignOneIsIgnored) {
  const auto own = disk->content(first);
  disk->put_content(first, disk->content(second));
  expect_same_with_hints(1);
  auto other = memory_file_system::make();
  fill(other);
  ASSERT_TRUE(mini_store::open(other, {}));
  disk->put_content(first, other->content(first));
  expect_same_with_hints(1);
  disk->put_content(first, own);
  expect_same_with_hints(2);
}

TEST_F(HintFileTest, OneThatDoesNotAddUpIsIgnored) {
  auto opened = mini_store::open(disk->restart(), {});
  ASSERT_TRUE(opened);
  segment_entry entry = (*opened)->parts().state.segments[0];
  ASSERT_TRUE(open_hint_file(*disk, "store", entry));
  segment_entry longer = entry;
  longer.end_bytes += 8;
  EXPECT_FALSE(open_hint_file(*disk, "store", longer));
  segment_entry more = entry;
  ++more.record_count;
  EXPECT_FALSE(open_hint_file(*disk, "store", more));
  segment_entry other = entry;
  other.identity[0] ^= std::byte{1};
  EXPECT_FALSE(open_hint_file(*disk, "store", other));
}

} // namespace
} // namespace kvs::storage
