#include "storage/segment_scanner.hpp"

#include "storage/limits.hpp"
#include "storage/log_writer.hpp"
#include "tests/storage/mini_store.hpp"
#include "tests/support/memory_file_system.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <deque>
#include <limits>

namespace kvs::storage {
namespace {

using test_support::disk_call;
using test_support::memory_file_system;
using testing::bytes_of;
using values = segment_scanner::values;

constexpr auto everything = std::numeric_limits<std::uint64_t>::max();
constexpr const char* path = "d/000001.log";

class SegmentScannerTest : public ::testing::Test {
protected:
  void SetUp() override {
    target = testing::make_log_segment(*disk, 1);
    ASSERT_NE(target, nullptr);
    writer = std::make_unique<log_writer>(target, segment_header_bytes);
  }

  record_location put(std::string_view key, std::string value) {
    const std::string& kept = kept_values.emplace_back(std::move(value));
    return writer->add(record_type::put, ++last, 0, key, bytes_of(kept),
                       value_checksum(bytes_of(kept)));
  }
  void write() {
    ASSERT_TRUE(writer->write_staged(everything));
  }

  struct found {
    std::vector<std::string> keys;
    std::uint64_t end_bytes = 0;
  };
  found scan(values checked = values::verify) {
    segment_scanner scanner{target, *target->bytes().size_bytes(), checked};
    found all;
    while (true) {
      auto next = scanner.next();
      EXPECT_TRUE(next);
      if (!next || !*next)
        break;
      EXPECT_EQ((*next)->location.segment, segment_id{1});
      all.keys.emplace_back((*next)->key);
    }
    all.end_bytes = scanner.end_bytes();
    return all;
  }
  tail_verdict judge(std::uint64_t end_bytes) {
    auto found = judge_tail(*target, end_bytes, *target->bytes().size_bytes());
    EXPECT_TRUE(found);
    return found ? *found : tail_verdict{};
  }

