// Goal: a checkpoint of many blocks gives exactly the index that was written,
// also where a table is larger than a block.
// Method: indexes filled by hand, compared slot by slot.

#include "storage/checkpoint.hpp"
#include "storage/checkpoint_format.hpp"
#include "storage/crc32c.hpp"
#include "tests/support/memory_file_system.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <tuple>

namespace kvs::storage {
namespace {

using test_support::memory_file_system;

constexpr std::uint32_t shard_count = 3;
constexpr std::uint32_t segment_count = 40;

class CheckpointLargeTest : public ::testing::Test {
protected:
  CheckpointLargeTest() {
    EXPECT_TRUE(disk->create_directory("store"));
    state.store_id = 7;
    state.generation = 9;
    for (std::uint32_t id = 1; id <= segment_count; ++id) {
      segment_entry entry;
      entry.id = segment_id{id};
      entry.sealed = true;
      entry.end_bytes = segment_bytes_max;
      state.segments.push_back(entry);
    }
    state.next_segment = segment_id{segment_count + 1};
    for (std::uint32_t i = 0; i < shard_count; ++i)
      shards.push_back(std::make_shared<recovered_shard>(empty_shard(i)));
  }

  static recovered_shard empty_shard(std::uint32_t number) {
    return {index{first_partition(number, shard_count),
                  first_partition(number + 1, shard_count)},
            {}};
  }

  /// Records of all sizes in all segments; every tenth expires.
  void fill(std::uint64_t count,
            const std::function<key_hash(std::uint64_t)>& hash_of) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const key_hash hash = hash_of(i);
      const record_location place{
        segment_id{static_cast<std::uint32_t>(1 + i % segment_count)},
        segment_header_bytes + i / segment_count * 64,
        static_cast<std::uint32_t>(32 + i % 9 * 8)};
      recovered_shard& shard = *shards[shard_of(hash, shard_count)];
      shard.keys.insert(hash, place);
      if (i % 10 == 0)
        shard.expiring.add({hash, place, 1000 + i});
    }
    // Some go again, so that numbers of segments become free.
    for (std::uint64_t i = 3; i < count; i += segment_count) {
      const key_hash hash = hash_of(i);
      recovered_shard& shard = *shards[shard_of(hash, shard_count)];
      shard.keys.remove(hash, {segment_id{4},
                               segment_header_bytes + i / segment_count * 64,
                               static_cast<std::uint32_t>(32 + i % 9 * 8)});
    }
  }

  static key_hash spread(std::uint64_t number) {
    return key_hasher{5}("key" + std::to_string(number));
  }
  /// Four keys of each hash, all in one table.
  static key_hash crowded(std::uint64_t number) {
    return (number / 4 * 0x9E3779B97F4A7C15U) >> index_table_bits;
  }

  bool write() {
    const checkpoint_shards all{shards.begin(), shards.end()};
    return bool{write_checkpoint(*disk, "store", state, all, 11)};
  }

  using slots
    = std::vector<std::tuple<std::uint64_t, std::uint32_t, std::uint64_t>>;
  static slots slots_of(const index& keys) {
    slots found;
    keys.scan(0, std::numeric_limits<std::size_t>::max(),
              [&](std::uint64_t bits, const index_candidate& each) {
                found.emplace_back(
                  bits, static_cast<std::uint32_t>(each.location.segment),
                  each.location.offset_bytes << 20 | each.location.size_bytes);
              });
    return found;
  }

  void expect_same_after_loading() {
    ASSERT_TRUE(write());
    std::string why_not;
    const auto found
      = checkpoint::open(*disk, "store", state, shard_count, why_not);
    ASSERT_TRUE(found) << why_not;
    EXPECT_EQ(found->flushed_below(), 11u);
    for (std::uint32_t i = 0; i < shard_count; ++i) {
      recovered_shard loaded = empty_shard(i);
      ASSERT_TRUE(found->load(i, loaded, 0));
      EXPECT_EQ(loaded.keys.size(), shards[i]->keys.size());
      EXPECT_EQ(slots_of(loaded.keys), slots_of(shards[i]->keys));
      EXPECT_EQ(loaded.expiring.size(), shards[i]->expiring.size());
      for (const segment_entry& entry : state.segments) {
        const live_share a = loaded.keys.live_in(entry.id);
        const live_share b = shards[i]->keys.live_in(entry.id);
        EXPECT_EQ(a.records, b.records);
        EXPECT_EQ(a.bytes, b.bytes);
      }
      // It is an index like any other.
      const key_hash hash = key_hash{first_partition(i, shard_count)}
                            << (64 - partition_bits);
      loaded.keys.insert(hash, {segment_id{900}, 64, 40});
      EXPECT_TRUE(loaded.keys.contains(hash, {segment_id{900}, 64, 40}));
    }
  }

