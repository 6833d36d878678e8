#include "storage/compaction.hpp"

#include "tests/storage/mini_store.hpp"
#include "tests/support/memory_file_system.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <random>

namespace kvs::storage {
namespace {

using test_support::disk_call;
using test_support::memory_file_system;
using testing::contents;
using testing::mini_store;

class CompactionTest : public ::testing::Test {
protected:
  /// The first sealed segment, and where it ends.
  segment_ptr sealed_segment() const {
    const segment_entry entry = store->usage().front().entry;
    auto opened
      = open_segment(*disk, "store/" + segment_file_name(entry.id, entry.kind),
                     open_mode::read_only);
    EXPECT_TRUE(opened);
    return opened ? *opened : nullptr;
  }
  std::uint64_t sealed_bytes() const {
    return store->usage().front().entry.end_bytes;
  }

  result<std::unique_ptr<relocation_writer>> new_output() const {
    return relocation_writer::create(disk, "store", segment_id{900}, 1, 0,
                                     key_hasher{1});
  }

  void SetUp() override {
    reopen();
  }
  void reopen(timestamp_ms now = 1000) {
    store.reset();
    mini_store::options how;
    how.now = now;
    auto opened = mini_store::open(disk, how);
    ASSERT_TRUE(opened) << to_string(opened.error());
    store = *std::move(opened);
  }
  void seal() {
    ASSERT_TRUE(store->rotate());
    ASSERT_TRUE(store->sync());
  }
  /// Compacts until nothing more can be freed.
  void compact_all() {
    for (int round = 0; round < 50; ++round) {
      auto freed = store->compact(true);
      ASSERT_TRUE(freed) << to_string(freed.error());
      if (*freed == 0)
        return;
    }
    FAIL() << "compaction finds something to do again and again";
  }
  void expect_contents(const contents& expected) {
    EXPECT_EQ(*store->all(), expected);
    reopen();
    EXPECT_EQ(*store->all(), expected);
  }

  std::shared_ptr<memory_file_system> disk = memory_file_system::make();
  std::unique_ptr<mini_store> store;
};

TEST_F(CompactionTest, FreesWhatWasOverwritten) {
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 10; ++i)
      ASSERT_TRUE(store->put("key" + std::to_string(i),
                             std::string(100, static_cast<char>('a' + round))));
    seal();
  }
  const auto before = disk->used_bytes();
  compact_all();
  EXPECT_LT(disk->used_bytes(), before / 5);
  contents expected;
  for (int i = 0; i < 10; ++i)
    expected["key" + std::to_string(i)] = std::string(100, 't');
  expect_contents(expected);
}

// G1: tombstone and value in different segments, compacted one at a time.
TEST_F(CompactionTest, G1ADeletedKeyStaysDeletedByPartialCompactions) {
  ASSERT_TRUE(store->put("k", std::string(3000, 'v')));
  ASSERT_TRUE(store->put("stays", std::string(3500, 's')));
  seal();
  ASSERT_TRUE(store->erase("k"));
  ASSERT_TRUE(store->put("x", "1"));
  ASSERT_TRUE(store->put("x", "2"));
  seal();
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(store->compact(true));
    expect_contents({{"stays", std::string(3500, 's')}, {"x", "2"}});
  }
}

// G3: value, newer value and tombstone of a key in one segment; a higher file
// number must not make an older record win.
TEST_F(CompactionTest, G3TheSequenceNumberDecidesNotTheFile) {
  ASSERT_TRUE(store->put("k", "1"));
  ASSERT_TRUE(store->erase("k"));
  ASSERT_TRUE(store->put("dead", "1"));
  ASSERT_TRUE(store->put("dead", "2"));
  seal();
  ASSERT_TRUE(store->put("k", "newest"));
  ASSERT_TRUE(store->sync());
  // The output has a higher id than the segment with the newest value.
  ASSERT_TRUE(store->compact(true));
  expect_contents({{"k", "newest"}, {"dead", "2"}});
}

