// The arguments of SCAN.

#include "protocol/resp/scan.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace kvs::protocol::resp {
namespace {

scan_request parse(std::vector<std::string_view> args) {
  args.insert(args.begin(), "scan");
  return parse_scan(args);
}

TEST(ScanTest, ReadsAllOptions) {
  const auto request = parse(
    {"18446744073709551615", "match", "a*", "COUNT", "7", "Type", "STRING"});
  EXPECT_EQ(request.error, "");
  EXPECT_EQ(request.cursor, 18446744073709551615u);
  EXPECT_EQ(request.count, 7);
  EXPECT_TRUE(scan_matches(request, "abc"));
  EXPECT_FALSE(scan_matches(request, "bc"));
}

TEST(ScanTest, WithoutOptionsEveryKeyMatches) {
  EXPECT_TRUE(scan_matches(parse({"0"}), ""));
  EXPECT_TRUE(scan_matches(parse({"0", "MATCH", "*"}), ""));
  EXPECT_FALSE(scan_matches(parse({"0", "TYPE", "list"}), "a"));
}

TEST(ScanTest, RefusesWithTheWordsOfRedis) {
  EXPECT_EQ(parse({"x"}).error, "ERR invalid cursor");
  EXPECT_EQ(parse({" 1"}).error, "ERR invalid cursor");
  EXPECT_EQ(parse({"18446744073709551616"}).error, "ERR invalid cursor");
  EXPECT_EQ(parse({"0", "COUNT", "0"}).error, "ERR syntax error");
  EXPECT_EQ(parse({"0", "COUNT", "x"}).error,
            "ERR value is not an integer or out of range");
  EXPECT_EQ(parse({"0", "COUNT"}).error, "ERR syntax error");
  EXPECT_EQ(parse({"0", "SIZE", "1"}).error, "ERR syntax error");
}

} // namespace
} // namespace kvs::protocol::resp
