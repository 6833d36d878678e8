// Goal: verify finds every damaged byte that matters, names place and keys,
// changes nothing, and takes nothing for damage that a node is just doing.

#include "storage/verify.hpp"

#include "tests/storage/mini_store.hpp"
#include "tests/support/memory_file_system.hpp"
#include "tests/support/watched_file_system.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace kvs::storage {
namespace {

using test_support::memory_file_system;
using test_support::watched_file_system;
using testing::mini_store;

constexpr const char* first = "store/000001.log";
/// Of the records in `first`: head, key of one byte, padding not included.
constexpr std::uint64_t head_end = 24 + 1;
constexpr std::uint64_t value_bytes = 31;
constexpr std::uint64_t size = 56;

class VerifyTest : public ::testing::Test {
protected:
  void SetUp() override {
    auto opened = mini_store::open(disk, {});
    ASSERT_TRUE(opened);
    store = *std::move(opened);
    for (const char* key : {"a", "b", "c", "d"})
      ASSERT_TRUE(store->put(key, std::string(value_bytes, *key)));
    ASSERT_TRUE(store->rotate());
    ASSERT_TRUE(store->batch({{"a", "1"}, {"b", std::nullopt}, {"e", "2"}}));
    ASSERT_TRUE(store->sync());
  }

  verify_report verify() {
    const auto before = disk->changes();
    auto done = verify_store(*disk, "store", {});
    EXPECT_TRUE(done) << (done ? "" : to_string(done.error()));
    EXPECT_EQ(disk->changes(), before) << "it has changed something";
    return done ? *std::move(done) : verify_report{};
  }
  std::string only_damage() {
    const auto report = verify();
    EXPECT_EQ(report.damages.size(), 1u);
    return report.damages.empty() ? "" : to_string(report.damages.front());
  }