TEST_F(CompactionTest, TombstonesDisappearInTheEnd) {
  for (int i = 0; i < 50; ++i)
    ASSERT_TRUE(store->put("key" + std::to_string(i), std::string(50, 'v')));
  seal();
  for (int i = 0; i < 50; ++i)
    ASSERT_TRUE(store->erase("key" + std::to_string(i)));
  seal();
  reopen();
  compact_all();
  for (const segment_usage& segment : store->usage())
    EXPECT_EQ(segment.entry.record_count, 0u);
  expect_contents({});
}

// Goal: an expired record goes like a tombstone, and never uncovers what it
// hides.
TEST_F(CompactionTest, AnExpiredRecordNeverUncoversAnOlderOne) {
  ASSERT_TRUE(store->put("k", std::string(2000, 'o')));
  ASSERT_TRUE(store->put("stays", std::string(2500, 's')));
  seal();
  ASSERT_TRUE(store->put("k", "expires", 2000));
  ASSERT_TRUE(store->put("x", "1"));
  ASSERT_TRUE(store->put("x", "2"));
  seal();
  const contents expected{{"stays", std::string(2500, 's')}, {"x", "2"}};
  for (int i = 0; i < 4; ++i) {
    reopen(3000);
    EXPECT_EQ(*store->all(), expected);
    ASSERT_TRUE(store->compact(true));
    EXPECT_EQ(*store->all(), expected);
  }
}

TEST_F(CompactionTest, WhatAFlushHasKilledGoes) {
  for (int i = 0; i < 50; ++i)
    ASSERT_TRUE(store->put("key" + std::to_string(i), std::string(50, 'v')));
  seal();
  ASSERT_TRUE(store->flush());
  ASSERT_TRUE(store->put("new", "1"));
  seal();
  compact_all();
  expect_contents({{"new", "1"}});
  EXPECT_LT(disk->used_bytes(), 2000u);
}

// Goal: rot is not copied under a fresh checksum.
TEST_F(CompactionTest, ADamagedValueIsNotCopied) {
  ASSERT_TRUE(store->put("k", std::string(500, 'v')));
  ASSERT_TRUE(store->put("x", "1"));
  ASSERT_TRUE(store->put("x", "2"));
  const std::string path = store->parts().active->bytes().path();
  seal();
  disk->flip_bit(path, segment_header_bytes + 24 + 1 + 250, 1);
  auto compacted = store->compact(true);
  ASSERT_FALSE(compacted);
  EXPECT_EQ(compacted.error().code, errc::corrupt);
  EXPECT_EQ(compacted.error().context.find(path + " offset 64:"), 0u);
  // The output was abandoned and nothing else changed.
  EXPECT_FALSE(disk->exists("store/000004.reloc"));
  EXPECT_TRUE(disk->exists(path));
  EXPECT_EQ(*store->get("x"), "2");
}

TEST_F(CompactionTest, AFailedOutputLeavesEverythingAsItWas) {
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(store->put("k", std::string(2'000'000, 'v')));
    ASSERT_TRUE(store->put("other" + std::to_string(round), "v"));
    seal();
  }
  const auto expected = *store->all();
  for (const disk_call call : {disk_call::create, disk_call::write,
                               disk_call::sync, disk_call::sync_directory})
    for (std::uint64_t nth = 1; nth < 3; ++nth) {
      disk->fail(call, nth, ENOSPC);
      (void)store->compact(true);
      disk->stop_failing();
      EXPECT_EQ(*store->all(), expected);
    }
  compact_all();
  expect_contents(expected);
}

