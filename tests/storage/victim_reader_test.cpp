// Goal: of a victim, all records are read or exactly those asked for, and what
// is damaged is never passed over.

#include "storage/victim_reader.hpp"

#include "storage/limits.hpp"
#include "storage/log_writer.hpp"
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

constexpr const char* victim_path = "d/000001.log";

class VictimReaderTest : public ::testing::Test {
protected:
  /// Records of about 100 bytes, and one that is larger than a window.
  void SetUp() override {
    target = testing::make_log_segment(*disk, 1);
    ASSERT_NE(target, nullptr);
    log_writer writer{target, segment_header_bytes};
    const std::string small(70, 's');
    const std::string large(2 * segment_window::read_bytes, 'l');
    for (int number = 0; number < 10'000; ++number) {
      const auto& value = number == 5000 ? large : small;
      places.push_back(writer.add(record_type::put, places.size() + 1, 0,
                                  key_of(number), bytes_of(value),
                                  value_checksum(bytes_of(value))));
    }
    ASSERT_TRUE(writer.write_staged(std::numeric_limits<std::uint64_t>::max()));
    end_bytes = writer.end_bytes();
  }

  static std::string key_of(int number) {
    return "key" + std::to_string(number);
  }
  std::vector<std::uint64_t> offsets_of(const std::vector<int>& numbers) const {
    std::vector<std::uint64_t> offsets;
    for (auto each : numbers)
      offsets.push_back(places[static_cast<std::size_t>(each)].offset_bytes);
    return offsets;
  }
  void flip_byte_of(int number) {
    auto bytes = disk->content(victim_path);
    bytes[places[static_cast<std::size_t>(number)].offset_bytes + 9]
      ^= std::byte{1};
    disk->put_content(victim_path, std::move(bytes));
  }

  std::shared_ptr<memory_file_system> disk = memory_file_system::make();
  segment_ptr target;
  std::vector<record_location> places;
  std::uint64_t end_bytes = 0;
};

TEST_F(VictimReaderTest, ReadsAll) {
  victim_reader reader{target, end_bytes};
  for (int number = 0; number < 10'000; ++number) {
    auto next = reader.next();
    ASSERT_TRUE(next && *next) << number;
    ASSERT_EQ((*next)->key, key_of(number));
  }
  auto last = reader.next();
  EXPECT_TRUE(last && !*last);
  EXPECT_EQ(reader.passed_bytes(), end_bytes);
}

TEST_F(VictimReaderTest, ReadsTheseAndNoOthers) {
  const std::vector<int> wanted{0, 1, 17, 4999, 5000, 5001, 9999};
  victim_reader reader{target, end_bytes, offsets_of(wanted)};
  std::uint64_t passed = 0;
  for (auto number : wanted) {
    auto next = reader.next();
    ASSERT_TRUE(next && *next) << number;
    EXPECT_EQ((*next)->key, key_of(number));
    EXPECT_EQ((*next)->location, places[static_cast<std::size_t>(number)]);
    EXPECT_EQ((*next)->head.sequence, static_cast<std::uint64_t>(number) + 1);
    EXPECT_GT(reader.passed_bytes(), passed);
    passed = reader.passed_bytes();
  }
  EXPECT_EQ(passed, end_bytes);
  auto last = reader.next();
  EXPECT_TRUE(last && !*last);
}

TEST_F(VictimReaderTest, NamesWhatIsDamaged) {
  flip_byte_of(17);
  const auto place = std::to_string(places[17].offset_bytes);
  victim_reader all{target, end_bytes};
  for (int number = 0; number < 17; ++number)
    ASSERT_TRUE(all.next());
  auto next = all.next();
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, errc::corrupt);
  EXPECT_NE(next.error().context.find(victim_path), std::string::npos);
  EXPECT_NE(next.error().context.find("offset " + place), std::string::npos)
    << next.error().context;

  victim_reader some{target, end_bytes, offsets_of({3, 17, 20})};
  ASSERT_TRUE(some.next());
  next = some.next();
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, errc::corrupt);
  EXPECT_NE(next.error().context.find("offset " + place), std::string::npos);

  victim_reader others{target, end_bytes, offsets_of({3, 20})};
  EXPECT_TRUE(others.next());
  EXPECT_TRUE(others.next()) << "nobody looks at what is dead";
}

TEST_F(VictimReaderTest, AFileThatEndsEarlyIsDamaged) {
  ASSERT_TRUE(target->shared_file()->truncate(places[9000].offset_bytes));
  victim_reader reader{target, end_bytes, offsets_of({8999, 9999})};
  ASSERT_TRUE(reader.next());
  auto next = reader.next();
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, errc::corrupt);
}

TEST_F(VictimReaderTest, TellsAFailedRead) {
  disk->fail(disk_call::read, 1, EIO);
  victim_reader reader{target, end_bytes, offsets_of({3})};
  auto next = reader.next();
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, errc::io_failed);
}

} // namespace
} // namespace kvs::storage
