#include "storage/crc32c.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string_view>
#include <vector>

namespace kvs::storage {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

TEST(Crc32cTest, GivesTheKnownAnswers) {
  EXPECT_EQ(extend_crc32c(0, {}), 0u);
  EXPECT_EQ(extend_crc32c(0, bytes_of("123456789")), 0xe3069283u);
  EXPECT_EQ(extend_crc32c(0, std::vector<std::byte>(32)), 0x8a9136aau);
  EXPECT_EQ(extend_crc32c_portable(0, bytes_of("123456789")), 0xe3069283u);
}

// Goal: every machine must compute the same, however long the input is and
// however it was cut.
TEST(Crc32cTest, InstructionTablesAndPiecesAgree) {
  std::mt19937_64 random{7};
  for (const std::size_t size :
       {0, 1, 7, 8, 9, 255, 3071, 3072, 3073, 6144, 9999, 100000}) {
    std::vector<std::byte> bytes(size);
    for (std::byte& each : bytes)
      each = static_cast<std::byte>(random());
    const std::uint32_t whole = extend_crc32c(0, bytes);
    EXPECT_EQ(whole, extend_crc32c_portable(0, bytes)) << size;
    const std::size_t cut = size == 0 ? 0 : random() % size;
    const std::span<const std::byte> all = bytes;
    EXPECT_EQ(whole,
              extend_crc32c(extend_crc32c(0, all.first(cut)), all.subspan(cut)))
      << size << " cut at " << cut;
  }
}

TEST(Crc32cTest, ShiftingIsWhatMoreBytesDo) {
  std::mt19937_64 random{8};
  for (const std::size_t size : {0, 1, 8, 4095, 4096, 70'001}) {
    std::vector<std::byte> bytes(size);
    for (std::byte& each : bytes)
      each = static_cast<std::byte>(random());
    const std::uint32_t before = extend_crc32c(0, bytes_of("before"));
    EXPECT_EQ(extend_crc32c(before, bytes),
              shift_crc32c(before, size) ^ extend_crc32c(0, bytes));
  }
}

} // namespace
} // namespace kvs::storage
