#include "storage/recovery.hpp"

#include "tests/storage/mini_store.hpp"
#include "tests/support/memory_file_system.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace kvs::storage {
namespace {

using test_support::disk_call;
using test_support::memory_file_system;
using testing::contents;
using testing::mini_store;

class RecoveryTest : public ::testing::Test {
protected:
  std::unique_ptr<mini_store> open(const mini_store::options& how = {}) {
    auto opened = mini_store::open(disk, how);
    EXPECT_TRUE(opened) << (opened ? "" : to_string(opened.error()));
    return opened ? *std::move(opened) : nullptr;
  }
  errc code_of_open() {
    auto opened = mini_store::open(disk, {});
    EXPECT_FALSE(opened);
    last_context = opened ? "" : opened.error().context;
    return opened ? errc{} : opened.error().code;
  }
  void expect_after_reopening(const contents& expected) {
    for (int i = 0; i < 2; ++i) {
      auto store = open();
      ASSERT_TRUE(store);
      EXPECT_EQ(*store->all(), expected);
    }
  }
  /// A store with two sealed segments and some records in the third, closed.
  void make_store() {
    auto store = open();
    ASSERT_TRUE(store);
    for (int i = 0; i < 30; ++i) {
      const std::string key = "key" + std::to_string(i);
      ASSERT_TRUE(store->put(key, std::string(50, 'v')));
      made[key] = std::string(50, 'v');
      if (i % 12 == 11) {
        ASSERT_TRUE(store->rotate());
      }
    }
    ASSERT_TRUE(store->sync());
  }

  std::shared_ptr<memory_file_system> disk = memory_file_system::make();
  contents made;
  std::string last_context;
};

TEST_F(RecoveryTest, ANewStoreIsEmptyAndStaysSo) {
  {
    auto store = open();
    EXPECT_TRUE(store->report().created);
    EXPECT_EQ(store->last_sequence(), std::uint64_t{1} << 40);
  }
  {
    auto store = open();
    EXPECT_FALSE(store->report().created);
    EXPECT_EQ(store->report().segments, 0u);
  }
  expect_after_reopening({});
}

TEST_F(RecoveryTest, EverythingIsThereAfterReopening) {
  contents expected;
  for (std::uint32_t shards = 1; shards <= 5; ++shards) {
    mini_store::options how;
    how.shard_count = shards;
    auto store = open(how);
    EXPECT_EQ(*store->all(), expected);
    for (int i = 0; i < 100; ++i) {
      const std::string key(static_cast<std::size_t>(i), 'k');
      ASSERT_TRUE(store->put(key, std::to_string(shards * i)));
      expected[key] = std::to_string(shards * i);
    }
    ASSERT_TRUE(store->erase("kkk"));
    expected.erase("kkk");
    ASSERT_TRUE(store->batch({{"a", "1"}, {"kkkk", {}}, {"b", ""}}));
    expected["a"] = "1";
    expected["b"] = "";
    expected.erase("kkkk");
    ASSERT_TRUE(store->sync());
    EXPECT_EQ(*store->all(), expected);
  }
  expect_after_reopening(expected);
}

TEST_F(RecoveryTest, SequenceNumbersNeverRepeat) {
  auto store = open();
  ASSERT_TRUE(store->put("k", "1"));
  const auto lost = store->last_sequence();
  store.reset();
  disk = disk->crash(test_support::crash_policy::lose_unsynced, 1);
  store = open();
  EXPECT_EQ(*store->get("k"), std::nullopt);
  ASSERT_TRUE(store->put("k", "2"));
  EXPECT_GT(store->last_sequence(), lost);
}

TEST_F(RecoveryTest, AFlushOutlivesTheSegmentsBelowIt) {
  {
    auto store = open();
    ASSERT_TRUE(store->put("old", "1"));
    ASSERT_TRUE(store->rotate());
    ASSERT_TRUE(store->put("old too", "1"));
    ASSERT_TRUE(store->flush());
    ASSERT_TRUE(store->put("new", "2"));
    ASSERT_TRUE(store->sync());
    EXPECT_EQ(*store->all(), (contents{{"new", "2"}}));
  }
  expect_after_reopening({{"new", "2"}});
  auto store = open();
  EXPECT_NE(store->parts().state.flushed_below, 0u);
  while (*store->compact(true) != 0) {
  }
  ASSERT_TRUE(store->sync());
  store.reset();
  expect_after_reopening({{"new", "2"}});
  // Nothing is left below it, so it need not be remembered any more.
  EXPECT_EQ(open()->parts().state.flushed_below, 0u);
}

// Goal: an expired record must hide older versions of its key as a tombstone
// would, and stay dead when the wall clock goes back.
TEST_F(RecoveryTest, WhatHasExpiredStaysDeadWhateverTheClockSays) {
  mini_store::options how;
  how.now = 1000;
  {
    auto store = open(how);
    ASSERT_TRUE(store->put("k", "older"));
    ASSERT_TRUE(store->put("k", "expires", 2000));
    ASSERT_TRUE(store->put("later", "v", 5000));
    ASSERT_TRUE(store->sync());
  }
  how.now = 3000;
  EXPECT_EQ(*open(how)->all(), (contents{{"later", "v"}}));
  how.now = 10;
  auto store = open(how);
  EXPECT_EQ(store->parts().now, 3000u);
  EXPECT_EQ(*store->all(), (contents{{"later", "v"}}));
}

TEST_F(RecoveryTest, OnlyOneProcessOpensADirectory) {
  auto store = open();
  EXPECT_EQ(code_of_open(), errc::locked);
  EXPECT_NE(last_context.find("process"), std::string::npos);
  store.reset();
  EXPECT_TRUE(open());
}

// Goal: a lost MANIFEST must not look like a new, empty store.
TEST_F(RecoveryTest, SegmentsWithoutAManifestAreRefused) {
  make_store();
  ASSERT_TRUE(disk->unlink("store/MANIFEST"));
  EXPECT_EQ(code_of_open(), errc::corrupt);
  EXPECT_NE(last_context.find("store/0000"), std::string::npos);
  EXPECT_NE(last_context.find("MANIFEST"), std::string::npos);
}

// Goal: a MANIFEST that was restored from a backup must not make a start
// delete what was written since.
TEST_F(RecoveryTest, AManifestOlderThanTheDataIsRefused) {
  auto store = open();
  const auto before = disk->content("store/MANIFEST");
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(store->put("k", "v"));
    ASSERT_TRUE(store->rotate());
    ASSERT_TRUE(store->sync());
  }
  ASSERT_TRUE(store->put("newest", "v"));
  ASSERT_TRUE(store->sync());
  store.reset();
  disk->put_content("store/MANIFEST", before);
  EXPECT_EQ(code_of_open(), errc::corrupt);
  EXPECT_NE(last_context.find("000003.log"), std::string::npos);
  EXPECT_TRUE(disk->exists("store/000003.log"));
}

