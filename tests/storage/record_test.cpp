#include "storage/record.hpp"

#include "tests/storage/mini_store.hpp"

#include <gtest/gtest.h>

namespace kvs::storage {
namespace {

using testing::bytes_of;

record_context log_context(std::uint8_t mark = 1) {
  record_context context;
  context.identity.fill(std::byte{mark});
  context.base_sequence = 1000;
  return context;
}

record_head put_of(std::string_view key, std::string_view value) {
  record_head head;
  head.sequence = 1234;
  head.durable_to = 64;
  head.key_bytes = static_cast<std::uint32_t>(key.size());
  head.value_bytes = static_cast<std::uint32_t>(value.size());
  head.value_crc = value_checksum(bytes_of(value));
  return head;
}

std::vector<std::byte> encoded(const record_context& context,
                               std::uint64_t offset_bytes,
                               const record_head& head, std::string_view key) {
  std::vector<std::byte> bytes(key_offset(head.expires_at != 0) + key.size());
  EXPECT_EQ(encode_head(bytes, context, offset_bytes, head, key), bytes.size());
  return bytes;
}

void expect_same(const record_head& a, const record_head& b) {
  EXPECT_EQ(a.type, b.type);
  EXPECT_EQ(a.sequence, b.sequence);
  EXPECT_EQ(a.durable_to, b.durable_to);
  EXPECT_EQ(a.expires_at, b.expires_at);
  EXPECT_EQ(a.key_bytes, b.key_bytes);
  EXPECT_EQ(a.value_bytes, b.value_bytes);
  EXPECT_EQ(a.value_crc, b.value_crc);
}

TEST(RecordTest, ReadsBackWhatWasWritten) {
  for (const std::string& key :
       {std::string{}, std::string{"k"}, std::string("a\0b\n", 4),
        std::string(70'000, 'x')})
    for (const timestamp_ms expiry : {0ull, 1ull, ~0ull})
      for (const auto kind : {segment_kind::log, segment_kind::relocation}) {
        record_context context = log_context();
        context.kind = kind;
        record_head head = put_of(key, "value");
        head.expires_at = expiry;
        if (kind == segment_kind::relocation)
          head.durable_to = 0;
        const auto bytes = encoded(context, 4096, head, key);
        const auto found = decode_head(bytes, context, 4096);
        ASSERT_TRUE(found);
        expect_same(found->head, head);
        EXPECT_EQ(found->key, key);
        EXPECT_EQ(claimed_head_bytes(bytes), bytes.size());
        EXPECT_TRUE(head_is_plausible(bytes, context, 4096));
      }
}

// Goal: no bit of a head or key may change unnoticed, not even in the fields
// that only a checksum of something else refers to.
TEST(RecordTest, EveryFlippedBitOfAHeadIsDetected) {
  for (const timestamp_ms expiry : {0ull, 123456ull}) {
    record_head head = put_of("some key", "some value");
    head.expires_at = expiry;
    const auto bytes = encoded(log_context(), 72, head, "some key");
    for (std::size_t i = 0; i < bytes.size() * 8; ++i) {
      auto flipped = bytes;
      flipped[i / 8] ^= std::byte{1} << (i % 8);
      EXPECT_FALSE(decode_head(flipped, log_context(), 72)) << "bit " << i;
    }
  }
}

TEST(RecordTest, EveryTruncationOfAHeadIsDetected) {
  const auto bytes = encoded(log_context(), 72, put_of("key", "v"), "key");
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode_head(std::span{bytes}.first(size), log_context(), 72));
}

// Goal: two records that were swapped, or one left behind by a file that used
// these blocks before, are intact byte for byte and still must not be
// believed.
TEST(RecordTest, IsOnlyValidInItsPlaceAndSegment) {
  const auto bytes = encoded(log_context(1), 72, put_of("key", "v"), "key");
  EXPECT_TRUE(decode_head(bytes, log_context(1), 72));
  EXPECT_FALSE(decode_head(bytes, log_context(1), 104));
  EXPECT_FALSE(decode_head(bytes, log_context(2), 72));
}

TEST(RecordTest, ZeroBytesAreNoRecord) {
  const std::vector<std::byte> zeros(64);
  EXPECT_FALSE(decode_head(zeros, log_context(), 64));
  EXPECT_FALSE(head_is_plausible(zeros, log_context(), 64));
}

TEST(RecordTest, ATombstoneWithAValueIsNoRecord) {
  record_head head = put_of("key", "v");
  head.type = record_type::tombstone;
  const auto bytes = encoded(log_context(), 72, head, "key");
  EXPECT_FALSE(decode_head(bytes, log_context(), 72));
}

TEST(RecordTest, ASmallRecordCostsAtMost32BytesBeyondKeyAndValue) {
  std::uint64_t most = 0;
  for (std::uint64_t key = 0; key < 40; ++key)
    for (std::uint64_t value = 0; value < 40; ++value)
      most = std::max(most, record_bytes(key, value, false) - key - value);
  EXPECT_LE(most, 32u);
}

} // namespace
} // namespace kvs::storage
