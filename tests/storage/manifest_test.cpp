#include "storage/manifest.hpp"

#include "tests/support/memory_file_system.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace kvs::storage {
namespace {

using test_support::disk_call;
using test_support::memory_file_system;

manifest example() {
  manifest m;
  m.store_id = 0x1122334455667788;
  m.generation = 9;
  m.hash_seed = 77;
  m.epoch = 3;
  m.persisted_time = 1'700'000'000'000;
  m.flushed_below = 41;
  m.next_segment = segment_id{12};
  segment_entry entry;
  entry.id = segment_id{4};
  entry.identity.fill(std::byte{0xab});
  entry.base_sequence = 5;
  entry.sealed = true;
  entry.end_bytes = 4096;
  entry.record_count = 10;
  entry.tombstone_count = 2;
  entry.tombstone_bytes = 64;
  entry.min_sequence = 6;
  entry.max_sequence = 19;
  entry.max_shadow_sequence = 18;
  m.segments.push_back(entry);
  entry.id = segment_id{11};
  entry.kind = segment_kind::relocation;
  entry.purged_at = 17;
  m.segments.push_back(entry);
  return m;
}

TEST(ManifestTest, ReadsBackWhatWasWritten) {
  const auto bytes = encode_manifest(example());
  const auto read = decode_manifest(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(encode_manifest(*read), bytes);
  EXPECT_EQ(read->segments.size(), 2u);
  EXPECT_EQ(read->segments[1].purged_at, 17u);
  EXPECT_EQ(read->segments[1].kind, segment_kind::relocation);
  EXPECT_EQ(read->flushed_below, 41u);
  EXPECT_EQ(read->epoch, 3u);
}

TEST(ManifestTest, EveryFlippedBitIsDetected) {
  const auto bytes = encode_manifest(example());
  for (std::size_t i = 0; i < bytes.size() * 8; ++i) {
    auto flipped = bytes;
    flipped[i / 8] ^= std::byte{1} << (i % 8);
    EXPECT_FALSE(decode_manifest(flipped)) << "bit " << i;
  }
}

TEST(ManifestTest, EveryTruncationIsDetected) {
  const auto bytes = encode_manifest(example());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode_manifest(std::span{bytes}.first(size)));
}

TEST(ManifestTest, AnotherVersionIsNotCalledCorrupt) {
  auto bytes = encode_manifest(example());
  bytes[8] = std::byte{2};
  const auto read = decode_manifest(bytes);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, errc::unknown_format);
}

TEST(ManifestTest, EntriesThatContradictEachOtherAreCorrupt) {
  manifest twice = example();
  twice.segments[1].id = twice.segments[0].id;
  EXPECT_FALSE(decode_manifest(encode_manifest(twice)));
  manifest beyond = example();
  beyond.next_segment = segment_id{11};
  EXPECT_FALSE(decode_manifest(encode_manifest(beyond)));
}

TEST(ManifestTest, AnAbsentFileIsNoError) {
  auto disk = memory_file_system::make();
  ASSERT_TRUE(disk->create_directory("d"));
  auto read = read_manifest(*disk, "d");
  ASSERT_TRUE(read);
  EXPECT_FALSE(*read);
}

// Goal: whatever step of a replacement fails, a complete MANIFEST is there.
TEST(ManifestTest, AFailedReplacementLeavesTheOldOneOrTheNewOne) {
  for (const disk_call call :
       {disk_call::create, disk_call::write, disk_call::sync, disk_call::rename,
        disk_call::sync_directory}) {
    auto disk = memory_file_system::make();
    ASSERT_TRUE(disk->create_directory("d"));
    manifest m = example();
    ASSERT_TRUE(write_manifest(*disk, "d", m));
    disk->fail(call, 1, EIO);
    ++m.generation;
    EXPECT_FALSE(write_manifest(*disk, "d", m));
    disk->stop_failing();
    for (const auto policy : test_support::all_crash_policies)
      for (std::uint64_t seed = 0; seed < 8; ++seed) {
        auto after = disk->crash(policy, seed);
        auto read = read_manifest(*after, "d");
        ASSERT_TRUE(read) << to_string(read.error());
        ASSERT_TRUE(*read);
        EXPECT_GE((*read)->generation, m.generation - 1);
      }
    EXPECT_TRUE(write_manifest(*disk, "d", m));
  }
}

} // namespace
} // namespace kvs::storage