  std::shared_ptr<memory_file_system> disk = memory_file_system::make();
  segment_ptr target;
  std::unique_ptr<log_writer> writer;
  sequence_number last = 0;
  /// Large values are borrowed until they are written.
  std::deque<std::string> kept_values;
};

using keys = std::vector<std::string>;

TEST_F(SegmentScannerTest, FindsNothingInAnEmptySegment) {
  EXPECT_EQ(scan().keys, keys{});
  EXPECT_EQ(scan().end_bytes, segment_header_bytes);
}

// Goal: records of every size come back, whether they lie within one read of
// the scanner, across two, or are larger than one.
TEST_F(SegmentScannerTest, FindsRecordsOfEverySize) {
  keys expected;
  for (const std::size_t size :
       {0, 1, 100, 16'383, 16'384, 200'000, 524'288, 1'500'000, 3})
    for (const std::size_t key_size : {0, 5, 70'000}) {
      const std::string key(key_size, static_cast<char>('a' + size % 26));
      put(key, std::string(size, 'v'));
      write();
      expected.push_back(key);
    }
  for (const values checked : {values::verify, values::skip}) {
    const found all = scan(checked);
    EXPECT_EQ(all.keys, expected);
    EXPECT_EQ(all.end_bytes, writer->end_bytes());
  }
}

TEST_F(SegmentScannerTest, StopsAtADamagedHeadAndAtADamagedValue) {
  put("a", "1");
  const auto second = put("b", "2");
  put("c", "3");
  write();
  disk->flip_bit(path, second.offset_bytes + 16, 0);
  EXPECT_EQ(scan().keys, keys{"a"});
  EXPECT_EQ(scan().end_bytes, second.offset_bytes);
  disk->flip_bit(path, second.offset_bytes + 16, 0);
  disk->flip_bit(path, second.offset_bytes + 25, 0);
  EXPECT_EQ(scan(values::verify).keys, keys{"a"});
  EXPECT_EQ(scan(values::skip).keys, (keys{"a", "b", "c"}));
}

TEST_F(SegmentScannerTest, GivesOutABatchAsAWholeOrNotAtAll) {
  put("a", "1");
  writer->begin_batch(last + 1);
  put("b", std::string(700'000, 'x'));
  const auto inner = put("c", "3");
  writer->end_batch();
  put("d", "4");
  write();
  EXPECT_EQ(scan().keys, (keys{"a", "b", "c", "d"}));
  // One bit at the very end of the run.
  disk->flip_bit(path, inner.offset_bytes + 25, 0);
  EXPECT_EQ(scan().keys, keys{"a"});
}

// Goal: a batch whose checksums fit but whose run is not one of puts and
// tombstones, as only a faulty writer makes it, is not given out in part.
TEST_F(SegmentScannerTest, ABatchThatIsNoRunIsNotGivenOut) {
  put("a", "1");
  write();
  const std::uint64_t at = writer->end_bytes();
  std::vector<std::byte> record(record_head_bytes + 32 + 16);
  record_head inner;
  inner.sequence = 2;
  inner.key_bytes = 1;
  encode_head(std::span{record}.subspan(record_head_bytes), target->context(),
              at + record_head_bytes, inner, "b");
  const auto run = std::span{record}.subspan(record_head_bytes);
  record_head outer;
  outer.type = record_type::batch;
  outer.sequence = 2;
  outer.value_bytes = static_cast<std::uint32_t>(run.size());
  outer.value_crc = value_checksum(run);
  encode_head(record, target->context(), at, outer, {});
  const std::span<const std::byte> part = record;
  ASSERT_TRUE(target->shared_file()->write_at(at, {&part, 1}));
  EXPECT_EQ(scan().keys, keys{"a"});
  EXPECT_EQ(scan().end_bytes, at);
}

TEST_F(SegmentScannerTest, NothingFollowsASeal) {
  put("a", "1");
  writer->add_bare(record_type::seal, last);
  put("b", "2");
  write();
  EXPECT_EQ(scan().keys, (keys{"a", ""}));
}

// Goal: what is left of a write that was taken back lies at the right place
// and has the right identity; its number gives it away.
TEST_F(SegmentScannerTest, ALowerNumberAfterAHigherOneIsNotBelieved) {
  last = 10;
  put("taken back 1", "v");
  put("taken back 2", "v");
  write();
  const auto remains = disk->content(path);
  writer = std::make_unique<log_writer>(target, segment_header_bytes);
  ASSERT_TRUE(target->shared_file()->truncate(segment_header_bytes));
  last = 12;
  put("written over", "v");
  write();
  auto mixed = remains;
  const auto fresh = disk->content(path);
  ASSERT_EQ(fresh.size() - segment_header_bytes,
            (remains.size() - segment_header_bytes) / 2);
  std::copy(fresh.begin(), fresh.end(), mixed.begin());
  disk->put_content(path, mixed);
  EXPECT_EQ(scan().keys, keys{"written over"});
}

TEST_F(SegmentScannerTest, AFailedReadIsAnError) {
  put("a", "1");
  write();
  disk->fail(disk_call::read, 1, EIO);
  segment_scanner scanner{target, writer->end_bytes(), values::verify};
  auto next = scanner.next();
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, errc::io_failed);
}

TEST_F(SegmentScannerTest, ATailOfZerosIsTornByNothing) {
  put("a", "1");
  write();
  ASSERT_TRUE(target->shared_file()->truncate(3 * mebibyte));
  EXPECT_EQ(scan().end_bytes, writer->end_bytes());
  const tail_verdict found = judge(writer->end_bytes());
  EXPECT_FALSE(found.acknowledged_data_lost);
  EXPECT_EQ(found.torn_bytes, 0u);
  EXPECT_EQ(found.max_sequence, 0u);
}

// Goal: the same damage is a torn tail while nobody vouches for it, and lost
// data as soon as a later record does.
TEST_F(SegmentScannerTest, ALaterRecordVouchesForWhatWasSynced) {
  const auto first = put("a", std::string(2000, 'v'));
  put("b", "2");
  write();
  disk->flip_bit(path, first.offset_bytes + 1000, 3);
  EXPECT_FALSE(judge(segment_header_bytes).acknowledged_data_lost);
  EXPECT_EQ(judge(segment_header_bytes).max_sequence, 2u);
  writer->durable_to(writer->end_bytes());
  writer->add_bare(record_type::mark, last);
  write();
  EXPECT_TRUE(judge(segment_header_bytes).acknowledged_data_lost);
}

// Goal: a witness counts wherever the pieces end in which the tail is read,
// and however long its key is.
TEST_F(SegmentScannerTest, AWitnessIsFoundAcrossTheEndsOfReads) {
  const auto first = put("a", "1");
  write();
  writer->durable_to(writer->end_bytes());
  put("filler", std::string(524'288 - 120, 'f'));
  writer->durable_to(segment_header_bytes + first.size_bytes);
  const auto witness = put(std::string(600'000, 'k'), "v");
  write();
  disk->flip_bit(path, first.offset_bytes, 0);
  disk->flip_bit(path, first.offset_bytes + first.size_bytes, 0);
  EXPECT_TRUE(judge(segment_header_bytes).acknowledged_data_lost);
  disk->flip_bit(path, witness.offset_bytes + 300'000, 0);
  EXPECT_FALSE(judge(segment_header_bytes).acknowledged_data_lost);
}

// Goal: a torn value that was made to look like heads with keys of 16 MiB must
// not keep a start busy. Here are a quarter of a million of them; reading and
// checking each key would take minutes.
TEST_F(SegmentScannerTest, AHostileTailIsJudgedInTime) {
  put("a", "1");
  write();
  const std::uint64_t end = writer->end_bytes();
  constexpr std::uint64_t tail_bytes = 20 * mebibyte;
  auto bytes = disk->content(path);
  bytes.resize(end + tail_bytes);
  // At every multiple of 16: a put with a key of almost 16 MiB.
  constexpr unsigned char pattern[16]
    = {0, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0, 0, 0xff, 0xff, 0xff, 0x10};
  for (std::uint64_t at = end; at < bytes.size(); ++at)
    bytes[at] = static_cast<std::byte>(pattern[at % 16]);
  disk->put_content(path, bytes);
  ASSERT_TRUE(head_is_plausible(std::span{bytes}.subspan(mebibyte),
                                target->context(), mebibyte));
  const tail_verdict found = judge(end);
  EXPECT_FALSE(found.acknowledged_data_lost);
  EXPECT_EQ(found.max_sequence, 0u);
}

} // namespace
} // namespace kvs::storage
