#include "storage/log_writer.hpp"

#include "storage/limits.hpp"
#include "storage/segment_loader.hpp"
#include "storage/segment_scanner.hpp"
#include "tests/storage/mini_store.hpp"
#include "tests/support/memory_file_system.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <limits>

namespace kvs::storage {
namespace {

using test_support::disk_call;
using test_support::memory_file_system;
using testing::bytes_of;
using testing::text_of;

constexpr auto everything = std::numeric_limits<std::uint64_t>::max();

class LogWriterTest : public ::testing::Test {
protected:
  void SetUp() override {
    target = testing::make_log_segment(*disk, 100);
    ASSERT_NE(target, nullptr);
    writer = std::make_unique<log_writer>(target, segment_header_bytes);
  }

  record_location add(sequence_number sequence, std::string_view key,
                      const std::string& value) {
    return writer->add(record_type::put, sequence, 0, key, bytes_of(value),
                       value_checksum(bytes_of(value)));
  }

  /// The value that is on disk at a place, verified.
  std::string value_at(const record_location& place, std::string_view key) {
    std::vector<std::byte> record(place.size_bytes);
    auto read = target->bytes().read_at(place.offset_bytes, record);
    EXPECT_TRUE(read && *read == record.size());
    auto value = verify_record(*target, place.offset_bytes, record, key);
    EXPECT_TRUE(value) << (value ? "" : to_string(value.error()));
    return value ? text_of(*value) : std::string{};
  }

  /// Keys of all valid records, in order; bare records are "#".
  std::vector<std::string> keys_on_disk() {
    segment_scanner scanner{target, *target->bytes().size_bytes(),
                            segment_scanner::values::verify};
    std::vector<std::string> keys;
    while (true) {
      auto next = scanner.next();
      EXPECT_TRUE(next);
      if (!next || !*next)
        return keys;
      keys.emplace_back((*next)->head.type <= record_type::tombstone
                          ? std::string{(*next)->key}
                          : std::string{"#"});
    }
  }