  std::shared_ptr<memory_file_system> disk = memory_file_system::make();
  manifest state;
  std::vector<std::shared_ptr<recovered_shard>> shards;
};

TEST_F(CheckpointLargeTest, ManyTablesInManyBlocks) {
  fill(200'000, spread);
  expect_same_after_loading();
  EXPECT_GT(disk->content("store/CHECKPOINT").size(),
            4 * checkpoint_format::block_bytes);
}

TEST_F(CheckpointLargeTest, ATableThatIsLargerThanABlock) {
  fill(100'000, crowded);
  expect_same_after_loading();
}

TEST_F(CheckpointLargeTest, EmptyShards) {
  expect_same_after_loading();
}

// Goal: bytes that carry the right checksums but contradict the store are
// refused too; nothing in the file may lead outside of what there is.
TEST_F(CheckpointLargeTest, PlacesThatTheManifestDoesNotKnowAreRefused) {
  fill(1000, spread);
  ASSERT_TRUE(write());
  for (const bool shrink : {false, true}) {
    // The head is made to fit, so that the blocks are looked at.
    manifest other = state;
    if (shrink)
      other.segments[10].end_bytes = segment_header_bytes;
    else
      other.segments[10].sealed = false;
    auto bytes = disk->content("store/CHECKPOINT");
    using namespace checkpoint_format;
    store_le(bytes.data() + manifest_crc_at, manifest_checksum(other));
    store_le(bytes.data() + crc_at, std::uint32_t{0});
    const auto head
      = std::span{bytes}.first(head_bytes + shard_count * part_bytes);
    store_le(bytes.data() + crc_at, extend_crc32c(0, head));
    disk->put_content("store/CHECKPOINT", bytes);
    std::string why_not;
    const auto found
      = checkpoint::open(*disk, "store", other, shard_count, why_not);
    ASSERT_TRUE(found) << why_not;
    recovered_shard loaded = empty_shard(0);
    EXPECT_FALSE(found->load(0, loaded, 0));
  }
}

// Goal: bytes that carry the right checksums but were never written by kvs
// lead nowhere outside of the index: they are refused, or give an index that
// can be used. (With sanitizers this finds every byte too many.)
TEST_F(CheckpointLargeTest, MadeUpBlocksAreRefusedOrHarmless) {
  using namespace checkpoint_format;
  fill(300, spread);
  ASSERT_TRUE(write());
  const auto intact = disk->content("store/CHECKPOINT");
  segment_identity identity{};
  std::memcpy(identity.data(), intact.data() + identity_at, identity.size());
  std::mt19937_64 random{1};
  std::size_t refused = 0;
  constexpr std::size_t rounds = 20'000;
  for (std::size_t round = 0; round < rounds; ++round) {
    auto bytes = intact;
    const std::uint64_t begin
      = load_le<std::uint64_t>(bytes.data() + head_bytes);
    const std::uint64_t end
      = begin + load_le<std::uint64_t>(bytes.data() + head_bytes + 8);
    for (std::uint64_t at = begin; at < end;) {
      const std::uint64_t size
        = block_head_bytes + load_le<std::uint32_t>(bytes.data() + at + 8);
      // Anything but the size, which says where the next block is.
      for (std::size_t i = random() % 3; i > 0; --i) {
        const std::uint64_t where = 4 + random() % (size - 4);
        if (where < 8 || where >= 12)
          bytes[at + where] = std::byte(random() % 4 == 0 ? 0 : random());
      }
      store_le(
        bytes.data() + at,
        block_checksum(identity, at, std::span{bytes}.subspan(at, size)));
      at += size;
    }
    disk->put_content("store/CHECKPOINT", bytes);
    std::string why_not;
    const auto found
      = checkpoint::open(*disk, "store", state, shard_count, why_not);
    ASSERT_TRUE(found) << why_not;
    recovered_shard loaded = empty_shard(0);
    const timestamp_ms now = round % 2 == 0 ? 0 : 1100;
    if (!found->load(0, loaded, now)) {
      ++refused;
      continue;
    }
    EXPECT_EQ(slots_of(loaded.keys).size(), loaded.keys.size());
    loaded.keys.insert(0, {segment_id{900}, 64, 40});
    EXPECT_TRUE(loaded.keys.has(0));
  }
  EXPECT_GT(refused, rounds / 4);
  EXPECT_LT(refused, rounds);
}

} // namespace
} // namespace kvs::storage
