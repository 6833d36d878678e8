// Goal: the checkpoint of a clean stop spares the next start the hints, and
// whatever happens to the file costs time, never data.

#include "storage/checkpoint.hpp"

#include "storage/log_writer.hpp"
#include "tests/storage/mini_store.hpp"
#include "tests/support/memory_file_system.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <limits>

namespace kvs::storage {
namespace {

using test_support::disk_call;
using test_support::memory_file_system;
using testing::contents;
using testing::mini_store;

constexpr const char* path = "store/CHECKPOINT";

class CheckpointTest : public ::testing::Test {
protected:
  using disk_ptr = std::shared_ptr<memory_file_system>;

  static std::unique_ptr<mini_store> open(const disk_ptr& on,
                                          const mini_store::options& how = {}) {
    auto opened = mini_store::open(on, how);
    EXPECT_TRUE(opened) << (opened ? "" : to_string(opened.error()));
    return opened ? *std::move(opened) : nullptr;
  }

  /// Several segments, overwrites, deletions, a compaction and expiries; then
  /// a clean stop.
  void make_closed_store(const mini_store::options& how = {}) {
    auto store = open(disk, how);
    ASSERT_TRUE(store);
    for (int i = 0; i < 60; ++i) {
      const std::string key = "key" + std::to_string(i % 40);
      made[key] = "value" + std::to_string(i);
      ASSERT_TRUE(store->put(key, made[key], i % 7 == 0 ? 5000 : 0));
      if (i % 17 == 16) {
        ASSERT_TRUE(store->rotate());
      }
    }
    ASSERT_TRUE(store->erase("key3"));
    made.erase("key3");
    ASSERT_TRUE(store->sync());
    ASSERT_TRUE(store->compact(true));
    ASSERT_TRUE(store->put("soon", "gone", 2000));
    made["soon"] = "gone";
    ASSERT_TRUE(store->close());
    ASSERT_TRUE(disk->exists(path));
  }

  /// Opens a copy of `from`: everything is there, the checkpoint was used or
  /// not, and the start has removed it.
  void expect_start(const disk_ptr& from, bool used,
                    const std::string& why_not = {},
                    const mini_store::options& how = {}) {
    const disk_ptr copy = from->restart();
    const bool was_there = copy->exists(path);
    auto store = open(copy, how);
    ASSERT_TRUE(store);
    EXPECT_EQ(*store->all(), made);
    EXPECT_EQ(store->report().from_checkpoint, used);
    EXPECT_EQ(store->report().checkpoint_ignored.empty(), used || !was_there);
    EXPECT_NE(store->report().checkpoint_ignored.find(why_not),
              std::string::npos)
      << store->report().checkpoint_ignored;
    EXPECT_EQ(store->report().keys, made.size());
    EXPECT_FALSE(copy->exists(path));
  }

  disk_ptr disk = memory_file_system::make();
  contents made;
};

TEST_F(CheckpointTest, AStartAfterACleanStopUsesIt) {
  for (std::uint32_t shards : {1u, 2u, 3u, 7u}) {
    disk = memory_file_system::make();
    made.clear();
    mini_store::options how;
    how.shard_count = shards;
    make_closed_store(how);
    expect_start(disk, true, {}, how);
  }
}

TEST_F(CheckpointTest, KeysWhoseHashesAgreeStayApart) {
  mini_store::options how;
  how.hash_bits = 3;
  make_closed_store(how);
  expect_start(disk, true, {}, how);
}

// Goal: what is live in each segment, and what expires, must be what a merge
// of the hints finds: compaction rests on it.
TEST_F(CheckpointTest, CountsAreThoseOfTheHints) {
  make_closed_store();
  auto from_checkpoint = open(disk->restart());
  ASSERT_TRUE(from_checkpoint->report().from_checkpoint);
  ASSERT_TRUE(disk->unlink(path));
  auto from_hints = open(disk->restart());
  ASSERT_FALSE(from_hints->report().from_checkpoint);
  const auto a = from_checkpoint->usage();
  const auto b = from_hints->usage();
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].entry.id, b[i].entry.id);
    EXPECT_EQ(a[i].live_records, b[i].live_records);
    EXPECT_EQ(a[i].live_bytes, b[i].live_bytes);
  }
  for (std::size_t i = 0; i < from_hints->parts().shards.size(); ++i)
    EXPECT_EQ(from_checkpoint->parts().shards[i].expiring.size(),
              from_hints->parts().shards[i].expiring.size());
}

