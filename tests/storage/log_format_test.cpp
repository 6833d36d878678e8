#include "storage/log_writer.hpp"
#include "tests/storage/mini_store.hpp"
#include "tests/support/memory_file_system.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace kvs::storage {
namespace {

using test_support::memory_file_system;

/// The worked example of docs/log_format.md.
constexpr unsigned char example[] = {
  0x4b, 0x56, 0x53, 0x53, 0x45, 0x47, 0x31, 0x0a, //
  0x01, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, //
  0x07, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, //
  0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, //
  0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, //
  0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, //
  0x01, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, //
  0x00, 0x00, 0x00, 0x00, 0x29, 0x27, 0x55, 0x99, //
  0x7a, 0x2f, 0x42, 0xdd, 0x4c, 0xbb, 0x71, 0x9a, //
  0x05, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x10, //
  0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, //
  0x6b, 0x65, 0x79, 0x68, 0x65, 0x6c, 0x6c, 0x6f, //
};

segment_header example_header() {
  segment_header header;
  header.id = segment_id{7};
  header.store_id = 0x1111111111111111;
  for (std::size_t i = 0; i < header.context.identity.size(); ++i)
    header.context.identity[i] = static_cast<std::byte>(i);
  header.context.base_sequence = (std::uint64_t{1} << 40) + 1;
  return header;
}

// Goal: the format on disk does not change by accident. If this fails, raise
// the format version and keep reading the old one.
TEST(LogFormatTest, TheWorkedExampleIsWhatIsWritten) {
  auto disk = memory_file_system::make();
  ASSERT_TRUE(disk->create_directory("d"));
  auto created = create_segment(*disk, "d", example_header(), 0);
  ASSERT_TRUE(created);
  log_writer writer{*created, segment_header_bytes};
  const auto value = testing::bytes_of("hello");
  writer.add(record_type::put, (std::uint64_t{1} << 40) + 3, 0, "key", value,
             value_checksum(value));
  ASSERT_TRUE(writer.write_staged(std::numeric_limits<std::uint64_t>::max()));
  const auto written = disk->content("d/000007.log");
  const auto expected = std::as_bytes(std::span{example});
  EXPECT_TRUE(std::equal(written.begin(), written.end(), expected.begin(),
                         expected.end()));
}

// Goal: no bit of a segment's header may change unnoticed.
TEST(LogFormatTest, EveryFlippedBitOfASegmentHeaderIsDetected) {
  auto disk = memory_file_system::make();
  ASSERT_TRUE(disk->create_directory("d"));
  ASSERT_TRUE(create_segment(*disk, "d", example_header(), 0));
  const std::string path = "d/000007.log";
  ASSERT_TRUE(open_segment(*disk, path, open_mode::read_only));
  for (std::uint64_t bit = 0; bit < segment_header_bytes * 8; ++bit) {
    disk->flip_bit(path, bit / 8, static_cast<unsigned>(bit % 8));
    EXPECT_FALSE(open_segment(*disk, path, open_mode::read_only)) << bit;
    disk->flip_bit(path, bit / 8, static_cast<unsigned>(bit % 8));
  }
}

} // namespace
} // namespace kvs::storage