TEST_F(RecoveryTest, AMissingSegmentIsRefused) {
  make_store();
  ASSERT_TRUE(disk->unlink("store/000001.log"));
  EXPECT_EQ(code_of_open(), errc::corrupt);
  EXPECT_NE(last_context.find("000001.log"), std::string::npos);
}

TEST_F(RecoveryTest, ASegmentOfAnotherStoreIsRefused) {
  make_store();
  const auto own = disk->content("store/000001.log");
  disk = memory_file_system::make();
  make_store();
  disk->put_content("store/000001.log", own);
  EXPECT_EQ(code_of_open(), errc::corrupt);
  EXPECT_NE(last_context.find("another store"), std::string::npos);
}

// Goal: what looks like a remain of a start, and would be deleted, may be all
// that is left of somebody else's data.
TEST_F(RecoveryTest, AStrangeSegmentIsNoRemain) {
  make_store();
  auto bytes = disk->content("store/000002.log");
  disk = memory_file_system::make();
  make_store();
  ASSERT_TRUE(open());
  ASSERT_TRUE(disk->exists("store/000005.log")) << "ids go on";
  for (const char* name :
       {"store/000004.log", "store/000004.reloc", "store/000900.log"}) {
    disk->put_content(name, bytes);
    EXPECT_EQ(code_of_open(), errc::corrupt) << name;
    EXPECT_NE(last_context.find(name), std::string::npos) << last_context;
    EXPECT_EQ(disk->content(name), bytes);
    ASSERT_TRUE(disk->unlink(name));
  }
  EXPECT_TRUE(open());
}

TEST_F(RecoveryTest, AnotherFormatVersionIsRefusedWithoutTouchingAnything) {
  make_store();
  auto bytes = disk->content("store/000001.log");
  bytes[8] = std::byte{9};
  disk->put_content("store/000001.log", bytes);
  const auto manifest_before = disk->content("store/MANIFEST");
  const auto changes = disk->changes();
  EXPECT_EQ(code_of_open(), errc::unknown_format);
  EXPECT_EQ(disk->content("store/MANIFEST"), manifest_before);
  EXPECT_EQ(disk->changes(), changes);
}

// Goal: damage in a sealed segment is named, never skipped.
TEST_F(RecoveryTest, ADamagedHeadInASealedSegmentIsRefusedByName) {
  make_store();
  const std::string path = "store/000001.log";
  disk->flip_bit(path, segment_header_bytes + 80 * 3 + 17, 2);
  EXPECT_EQ(code_of_open(), errc::corrupt);
  EXPECT_NE(last_context.find(path + " offset "), std::string::npos);
}

