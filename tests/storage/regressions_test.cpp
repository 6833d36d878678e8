// Bugs that other stores of this kind have shipped, by the names that
// docs/reliability.md gives them. Those that are not here have their tests
// where the code is.

#include "tests/storage/mini_store.hpp"
#include "tests/support/memory_file_system.hpp"

#include <gtest/gtest.h>

namespace kvs::storage {
namespace {

using test_support::memory_file_system;
using testing::contents;
using testing::mini_store;

class RegressionTest : public ::testing::Test {
protected:
  void SetUp() override {
    open();
  }
  void open(timestamp_ms now = 1000) {
    store.reset();
    mini_store::options chosen;
    chosen.now = now;
    auto opened = mini_store::open(disk, chosen);
    ASSERT_TRUE(opened) << to_string(opened.error());
    store = *std::move(opened);
  }
  void rotate() {
    ASSERT_TRUE(store->rotate());
    ASSERT_TRUE(store->sync());
  }
  std::optional<std::string> get(const std::string& key) {
    auto value = store->get(key);
    EXPECT_TRUE(value);
    return value ? *value : std::nullopt;
  }

  std::shared_ptr<memory_file_system> disk = memory_file_system::make();
  std::unique_ptr<mini_store> store;
};

// Goal: a tombstone that a newer put has made out of date still hides what is
// older, if that put is lost to another tombstone or to its expiry.
TEST_F(RegressionTest, G2AnOutOfDateTombstoneStillHidesWhatIsOlder) {
  ASSERT_TRUE(store->put("key", "old"));
  rotate();
  ASSERT_TRUE(store->erase("key"));
  rotate();
  ASSERT_TRUE(store->put("key", "new", 1500));
  rotate();
  // The segments with the tombstone and the put, not that with the old value.
  ASSERT_TRUE(store->compact_one(1));
  ASSERT_TRUE(store->compact_one(1));
  EXPECT_EQ(get("key"), "new");
  open(2000);
  EXPECT_EQ(get("key"), std::nullopt);
  for (std::uint64_t i = 0; i < 4; ++i) {
    ASSERT_TRUE(store->compact_one(i));
    open(2000);
    EXPECT_EQ(get("key"), std::nullopt);
  }
}

// Goal: an expiry takes away the record that has expired, nothing newer.
TEST_F(RegressionTest, G5AnExpiryLeavesAFreshValueAlone) {
  ASSERT_TRUE(store->put("key", "short-lived", 1500));
  ASSERT_TRUE(store->put("key", "fresh"));
  store->advance(1000);
  for (recovered_shard& shard : store->parts().shards)
    for (const auto& each : shard.expiring.take_expired(store->now(), 100))
      EXPECT_FALSE(shard.keys.remove(each.hash, each.location));
  EXPECT_EQ(get("key"), "fresh");
}

// Goal: the segment that is written to is never rewritten.
TEST_F(RegressionTest, G6TheActiveSegmentIsNeverCompacted) {
  const auto active = store->parts().active->bytes().path();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(store->put("key", "value"));
    ASSERT_TRUE(store->compact(true));
  }
  EXPECT_TRUE(disk->exists(active));
  for (const segment_usage& each : store->usage())
    EXPECT_NE(each.entry.id, store->parts().active->id());
}

// Goal: files without records, or without any bytes, prevent neither starts
// nor writes.
TEST_F(RegressionTest, G9EmptySegmentsAreLegal) {
  for (int i = 0; i < 5; ++i)
    open();
  store.reset();
  disk->put_content("store/000099.log", {});
  open();
  ASSERT_TRUE(store->put("key", "value"));
  open();
  EXPECT_EQ(get("key"), "value");
}

// Goal: who reads a segment keeps it while a compaction takes it away.
TEST_F(RegressionTest, G12AReaderKeepsWhatACompactionDeletes) {
  ASSERT_TRUE(store->put("key", "value"));
  rotate();
  ASSERT_TRUE(store->put("key", "newer"));
  const segment_ptr held = [&] {
    open();
    return store->parts().sealed.front();
  }();
  const auto path = held->bytes().path();
  ASSERT_TRUE(store->compact(true));
  ASSERT_FALSE(disk->exists(path));
  std::vector<std::byte> bytes(64);
  const auto read = held->bytes().read_at(segment_header_bytes, bytes);
  ASSERT_TRUE(read);
  EXPECT_TRUE(decode_head(bytes, held->context(), segment_header_bytes));
}

// Goal: what was deleted and compacted away is gone after a start, with the
// hints of before and without any.
TEST_F(RegressionTest, G13DeletedKeysAreGoneAfterACompactionAndAStart) {
  for (int i = 0; i < 50; ++i)
    ASSERT_TRUE(store->put("key" + std::to_string(i), "value"));
  rotate();
  for (int i = 0; i < 50; ++i)
    ASSERT_TRUE(store->erase("key" + std::to_string(i)));
  rotate();
  ASSERT_TRUE(store->compact(true));
  open();
  EXPECT_EQ(*store->all(), contents{});
  const auto names = disk->list("store");
  for (const std::string& name : *names)
    if (name.ends_with(".hint")) {
      ASSERT_TRUE(disk->unlink("store/" + name));
    }
  open();
  EXPECT_EQ(*store->all(), contents{});
}

// Goal: a clock that stands still, or goes back, decides nothing about which
// of two writes is newer.
TEST_F(RegressionTest, G14TheClockDecidesNoOrder) {
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(store->put("key", std::to_string(i)));
  open(10);
  EXPECT_EQ(get("key"), "19");
  ASSERT_TRUE(store->put("key", "last"));
  rotate();
  ASSERT_TRUE(store->compact(true));
  open(5);
  EXPECT_EQ(get("key"), "last");
}

} // namespace
} // namespace kvs::storage
