// Goal: salvage keeps everything that verifies, never a wrong or an old value
// in place of one that it knows to be damaged, and lists what was lost.

#include "storage/salvage.hpp"

#include "tests/storage/mini_store.hpp"
#include "tests/support/memory_file_system.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>

namespace kvs::storage {
namespace {

using test_support::disk_call;
using test_support::memory_file_system;
using testing::contents;
using testing::mini_store;

class SalvageTest : public ::testing::Test {
protected:
  /// Sealed segments with overwrites and deletions, and an active one.
  void SetUp() override {
    store = open("store");
    ASSERT_TRUE(store->put("flushed", "v"));
    ASSERT_TRUE(store->rotate());
    ASSERT_TRUE(store->flush());
    for (int i = 0; i < 12; ++i)
      ASSERT_TRUE(store->put("key" + std::to_string(i), "old"));
    ASSERT_TRUE(store->rotate());
    for (int i = 0; i < 12; i += 2)
      ASSERT_TRUE(store->put("key" + std::to_string(i), "new"));
    ASSERT_TRUE(store->erase("key1"));
    ASSERT_TRUE(store->put("expires", "v", 5000));
    newest = store->parts().active->bytes().path();
    ASSERT_TRUE(store->rotate());
    ASSERT_TRUE(store->batch({{"x", "1"}, {"key3", std::nullopt}, {"y", "2"}}));
    ASSERT_TRUE(store->sync());
    active = store->parts().active->bytes().path();
    ASSERT_TRUE(store->mark());
    made = *store->all();
    ASSERT_EQ(made.size(), 13u);
  }

  std::unique_ptr<mini_store> open(const std::string& directory) {
    mini_store::options how;
    how.directory = directory;
    auto opened = mini_store::open(disk, how);
    EXPECT_TRUE(opened) << (opened ? "" : to_string(opened.error()));
    return opened ? *std::move(opened) : nullptr;
  }

  result<salvage_report> salvage() {
    store.reset();
    disk = disk->restart();
    return salvage_store(disk, "store", "copy", {});
  }
  /// Salvages; what the new store holds. It must be a good one.
  contents salvaged() {
    auto done = salvage();
    EXPECT_TRUE(done) << (done ? "" : to_string(done.error()));
    if (!done)
      return {};
    report = *done;
    contents found;
    for (int start = 0; start < 2; ++start) {
      auto copy = open("copy");
      if (!copy)
        return {};
      found = *copy->all();
      EXPECT_GT(copy->last_sequence(), highest) << "numbers would repeat";
      highest = copy->last_sequence();
    }
    return found;
  }