TEST_F(CheckpointTest, WhatHasExpiredSinceIsLeftOut) {
  make_closed_store();
  mini_store::options how;
  how.now = 3000;
  made.erase("soon");
  expect_start(disk, true, {}, how);
  how.now = 6000;
  for (int i = 0; i < 60; ++i)
    if (i % 7 == 0
        && made["key" + std::to_string(i % 40)] == "value" + std::to_string(i))
      made.erase("key" + std::to_string(i % 40));
  std::erase_if(made, [](const auto& each) { return each.second.empty(); });
  expect_start(disk, true, {}, how);
}

TEST_F(CheckpointTest, AFlushIsNotForgotten) {
  auto store = open(disk);
  ASSERT_TRUE(store->put("old", "v"));
  ASSERT_TRUE(store->rotate());
  ASSERT_TRUE(store->sync());
  ASSERT_TRUE(store->flush());
  ASSERT_TRUE(store->put("new", "v"));
  ASSERT_TRUE(store->close());
  store.reset();
  made = {{"new", "v"}};
  expect_start(disk, true);
  auto reopened = open(disk);
  ASSERT_TRUE(reopened->report().from_checkpoint);
  EXPECT_NE(reopened->parts().state.flushed_below, 0u);
}

// Goal: the record of a flush may be dropped once the MANIFEST has its number;
// if that edit had failed before the stop, the checkpoint knows it.
TEST_F(CheckpointTest, AFlushThatTheManifestDoesNotHaveYetIsNotForgotten) {
  auto store = open(disk);
  ASSERT_TRUE(store->put("old", "v"));
  ASSERT_TRUE(store->rotate());
  ASSERT_TRUE(store->sync());
  ASSERT_TRUE(store->flush());
  const auto flush = store->last_sequence();
  ASSERT_TRUE(store->put("new", "v"));
  ASSERT_TRUE(store->close());
  auto state = **read_manifest(*disk, "store");
  state.flushed_below = 0;
  ASSERT_TRUE(write_manifest(*disk, "store", state));
  checkpoint_shards shards;
  for (const recovered_shard& each : store->parts().shards)
    shards.emplace_back(checkpoint_shards::value_type{}, &each);
  ASSERT_TRUE(remove_checkpoint(*disk, "store"));
  ASSERT_TRUE(write_checkpoint(*disk, "store", state, shards, flush));
  store.reset();
  auto reopened = open(disk);
  ASSERT_TRUE(reopened->report().from_checkpoint);
  EXPECT_EQ(reopened->parts().state.flushed_below, flush);
}

TEST_F(CheckpointTest, ItIsUsedOnce) {
  make_closed_store();
  const auto stale = disk->content(path);
  open(disk);
  EXPECT_FALSE(disk->exists(path));
  disk->put_content(path, stale);
  expect_start(disk, false, "another state");
}

// Goal: after a crash the places in an old checkpoint may be those of files
// that are gone, or of records that were replaced.
TEST_F(CheckpointTest, OneFromBeforeACompactionAndAKillIsRefused) {
  make_closed_store();
  const auto stale = disk->content(path);
  {
    auto store = open(disk);
    ASSERT_TRUE(store->put("key5", "newer"));
    ASSERT_TRUE(store->erase("key7"));
    made["key5"] = "newer";
    made.erase("key7");
    ASSERT_TRUE(store->rotate());
    ASSERT_TRUE(store->sync());
    ASSERT_TRUE(*store->compact(true));
  }
  disk = disk->restart();
  disk->put_content(path, stale);
  expect_start(disk, false, "another state");
}

TEST_F(CheckpointTest, OneOfAnotherStoreIsRefused) {
  make_closed_store();
  const auto foreign = disk->content(path);
  disk = memory_file_system::make();
  made.clear();
  make_closed_store();
  disk->put_content(path, foreign);
  expect_start(disk, false, "another store");
}

TEST_F(CheckpointTest, OneOfAnotherVersionOrShardCountIsIgnored) {
  make_closed_store();
  mini_store::options how;
  how.shard_count = 5;
  expect_start(disk, false, "number of shards", how);
  disk->flip_bit(path, 8, 1);
  expect_start(disk, false, "version");
}