TEST_F(RecoveryTest, ASealedSegmentThatHoldsSomethingElseIsRefused) {
  make_store();
  auto changed = read_manifest(*disk, "store");
  ASSERT_TRUE(changed && *changed);
  ++(*changed)->segments[0].record_count;
  ASSERT_TRUE(write_manifest(*disk, "store", **changed));
  EXPECT_EQ(code_of_open(), errc::corrupt);
  --(*changed)->segments[0].record_count;
  (*changed)->segments[0].end_bytes -= record_alignment;
  ASSERT_TRUE(write_manifest(*disk, "store", **changed));
  EXPECT_EQ(code_of_open(), errc::corrupt);
}

// Goal: one rotten value does not make a store unusable; it is an error of
// whoever asks for it.
TEST_F(RecoveryTest, ADamagedValueInASealedSegmentIsFoundWhenItIsRead) {
  make_store();
  disk->flip_bit("store/000001.log", segment_header_bytes + 24 + 4 + 10, 2);
  auto store = open();
  ASSERT_TRUE(store);
  auto damaged = store->get("key0");
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code, errc::corrupt);
  EXPECT_TRUE(store->get("key1"));
}

TEST_F(RecoveryTest, RemainsAreDeletedAndStrangersLeftAlone) {
  make_store();
  for (const char* name : {"000900.reloc", "000900.hint", "MANIFEST.tmp",
                           "000002.hint.tmp", "notes.txt", "1.log", "LOCK2"})
    disk->put_content(std::string{"store/"} + name, {});
  disk->put_content("store/000901.log", {});
  auto store = open();
  ASSERT_TRUE(store);
  EXPECT_EQ(*store->all(), made);
  for (const char* gone : {"000900.reloc", "000900.hint", "MANIFEST.tmp",
                           "000002.hint.tmp", "000901.log"})
    EXPECT_FALSE(disk->exists(std::string{"store/"} + gone)) << gone;
  for (const char* kept : {"notes.txt", "1.log", "LOCK2"})
    EXPECT_TRUE(disk->exists(std::string{"store/"} + kept)) << kept;
  auto deleted = store->report().deleted_files;
  std::sort(deleted.begin(), deleted.end());
  // The empty next segment goes, too; new files took the place of the
  // temporary ones.
  EXPECT_EQ(deleted, (std::vector<std::string>{"000004.log", "000900.hint",
                                               "000900.reloc", "000901.log"}));
}

// Goal: a start on a full disk fails without harm; with space it succeeds.
TEST_F(RecoveryTest, AFullDiskRefusesTheStartAndHarmsNothing) {
  make_store();
  disk->limit_space(disk->used_bytes());
  EXPECT_EQ(code_of_open(), errc::no_space);
  disk->limit_space(~std::uint64_t{0});
  EXPECT_EQ(*open()->all(), made);
}

TEST_F(RecoveryTest, EveryFailedCallIsReportedAndHarmsNothing) {
  make_store();
  for (const disk_call call :
       {disk_call::open, disk_call::create, disk_call::read, disk_call::write,
        disk_call::sync, disk_call::rename, disk_call::sync_directory,
        disk_call::list, disk_call::lock, disk_call::status})
    for (std::uint64_t nth = 1; nth < 12; ++nth) {
      auto copy = disk->restart();
      copy->fail(call, nth, EIO);
      auto opened = mini_store::open(copy, {});
      if (!opened) {
        EXPECT_EQ(opened.error().code, errc::io_failed);
      }
      auto again = mini_store::open(copy->restart(), {});
      ASSERT_TRUE(again) << to_string(again.error());
      EXPECT_EQ(*(*again)->all(), made);
    }
}

TEST_F(RecoveryTest, TellsItsProgress) {
  make_store();
  recovery_options how;
  how.directory = "store";
  recovery_progress last;
  int calls = 0;
  how.progress = [&](const recovery_progress& now) {
    EXPECT_GE(now.bytes_done, last.bytes_done);
    last = now;
    ++calls;
  };
  ASSERT_TRUE(open_store(disk, how));
  EXPECT_GE(calls, 3);
  EXPECT_EQ(last.bytes_done, last.bytes_total);
  EXPECT_EQ(last.records, 30u);
}

// Goal: whoever runs the units may run them in any order, and one that is
// lost must not look like a segment or a shard without keys.
TEST_F(RecoveryTest, UnitsMayRunInAnyOrderButAllOfThem) {
  make_store();
  recovery_options how;
  how.directory = "store";
  how.shard_count = 3;
  std::size_t count = 0;
  std::size_t lost = 0;
  how.run_all = [&](const work_units& units, const auto& after_each) {
    for (auto unit = units.rbegin(); unit != units.rend(); ++unit) {
      if (++count != lost)
        (*unit)();
      after_each();
    }
  };
  auto opened = open_store(disk->restart(), how);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->report.keys, made.size());
  const std::size_t all = std::exchange(count, 0);
  EXPECT_EQ(all, 5u) << "two sealed segments, three shards";
  for (lost = 1; lost <= all; ++lost, count = 0) {
    auto refused = open_store(disk->restart(), how);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::io_failed);
  }
}

} // namespace
} // namespace kvs::storage
