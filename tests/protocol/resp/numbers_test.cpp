// Which texts are numbers, and how numbers are written.

#include "protocol/resp/numbers.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace kvs::protocol::resp {
namespace {

TEST(NumbersTest, OnlyTheShortestFormIsAnInteger) {
  EXPECT_EQ(to_integer("0"), 0);
  EXPECT_EQ(to_integer("-1"), -1);
  EXPECT_EQ(to_integer("9223372036854775807"),
            std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(to_integer("-9223372036854775808"),
            std::numeric_limits<std::int64_t>::min());
  for (const auto* each :
       {"", "-", "+1", "01", "-0", "-01", " 1", "1 ", "1a", "0x1", "1.0",
        "9223372036854775808", "-9223372036854775809"})
    EXPECT_EQ(to_integer(each), std::nullopt) << each;
}

TEST(NumbersTest, FloatsAreWhatStrtoldKnowsExceptNotANumber) {
  EXPECT_EQ(to_long_double("1.5"), 1.5L);
  EXPECT_EQ(to_long_double("0x1p3"), 8.0L);
  EXPECT_EQ(to_long_double("-5e2"), -500.0L);
  EXPECT_TRUE(to_long_double("inf"));
  for (const auto* each :
       {"", " 1", "1 ", "nan", "x", "1x", "1e5000", "1e-5000"})
    EXPECT_EQ(to_long_double(each), std::nullopt) << each;
  EXPECT_EQ(to_long_double(std::string_view{"1\0", 2}), std::nullopt);
  EXPECT_EQ(to_long_double(std::string(6000, '1')), std::nullopt);
}

TEST(NumbersTest, FloatsAreWrittenWithoutExponentAndWithoutZeros) {
  EXPECT_EQ(format_long_double(3.0L), "3");
  EXPECT_EQ(format_long_double(10.5L), "10.5");
  EXPECT_EQ(format_long_double(-0.0L), "0");
  EXPECT_EQ(format_long_double(0.1L), "0.1");
  EXPECT_EQ(format_long_double(1e20L), "100000000000000000000");
}

TEST(NumbersTest, MemorySizesHaveUnits) {
  EXPECT_EQ(to_memory_size("512"), 512);
  EXPECT_EQ(to_memory_size("10k"), 10000);
  EXPECT_EQ(to_memory_size("10KB"), 10240);
  EXPECT_EQ(to_memory_size("1Gb"), 1 << 30);
  EXPECT_EQ(to_memory_size("0"), 0);
  for (const auto* each : {"", "-1", "1x", "mb", "9223372036854775807k"})
    EXPECT_EQ(to_memory_size(each), std::nullopt) << each;
}

} // namespace
} // namespace kvs::protocol::resp