  std::shared_ptr<memory_file_system> disk = memory_file_system::make();
  std::unique_ptr<mini_store> store;
};

TEST_F(VerifyTest, AWholeStoreHasNoDamageOpenOrClosed) {
  for (const bool closed : {false, true}) {
    if (closed) {
      ASSERT_TRUE(store->close());
      store.reset();
    }
    const auto report = verify();
    EXPECT_TRUE(report.damages.empty()) << to_string(report.damages.front());
    EXPECT_EQ(report.records, 7u);
    EXPECT_GE(report.segments, 3u);
    EXPECT_GT(report.bytes, 4 * size);
  }
}

TEST_F(VerifyTest, EveryFlippedBitOfASealedSegmentIsFound) {
  const std::uint64_t end = segment_header_bytes + 4 * size;
  for (std::uint64_t at = 0; at < end; ++at)
    for (unsigned bit = 0; bit < 8; bit += 3) {
      disk->flip_bit(first, at, bit);
      const auto report = verify();
      ASSERT_EQ(report.damages.size(), 1u) << at;
      const damage& found = report.damages.front();
      EXPECT_EQ(found.file, first);
      if (at >= segment_header_bytes) {
        const std::uint64_t record = (at - segment_header_bytes) / size;
        EXPECT_EQ(found.begin_bytes, segment_header_bytes + record * size);
        EXPECT_EQ(found.end_bytes, segment_header_bytes + (record + 1) * size);
        EXPECT_EQ(report.records, 6u);
      }
      disk->flip_bit(first, at, bit);
    }
}

TEST_F(VerifyTest, DamageNamesTheKeyOrTheKeysAround) {
  disk->flip_bit(first, segment_header_bytes + size + head_end, 0);
  EXPECT_EQ(only_damage(), "store/000001.log offset 120 to 176: the value does "
                           "not verify; key \"b\"");
  disk->flip_bit(first, segment_header_bytes + size + head_end, 0);
  disk->flip_bit(first, segment_header_bytes + size + 17, 0);
  EXPECT_EQ(only_damage(),
            "store/000001.log offset 120 to 176: nothing here verifies; keys "
            "between \"a\" and \"c\" of the segment, in the order of the log");
  disk->flip_bit(first, segment_header_bytes + 2 * size + 3, 0);
  EXPECT_EQ(only_damage(),
            "store/000001.log offset 120 to 232: nothing here verifies; keys "
            "between \"a\" and \"d\" of the segment, in the order of the log");
  disk->flip_bit(first, segment_header_bytes + 3, 0);
  disk->flip_bit(first, segment_header_bytes + 3 * size + 3, 0);
  EXPECT_EQ(only_damage(),
            "store/000001.log offset 64 to 288: nothing here verifies; keys "
            "between the beginning and the end of the segment, in the order of "
            "the log");
}

TEST_F(VerifyTest, KeysAreShownShortAndEscaped) {
  const damage odd{"f", 8, 16, "w", std::string("\n\"\x7f") + "é"};
  EXPECT_EQ(to_string(odd), "f offset 8 to 16: w; key "
                            "\"\\x0a\\x22\\x7f\\xc3\\xa9\"");
  const damage one{"f", 8, 16, "w", std::string(500, 'k')};
  EXPECT_LT(to_string(one).size(), 120u);
}

TEST_F(VerifyTest, FilesThatAreMissingShortOrForeignAreDamage) {
  const auto whole = disk->content(first);
  ASSERT_TRUE(disk->unlink(first));
  EXPECT_NE(only_damage().find("it is missing"), std::string::npos);
  for (std::size_t left = 0; left < segment_header_bytes + 4 * size;
       left += 13) {
    auto cut = whole;
    cut.resize(left);
    disk->put_content(first, cut);
    EXPECT_FALSE(verify().damages.empty()) << left;
  }
  auto other = memory_file_system::make();
  ASSERT_TRUE(mini_store::open(other, {}));
  disk->put_content(first, other->content(first));
  EXPECT_FALSE(verify().damages.empty());
}

TEST_F(VerifyTest, WhatTheManifestSaysHasToBeTrue) {
  auto changed = **read_manifest(*disk, "store");
  auto& entry = changed.segments.front();
  ASSERT_TRUE(entry.sealed);
  ++entry.record_count;
  ASSERT_TRUE(write_manifest(*disk, "store", changed));
  EXPECT_NE(only_damage().find("what the MANIFEST says"), std::string::npos);
}

TEST_F(VerifyTest, WithoutAManifestTheSegmentsAreReadAllTheSame) {
  disk->flip_bit("store/MANIFEST", 70, 1);
  disk->flip_bit(first, segment_header_bytes + size + head_end, 0);
  auto report = verify();
  ASSERT_EQ(report.damages.size(), 2u);
  EXPECT_EQ(report.damages[0].file, "store/MANIFEST");
  EXPECT_EQ(report.damages[1].key, "b");
  EXPECT_EQ(report.records, 6u);
  ASSERT_TRUE(disk->unlink("store/MANIFEST"));
  report = verify();
  ASSERT_EQ(report.damages.size(), 2u);
  EXPECT_EQ(report.damages[0].what, "it is missing");
}

TEST_F(VerifyTest, NothingToVerifyIsAnError) {
  ASSERT_TRUE(disk->create_directory("empty"));
  auto done = verify_store(*disk, "empty", {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, errc::not_found);
  auto bytes = disk->content("store/MANIFEST");
  bytes[8] = std::byte{99};
  disk->put_content("store/MANIFEST", bytes);
  done = verify_store(*disk, "store", {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, errc::unknown_format);
}

// Goal: the rule of a start: what was synced must be there, the rest may be
// torn.
TEST_F(VerifyTest, ATornTailIsANoteAndLostSyncedDataIsDamage) {
  const std::string active = store->parts().active->bytes().path();
  ASSERT_TRUE(store->put("torn", "v"));
  auto bytes = disk->content(active);
  bytes.resize(bytes.size() - 9);
  disk->put_content(active, bytes);
  auto report = verify();
  EXPECT_TRUE(report.damages.empty());
  ASSERT_FALSE(report.notes.empty());
  EXPECT_EQ(report.records, 7u);
  // The batch was synced before the record that was torn.
  disk->flip_bit(active, segment_header_bytes + 24 + 24, 0);
  ASSERT_TRUE(store->mark());
  EXPECT_FALSE(verify().damages.empty());
}

TEST_F(VerifyTest, ALogThatNoManifestKnowsIsDamage) {
  disk->put_content("store/000900.log", disk->content(first));
  EXPECT_NE(only_damage().find("does not know it"), std::string::npos);
}

TEST_F(VerifyTest, AMissingHintIsANote) {
  ASSERT_TRUE(store->close());
  store.reset();
  auto notes = verify().notes.size();
  EXPECT_NE(notes, 0u);
  ASSERT_TRUE(disk->unlink("store/CHECKPOINT"));
  ASSERT_TRUE(mini_store::open(disk, {}));
  EXPECT_TRUE(verify().notes.empty());
}

// -- while a node serves the directory ----------------------------------------

TEST_F(VerifyTest, ASegmentThatACompactionTakesAwayIsNoDamage) {
  watched_file_system live{disk};
  bool done = false;
  live.before_open = [&](const std::string& path) {
    if (path != first || std::exchange(done, true))
      return;
    for (const char* key : {"a", "b", "c", "d"})
      ASSERT_TRUE(store->put(key, "new"));
    ASSERT_TRUE(*store->compact(true));
    ASSERT_FALSE(disk->exists(first));
  };
  auto report = verify_store(live, "store", {});
  ASSERT_TRUE(report);
  EXPECT_TRUE(done);
  EXPECT_TRUE(report->damages.empty()) << to_string(report->damages.front());
}

// Goal: the tail may be written and synced between two looks at it.
TEST_F(VerifyTest, WhatIsWrittenMeanwhileIsNoDamage) {
  const std::string active = store->parts().active->bytes().path();
  // As a node reserves space: what is written lies within the size.
  auto bytes = disk->content(active);
  bytes.resize(bytes.size() + 60'000);
  disk->put_content(active, bytes);
  for (int nth = 1; nth < 12; ++nth) {
    watched_file_system live{disk};
    int reads = 0;
    live.before_read = [&](const std::string& path) {
      if (path != active || ++reads != nth)
        return;
      ASSERT_TRUE(store->put("f", std::string(100, 'f')));
      ASSERT_TRUE(store->sync());
      ASSERT_TRUE(store->put("g", "g"));
      ASSERT_TRUE(store->mark());
    };
    auto report = verify_store(live, "store", {});
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->damages.empty())
      << nth << ": " << to_string(report->damages.front());
  }
}

TEST_F(VerifyTest, ARotationMeanwhileIsNoDamage) {
  const std::string next = store->parts().next->bytes().path();
  watched_file_system live{disk};
  bool done = false;
  live.before_open = [&](const std::string& path) {
    if (path != next || std::exchange(done, true))
      return;
    ASSERT_TRUE(store->rotate());
    ASSERT_TRUE(store->put("f", "f"));
    ASSERT_TRUE(store->sync());
    ASSERT_TRUE(store->put("g", "g"));
    ASSERT_TRUE(store->mark());
  };
  auto report = verify_store(live, "store", {});
  ASSERT_TRUE(report);
  EXPECT_TRUE(done);
  EXPECT_TRUE(report->damages.empty()) << to_string(report->damages.front());
}

// Goal: a log is created, then listed, then written to; all of that may happen
// between two looks.
TEST_F(VerifyTest, ALogThatIsBegunMeanwhileIsNoDamage) {
  const std::string begun = "store/000004.log";
  // As the node is about to: there, but not listed.
  auto manifest_then = disk->content("store/MANIFEST");
  ASSERT_TRUE(store->rotate());
  ASSERT_TRUE(store->sync());
  ASSERT_TRUE(disk->exists(begun));
  ASSERT_TRUE(store->rotate());
  ASSERT_TRUE(store->put("f", "f"));
  const auto manifest_now = disk->content("store/MANIFEST");
  disk->put_content("store/MANIFEST", manifest_then);
  watched_file_system live{disk};
  live.before_open = [&](const std::string& path) {
    if (path == begun)
      disk->put_content("store/MANIFEST", manifest_now);
  };
  auto report = verify_store(live, "store", {});
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->damages.empty()) << to_string(report->damages.front());
}

TEST_F(VerifyTest, AFailedReadIsAnErrorAndNoDamage) {
  for (std::uint64_t nth = 1; nth < 30; ++nth) {
    auto copy = disk->restart();
    copy->fail(test_support::disk_call::read, nth, EIO);
    auto done = verify_store(*copy, "store", {});
    if (!done) {
      EXPECT_EQ(done.error().code, errc::io_failed);
    } else {
      EXPECT_TRUE(done->damages.empty());
    }
  }
}

} // namespace
} // namespace kvs::storage