  std::shared_ptr<memory_file_system> disk = memory_file_system::make();
  segment_ptr target;
  std::unique_ptr<log_writer> writer;
};

using keys = std::vector<std::string>;

TEST_F(LogWriterTest, WritesManyRecordsWithOneCall) {
  const auto before = disk->calls(disk_call::write);
  std::vector<record_location> places;
  for (int i = 0; i < 1000; ++i)
    places.push_back(
      add(100 + static_cast<unsigned>(i), "k", "value " + std::to_string(i)));
  EXPECT_TRUE(writer->has_staged());
  auto written = writer->write_staged(everything);
  ASSERT_TRUE(written);
  EXPECT_TRUE(*written);
  EXPECT_FALSE(writer->has_staged());
  EXPECT_EQ(disk->calls(disk_call::write) - before, 1u);
  for (std::size_t i = 0; i < places.size(); ++i)
    EXPECT_EQ(value_at(places[i], "k"), "value " + std::to_string(i));
  EXPECT_EQ(writer->end_bytes(), *target->bytes().size_bytes());
}

TEST_F(LogWriterTest, LargeValuesAreWrittenFromWhereTheyLie) {
  std::string large(100'003, 'x');
  const auto first = add(100, "a", "small");
  const auto second = add(101, "b", large);
  const auto third = add(102, "c", "small too");
  // The copy happens at the write, so a change before it is seen.
  large[50'000] = 'y';
  ASSERT_TRUE(writer->write_staged(everything));
  std::vector<std::byte> record(second.size_bytes);
  ASSERT_TRUE(target->bytes().read_at(second.offset_bytes, record));
  EXPECT_FALSE(verify_record(*target, second.offset_bytes, record, "b"));
  EXPECT_EQ(text_of(record).find('y'), 24u + 1 + 50'000);
  EXPECT_EQ(value_at(first, "a"), "small");
  EXPECT_EQ(value_at(third, "c"), "small too");
}

// Goal: a turn of the writer never handles more than its budget, and a
// half-written value is no record yet.
TEST_F(LogWriterTest, WritesInStepsOfTheBudget) {
  const std::string large(300'000, 'x');
  const auto place = add(100, "big", large);
  int calls = 0;
  while (true) {
    auto done = writer->write_staged(64 * kibibyte);
    ASSERT_TRUE(done);
    ++calls;
    if (*done)
      break;
    EXPECT_EQ(writer->end_bytes(), segment_header_bytes);
    EXPECT_EQ(keys_on_disk(), keys{});
  }
  EXPECT_EQ(calls, 5);
  EXPECT_EQ(value_at(place, "big"), large);
}

TEST_F(LogWriterTest, PartsOfABatchReadLikeAnyRecord) {
  const std::string large(20'000, 'z');
  add(100, "before", "1");
  writer->begin_batch(101);
  const auto a = add(101, "a", "1");
  const auto b = add(102, "b", large);
  writer->add(record_type::tombstone, 103, 0, "c", {}, 0);
  const auto batch = writer->end_batch();
  const auto after = add(104, "after", "2");
  ASSERT_TRUE(writer->write_staged(everything));
  EXPECT_EQ(value_at(a, "a"), "1");
  EXPECT_EQ(value_at(b, "b"), large);
  EXPECT_EQ(value_at(after, "after"), "2");
  EXPECT_EQ(a.offset_bytes, batch.offset_bytes + record_head_bytes);
  EXPECT_EQ(after.offset_bytes, batch.offset_bytes + batch.size_bytes);
  EXPECT_EQ(keys_on_disk(), (keys{"before", "a", "b", "c", "after"}));
}

TEST_F(LogWriterTest, BareRecordsAreReadBack) {
  writer->add_bare(record_type::mark, 3);
  add(100, "k", "v");
  writer->add_bare(record_type::flush, 101);
  writer->add_bare(record_type::seal, 101);
  ASSERT_TRUE(writer->write_staged(everything));
  EXPECT_EQ(keys_on_disk(), (keys{"#", "k", "#", "#"}));
}

TEST_F(LogWriterTest, AFailedWriteLeavesNothingBehind) {
  add(100, "kept", "v");
  ASSERT_TRUE(writer->write_staged(everything));
  const auto end = writer->end_bytes();
  add(101, "lost", std::string(5000, 'v'));
  disk->fail(disk_call::write, 1, ENOSPC);
  auto failed = writer->write_staged(everything);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, errc::no_space);
  EXPECT_FALSE(writer->has_staged());
  EXPECT_EQ(*target->bytes().size_bytes(), end);
  disk->stop_failing();
  add(102, "later", "v");
  ASSERT_TRUE(writer->write_staged(everything));
  EXPECT_EQ(keys_on_disk(), (keys{"kept", "later"}));
}

TEST_F(LogWriterTest, AFailureInTheMiddleOfALargeRecordTakesAllOfItBack) {
  const std::string big(300'000, 'x');
  add(100, "big", big);
  ASSERT_TRUE(writer->write_staged(64 * kibibyte));
  disk->fail(disk_call::write, 1, EIO);
  ASSERT_FALSE(writer->write_staged(64 * kibibyte));
  EXPECT_EQ(*target->bytes().size_bytes(), segment_header_bytes);
}

// Goal: when the file can neither be written nor cut back, its end is unknown
// and nothing more may be appended.
TEST_F(LogWriterTest, AFailedCutIsFinal) {
  add(100, "k", "v");
  disk->fail(disk_call::write, 1, EIO);
  disk->fail(disk_call::truncate, 1, EIO);
  ASSERT_FALSE(writer->write_staged(everything));
  disk->stop_failing();
  add(101, "k", "v");
  EXPECT_FALSE(writer->write_staged(everything));
  EXPECT_FALSE(writer->has_staged());
}

TEST_F(LogWriterTest, DiscardedRecordsAreNotWritten) {
  add(100, "dropped", "v");
  writer->discard_staged();
  add(101, "kept", "v");
  ASSERT_TRUE(writer->write_staged(everything));
  EXPECT_EQ(keys_on_disk(), keys{"kept"});
}

TEST_F(LogWriterTest, FitsOnlyWhatTheFormatCanHold) {
  EXPECT_TRUE(writer->fits(100, segment_bytes_max));
  EXPECT_FALSE(writer->fits(99, segment_bytes_max));
  EXPECT_FALSE(writer->fits(100 + (1ull << 32), segment_bytes_max));
  EXPECT_FALSE(writer->fits(100, segment_header_bytes));
  add(100, "k", std::string(10'000, 'v'));
  EXPECT_TRUE(writer->fits(101, 16 * kibibyte));
  EXPECT_FALSE(writer->fits(101, 8 * kibibyte));
}

TEST_F(LogWriterTest, RecordsTellHowFarTheFileIsDurable) {
  add(100, "a", "v");
  ASSERT_TRUE(writer->write_staged(everything));
  const auto end = writer->end_bytes();
  writer->durable_to(end);
  add(101, "b", "v");
  ASSERT_TRUE(writer->write_staged(everything));
  segment_scanner scanner{target, *target->bytes().size_bytes(),
                          segment_scanner::values::verify};
  EXPECT_EQ((*scanner.next())->head.durable_to, segment_header_bytes);
  EXPECT_EQ((*scanner.next())->head.durable_to, end);
}

// Goal: an index addresses 128 MiB of a segment: a record may begin just below
// that, a batch must end there, since the last of its records needs a place.
TEST_F(LogWriterTest, ABatchMustEndWhereItsRecordsHavePlaces) {
  constexpr std::uint64_t batch_bytes = 4096;
  const auto fits_at = [&](std::uint64_t offset_bytes, std::uint64_t bytes) {
    log_writer at_end{target, offset_bytes};
    return at_end.fits(100, segment_bytes_max, bytes);
  };
  EXPECT_TRUE(fits_at(segment_bytes_max - 8, 0));
  EXPECT_FALSE(fits_at(segment_bytes_max, 0));
  EXPECT_TRUE(fits_at(segment_bytes_max - batch_bytes, batch_bytes));
  EXPECT_FALSE(fits_at(segment_bytes_max - batch_bytes + 8, batch_bytes));
  EXPECT_TRUE(fits_at(segment_header_bytes, batch_bytes_max));
}

// Goal: records that no index could find again are refused, not lost.
TEST_F(LogWriterTest, RecordsWithoutAPlaceAreRefusedAtTheNextStart) {
  ASSERT_TRUE(target->shared_file()->truncate(segment_bytes_max));
  log_writer at_end{target, segment_bytes_max - 32};
  at_end.begin_batch(101);
  at_end.add(record_type::put, 101, 0, "a", {}, value_checksum({}));
  at_end.add(record_type::put, 102, 0, "b", {}, value_checksum({}));
  at_end.end_batch();
  at_end.add_bare(record_type::seal, 102);
  ASSERT_TRUE(at_end.write_staged(everything));
  // What is in front of them does not matter here: it is read as one record.
  log_writer in_front{target, segment_header_bytes};
  const std::string value(segment_bytes_max - 32 - segment_header_bytes
                            - unpadded_record_bytes(3, 0, false),
                          'v');
  in_front.add(record_type::put, 100, 0, "key", bytes_of(value),
               value_checksum(bytes_of(value)));
  ASSERT_TRUE(in_front.write_staged(everything));
  segment_entry entry;
  entry.id = target->id();
  entry.base_sequence = 100;
  const auto loaded = load_unsealed(target, entry, key_hasher{1});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, errc::corrupt);
  EXPECT_NE(loaded.error().context.find("no record of a key may begin here"),
            std::string::npos)
    << loaded.error().context;
}

} // namespace
} // namespace kvs::storage