TEST_F(CheckpointTest, OneThatTheLogHasOutgrownIsIgnored) {
  make_closed_store();
  // Behind the back of the MANIFEST: a record in the active segment.
  const auto state = **read_manifest(*disk, "store");
  const auto& entry
    = *std::find_if(state.segments.begin(), state.segments.end(),
                    [](const segment_entry& each) { return !each.sealed; });
  const std::string log = "store/" + segment_file_name(entry.id, entry.kind);
  {
    auto active = open_segment(*disk, log, open_mode::read_write);
    ASSERT_TRUE(active);
    log_writer writer{*active, segment_header_bytes};
    const auto value = testing::bytes_of("v");
    writer.add(record_type::put, entry.base_sequence + 1, 0, "newest", value,
               value_checksum(value));
    ASSERT_TRUE(writer.write_staged(std::numeric_limits<std::uint64_t>::max()));
  }
  made["newest"] = "v";
  expect_start(disk, false, "log goes on");
}

TEST_F(CheckpointTest, ATruncatedOneIsIgnoredAtEveryLength) {
  make_closed_store();
  const auto whole = disk->content(path);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    auto torn = whole;
    torn.resize(size);
    disk->put_content(path, torn);
    expect_start(disk, false);
    ASSERT_FALSE(HasFailure()) << size;
  }
  auto longer = whole;
  longer.resize(whole.size() + 8);
  disk->put_content(path, longer);
  expect_start(disk, false, "damaged");
}

TEST_F(CheckpointTest, ADamagedOneIsIgnoredWhereverTheDamageIs) {
  make_closed_store();
  const std::size_t size = disk->content(path).size();
  ASSERT_GT(size, 500u);
  for (std::size_t at = 0; at < size; ++at) {
    const auto bit = static_cast<unsigned>(at % 8);
    disk->flip_bit(path, at, bit);
    expect_start(disk, false);
    ASSERT_FALSE(HasFailure()) << at;
    disk->flip_bit(path, at, bit);
  }
  expect_start(disk, true);
}

TEST_F(CheckpointTest, ZerosOrGarbageAreIgnored) {
  make_closed_store();
  const std::size_t size = disk->content(path).size();
  for (const int byte : {0, 0xFF, 0x5A}) {
    disk->put_content(path, std::vector<std::byte>(size, std::byte(byte)));
    expect_start(disk, false, "damaged");
  }
  disk->put_content(path, {});
  expect_start(disk, false, "damaged");
}

TEST_F(CheckpointTest, OneThatCannotBeWrittenLeavesNothingBehind) {
  for (const disk_call call :
       {disk_call::create, disk_call::write, disk_call::rename})
    for (std::uint64_t nth = 1; nth < 4; ++nth) {
      disk = memory_file_system::make();
      made = {{"key", "value"}};
      auto store = open(disk);
      ASSERT_TRUE(store->put("key", "value"));
      ASSERT_TRUE(store->rotate());
      ASSERT_TRUE(store->sync());
      disk->fail(call, nth, ENOSPC);
      const bool closed{store->close()};
      disk->stop_failing();
      store.reset();
      EXPECT_EQ(disk->exists(path), closed);
      EXPECT_FALSE(disk->exists("store/CHECKPOINT.tmp"));
      expect_start(disk, closed);
    }
}

// Goal: no write may come while a checkpoint of an earlier state is there.
TEST_F(CheckpointTest, OneThatCannotBeRemovedRefusesTheStart) {
  make_closed_store();
  const auto before = disk->content("store/MANIFEST");
  disk->fail(disk_call::unlink, 1, EIO, true);
  auto refused = mini_store::open(disk, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::io_failed);
  EXPECT_EQ(disk->content("store/MANIFEST"), before);
  disk->stop_failing();
  expect_start(disk, true);
}

TEST_F(CheckpointTest, AReadErrorCostsTimeAndNoData) {
  make_closed_store();
  bool was_ignored = false;
  for (std::uint64_t nth = 1; nth < 20; ++nth) {
    const auto copy = disk->restart();
    copy->fail(disk_call::read, nth, EIO);
    auto opened = mini_store::open(copy, {});
    if (!opened)
      continue;
    was_ignored = was_ignored || !(*opened)->report().from_checkpoint;
    EXPECT_EQ(*(*opened)->all(), made);
  }
  EXPECT_TRUE(was_ignored);
}

} // namespace
} // namespace kvs::storage
