#include "actors/slot_table.hpp"

#include <gtest/gtest.h>

namespace kvs::actors {
namespace {

constexpr storage::key_hash some_hash = 0x1234'5678'9abc'def0;
constexpr storage::key_hash other_hash = 0xfedc'ba98'7654'3210;

TEST(SlotTableTest, RemembersTheLastSequenceOfASlot) {
  slot_table table;
  EXPECT_EQ(table.last(some_hash), 0u);
  table.raise(some_hash, 7);
  table.raise(some_hash, 9);
  EXPECT_EQ(table.last(some_hash), 9u);
  EXPECT_EQ(table.last(other_hash), 0u);
}

// Goal: a slot changes only if the append succeeded.
TEST(SlotTableTest, TakesBackWhatWasNotCommitted) {
  slot_table table;
  table.raise(some_hash, 7);
  table.commit();
  table.raise(some_hash, 8);
  table.raise(some_hash, 9);
  table.raise(other_hash, 10);
  table.raise_all(11);
  table.roll_back();
  EXPECT_EQ(table.last(some_hash), 7u);
  EXPECT_EQ(table.last(other_hash), 0u);
}

TEST(SlotTableTest, RaisesEverySlotForAFlush) {
  slot_table table;
  table.raise(some_hash, 7);
  table.raise_all(8);
  table.commit();
  EXPECT_EQ(table.last(some_hash), 8u);
  EXPECT_EQ(table.last(other_hash), 8u);
  table.raise(some_hash, 9);
  EXPECT_EQ(table.last(some_hash), 9u);
}

} // namespace
} // namespace kvs::actors