  std::shared_ptr<memory_file_system> disk = memory_file_system::make();
  std::unique_ptr<mini_store> store;
  /// Of the second values, and of the batch.
  std::string newest;
  std::string active;
  contents made;
  salvage_report report;
  sequence_number highest = 0;
};

TEST_F(SalvageTest, AWholeStoreIsKeptAsAWhole) {
  highest = store->last_sequence();
  const auto before = disk->content(active);
  EXPECT_EQ(salvaged(), made);
  EXPECT_TRUE(report.lost.empty());
  EXPECT_EQ(report.records, 1u + 12 + 8 + 3);
  EXPECT_EQ(disk->content(active), before);
  // The old store is as it was.
  EXPECT_EQ(*open("store")->all(), made);
}

// Goal: whichever bit is flipped, all but the records around it are kept, and
// nothing that was never the newest value of its key appears unless the list
// says so.
TEST_F(SalvageTest, OneFlippedBitCostsOneRecord) {
  const auto intact = disk;
  for (const std::string& path : {newest, active}) {
    const std::size_t bytes = intact->content(path).size();
    for (std::size_t at = 0; at < bytes; ++at) {
      disk = intact->restart();
      highest = 0;
      disk->flip_bit(path, at, static_cast<unsigned>(at % 8));
      const contents found = salvaged();
      // Padding is covered by no checksum.
      if (report.lost.empty()) {
        EXPECT_EQ(found, made) << path << " " << at;
        continue;
      }
      EXPECT_EQ(report.lost.size(), 1u) << path << " " << at;
      std::size_t different = 0;
      for (const auto& [key, value] : made) {
        const auto it = found.find(key);
        if (it != found.end() && it->second == value)
          continue;
        ++different;
        if (it != found.end()) {
          EXPECT_EQ(it->second, "old");
          EXPECT_FALSE(report.lost.front().key);
        }
      }
      EXPECT_LE(different, 1u) << path << " " << at;
      for (const auto& [key, value] : found)
        EXPECT_TRUE(made.contains(key) || !report.lost.front().key) << key;
    }
  }
}

TEST_F(SalvageTest, ADamagedNewestValueDoesNotBringTheOldOneBack) {
  auto bytes = disk->content(newest);
  const std::string text(reinterpret_cast<const char*>(bytes.data()),
                         bytes.size());
  disk->flip_bit(newest, text.find("key4new") + 5, 0);
  auto expected = made;
  expected.erase("key4");
  EXPECT_EQ(salvaged(), expected);
  ASSERT_EQ(report.lost.size(), 1u);
  EXPECT_EQ(report.lost.front().key, "key4");
}

TEST_F(SalvageTest, ADamagedHeaderCostsNothing) {
  disk->flip_bit(newest, 20, 3);
  EXPECT_EQ(salvaged(), made);
  ASSERT_EQ(report.lost.size(), 1u);
  EXPECT_NE(report.lost.front().what.find("header"), std::string::npos);
}

TEST_F(SalvageTest, AMissingSegmentCostsWhatWasInIt) {
  ASSERT_TRUE(disk->unlink(newest));
  auto expected = made;
  for (auto& [key, value] : expected)
    if (value == "new")
      value = "old";
  // Its deletion was in there too.
  expected["key1"] = "old";
  expected.erase("expires");
  EXPECT_EQ(salvaged(), expected);
  ASSERT_EQ(report.lost.size(), 1u);
  EXPECT_EQ(report.lost.front().file, newest);
}

TEST_F(SalvageTest, WithoutAManifestEverySegmentIsTaken) {
  for (const bool damaged : {true, false}) {
    if (damaged)
      disk->flip_bit("store/MANIFEST", 100, 2);
    else
      ASSERT_TRUE(disk->unlink("store/MANIFEST"));
    highest = 0;
    EXPECT_EQ(salvaged(), made);
    EXPECT_EQ(report.lost.size(), 1u);
    EXPECT_FALSE(report.notes.empty());
    const auto names = disk->list("copy");
    for (const std::string& name : *names)
      ASSERT_TRUE(disk->unlink("copy/" + name));
  }
}

// Goal: numbers that clients have seen are not used again, even if no record
// with one of them is left.
TEST_F(SalvageTest, WithoutAManifestNumbersGoOnAllTheSame) {
  store.reset();
  for (int start = 0; start < 3; ++start)
    highest = open("store")->last_sequence();
  ASSERT_TRUE(disk->unlink("store/MANIFEST"));
  EXPECT_EQ(salvaged(), made);
}

// Goal: what was never acknowledged is no more there than after any start.
TEST_F(SalvageTest, ATornTailIsLeftOutAndHalfABatchWithIt) {
  ASSERT_TRUE(store->batch({{"t1", "1"}, {"t2", std::string(50, '2')}}));
  // The size of the file came to the disk before the last bytes.
  auto bytes = disk->content(active);
  std::fill(bytes.end() - 20, bytes.end(), std::byte{0});
  disk->put_content(active, bytes);
  EXPECT_EQ(salvaged(), made);
  EXPECT_TRUE(report.lost.empty());
  EXPECT_FALSE(report.notes.empty());
}

TEST_F(SalvageTest, BehindDamageToSyncedDataTheTailCountsAsUsual) {
  ASSERT_TRUE(store->put("behind", "v"));
  ASSERT_TRUE(store->batch({{"t1", "1"}, {"t2", std::string(50, '2')}}));
  auto bytes = disk->content(active);
  bytes.resize(bytes.size() - 20);
  disk->put_content(active, bytes);
  // The head of the batch's first record.
  disk->flip_bit(active, segment_header_bytes + 24 + 9, 0);
  auto expected = made;
  expected.erase("x");
  expected["behind"] = "v";
  EXPECT_EQ(salvaged(), expected);
  ASSERT_EQ(report.lost.size(), 1u);
  EXPECT_EQ(report.lost.front().file, active);
}

TEST_F(SalvageTest, TheNewDirectoryHasToBeEmpty) {
  disk->put_content("copy/notes.txt", {});
  auto refused = salvage();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unusable_directory);
  EXPECT_EQ(disk->list("copy")->size(), 1u);
}

TEST_F(SalvageTest, AStoreInUseIsRefused) {
  auto refused = salvage_store(disk, "store", "copy", {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::locked);
}

TEST_F(SalvageTest, NothingToSalvageIsAnError) {
  ASSERT_TRUE(disk->create_directory("empty"));
  auto refused = salvage_store(disk, "empty", "copy", {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::not_found);
}

// Goal: a copy that was not finished is never taken for a store, and the old
// one is not touched.
TEST_F(SalvageTest, AFailedCallLeavesNoHalfStore) {
  store.reset();
  const auto intact = disk->restart();
  for (const disk_call call :
       {disk_call::create, disk_call::write, disk_call::sync, disk_call::read,
        disk_call::rename, disk_call::sync_directory})
    for (std::uint64_t nth = 1; nth < 30; ++nth) {
      disk = intact->restart();
      disk->fail(call, nth, EIO);
      const bool done{salvage_store(disk, "store", "copy", {})};
      disk->stop_failing();
      EXPECT_EQ(*open("store")->all(), made);
      if (done) {
        EXPECT_EQ(*open("copy")->all(), made);
        continue;
      }
      mini_store::options how;
      how.directory = "copy";
      auto opened = mini_store::open(disk, how);
      // An empty one may be made where nothing was written yet; the last
      // failure may come when all is done.
      if (opened) {
        const contents found = *(*opened)->all();
        EXPECT_TRUE(found.empty() || found == made);
      }
    }
}

TEST_F(SalvageTest, APowerCutAfterwardsLosesNothing) {
  ASSERT_TRUE(salvage());
  disk = disk->crash(test_support::crash_policy::lose_unsynced, 0);
  EXPECT_EQ(*open("copy")->all(), made);
}

} // namespace
} // namespace kvs::storage