TEST_F(CompactionTest, RecordsOfEverySizeAreCopied) {
  contents expected;
  for (const std::size_t size : {0, 1, 1000, 1'048'576, 3'000'001}) {
    const std::string key = "key" + std::to_string(size);
    expected[key] = std::string(size, 'v');
    ASSERT_TRUE(store->put(key, expected[key], size % 2 == 0 ? 0 : 99'999));
    ASSERT_TRUE(store->put("dead", "v"));
  }
  expected["dead"] = "v";
  ASSERT_TRUE(store->batch({{"a", "1"}, {"b", "2"}, {"a", "3"}}));
  expected["a"] = "3";
  expected["b"] = "2";
  seal();
  compact_all();
  expect_contents(expected);
}

// Goal: whoever copies step by step never handles more than 1 MiB at once, and
// gets the same record.
TEST_F(CompactionTest, ALargeValueIsCopiedInSteps) {
  const std::string value(3 * mebibyte + 100, 'v');
  ASSERT_TRUE(store->put("key", value));
  seal();
  const segment_ptr log = sealed_segment();
  segment_scanner scanner{log, sealed_bytes(), segment_scanner::values::skip};
  auto record = scanner.next();
  ASSERT_TRUE(record && *record);
  auto output = new_output();
  ASSERT_TRUE(output);
  (*output)->begin_copy(log, **record);
  int steps = 0;
  std::optional<record_location> place;
  while (!place) {
    auto copied = (*output)->copy_on();
    ASSERT_TRUE(copied);
    place = *copied;
    ++steps;
  }
  EXPECT_EQ(steps, 4);
  auto finished = (*output)->finish();
  ASSERT_TRUE(finished);
  std::vector<std::byte> bytes(place->size_bytes);
  ASSERT_TRUE(finished->handle->bytes().read_at(place->offset_bytes, bytes));
  auto copied
    = verify_record(*finished->handle, place->offset_bytes, bytes, "key");
  ASSERT_TRUE(copied);
  EXPECT_EQ(testing::text_of(*copied), value);
}

// Goal: an output takes no record that an index could not address, whatever
// its victims leave behind.
TEST_F(CompactionTest, AFullOutputRefusesMore) {
  const std::string value(segment_bytes_max, 'v');
  ASSERT_TRUE(store->put("large", value));
  seal();
  const segment_ptr log = sealed_segment();
  segment_scanner scanner{log, sealed_bytes(), segment_scanner::values::skip};
  auto record = scanner.next();
  ASSERT_TRUE(record && *record);
  auto output = new_output();
  ASSERT_TRUE(output);
  ASSERT_TRUE((*output)->copy(log, **record));
  auto more = (*output)->copy(log, **record);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, errc::too_large);
  auto tombstone = (*output)->add_tombstone("key", 7);
  ASSERT_FALSE(tombstone);
  EXPECT_EQ(tombstone.error().code, errc::too_large);
}

// Goal: any mixture of writes, deletions, expiries and compactions gives what
// a plain map gives, also after reopening.
TEST_F(CompactionTest, AnyHistoryGivesWhatAMapGives) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    disk = memory_file_system::make();
    reopen();
    std::mt19937_64 random{seed};
    contents expected;
    for (int i = 0; i < 600; ++i) {
      const std::string key = "key" + std::to_string(random() % 25);
      const std::string value = std::to_string(random() % 1000);
      const auto choice = random() % 100;
      if (choice < 45) {
        ASSERT_TRUE(store->put(key, value));
        expected[key] = value;
      } else if (choice < 75) {
        ASSERT_TRUE(store->erase(key));
        expected.erase(key);
      } else if (choice < 82) {
        ASSERT_TRUE(store->put(key, value, 500));
        expected.erase(key);
      } else if (choice < 88) {
        seal();
      } else if (choice < 98) {
        ASSERT_TRUE(store->compact(random() % 2 == 0));
      } else if (choice < 99) {
        ASSERT_TRUE(store->flush());
        expected.clear();
      } else {
        ASSERT_TRUE(store->sync());
        reopen();
      }
    }
    ASSERT_TRUE(store->sync());
    expect_contents(expected);
    compact_all();
    expect_contents(expected);
  }
}

} // namespace
} // namespace kvs::storage
