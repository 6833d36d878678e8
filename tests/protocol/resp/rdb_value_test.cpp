// Single values in the format of snapshots, and the parts they are made of.

#include "protocol/resp/crc64.hpp"
#include "protocol/resp/lzf.hpp"
#include "protocol/resp/rdb.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

namespace kvs::protocol::resp {
namespace {

constexpr std::uint64_t no_limit = 1 << 30;

std::string bytes(const char* text, std::size_t size) {
  return {text, size};
}

std::string dump(std::string_view value) {
  pacer unpaced;
  return dump_string(value, unpaced);
}

restored_string restore(std::string_view dumped, std::uint64_t bytes_max) {
  pacer unpaced;
  return restore_string(dumped, bytes_max, unpaced);
}

std::optional<std::string> decompress(std::string_view packed,
                                      std::size_t size) {
  pacer unpaced;
  return lzf_decompress(packed, size, unpaced);
}

TEST(RdbValueTest, TheChecksumIsThatOfRedis) {
  EXPECT_EQ(crc64(0, "123456789"), 0xE9C6D914C4B8D9CAu);
  // However the bytes are cut.
  const std::string_view text = "This is a test of the emergency broadcast.";
  for (std::size_t cut = 0; cut <= text.size(); ++cut)
    EXPECT_EQ(crc64(crc64(0, text.substr(0, cut)), text.substr(cut)),
              crc64(0, text));
}

TEST(RdbValueTest, DumpsAreThoseOfRedis) {
  EXPECT_EQ(dump("5"), bytes("\x00\xC0\x05\n\x00"
                             "c/_f\x83/\xB3Q",
                             13));
  const std::string half = dump("12345");
  EXPECT_EQ(half.substr(0, 4), bytes("\x00\xC1\x39\x30", 4));
  EXPECT_EQ(dump("-2147483648").substr(0, 6),
            bytes("\x00\xC2\x00\x00\x00\x80", 6));
  EXPECT_EQ(dump("2147483648").substr(0, 2), bytes("\x00\x0A", 2));
  EXPECT_EQ(dump(std::string(64, 'x')).substr(0, 3), bytes("\x00\x40\x40", 3));
}

TEST(RdbValueTest, WhatIsDumpedIsRestored) {
  for (const std::string& each :
       {std::string{}, std::string{"0"}, std::string{"-1"}, std::string{"127"},
        std::string{"128"}, std::string{"-32769"}, std::string{"2147483647"},
        std::string{"2147483648"}, std::string{"007"}, std::string(63, 'a'),
        std::string(64, 'b'), std::string(16383, 'c'), std::string(16384, 'd'),
        std::string(70000, '\0')}) {
    const auto restored = restore(dump(each), no_limit);
    EXPECT_EQ(restored.result, restored_string::outcome::value);
    EXPECT_EQ(restored.value, each);
  }
}

TEST(RdbValueTest, EveryDamageIsSeen) {
  const std::string dumped = dump("some value");
  for (std::size_t i = 0; i < dumped.size(); ++i) {
    std::string damaged = dumped;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_EQ(restore(damaged, no_limit).result,
              restored_string::outcome::bad_checksum);
    EXPECT_EQ(restore(dumped.substr(0, i), no_limit).result,
              restored_string::outcome::bad_checksum);
  }
}

/// A dump of `body` whose checksum is right.
std::string sealed(std::string body) {
  body += bytes("\x0A\x00", 2);
  std::uint64_t crc = crc64(0, body);
  for (int i = 0; i < 8; ++i, crc >>= 8)
    body += static_cast<char>(crc & 0xFF);
  return body;
}

TEST(RdbValueTest, WhatIsNoStringIsRefused) {
  for (const auto& body :
       {bytes("", 0), bytes("\x00", 1),
        bytes("\x01\x01\x01"
              "a",
              4),
        bytes("\x00\x3F"
              "abcd",
              6),
        bytes("\x00\xC4", 2), bytes("\x00\x82", 2),
        bytes("\x00\x81\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 10),
        // Compressed: a copy from before the beginning; too few bytes; a size
        // that so few bytes cannot have.
        bytes("\x00\xC3\x02\x03\x20\x00", 6),
        bytes("\x00\xC3\x02\x05\x00"
              "a",
              6),
        bytes("\x00\xC3\x01\x80\x7F\xFF\xFF\xFF\x00", 9)})
    EXPECT_EQ(restore(sealed(body), no_limit).result,
              restored_string::outcome::bad_format);
}

// As in Redis: the checksum says that somebody meant it.
TEST(RdbValueTest, AStringMayReachIntoTheFooter) {
  const auto found = restore(sealed(bytes("\x00\x05"
                                          "abcd",
                                          6)),
                             no_limit);
  EXPECT_EQ(found.result, restored_string::outcome::value);
  EXPECT_EQ(found.value, "abcd\x0A");
}

TEST(RdbValueTest, WhatIsTooLongIsRefused) {
  const auto dumped = dump(std::string(100, 'x'));
  EXPECT_EQ(restore(dumped, 99).result, restored_string::outcome::bad_format);
  EXPECT_EQ(restore(dumped, 100).result, restored_string::outcome::value);
}

TEST(RdbValueTest, CompressedRunsMayOverlap) {
  EXPECT_EQ(decompress(bytes("\x00"
                             "a\xE0\x01\x00",
                             5),
                       11),
            std::string(11, 'a'));
  EXPECT_EQ(decompress(bytes("\x02"
                             "abc\x20\x02",
                             6),
                       6),
            "abcabc");
  EXPECT_EQ(decompress("", 0), "");
  EXPECT_EQ(decompress(bytes("\x02"
                             "ab",
                             3),
                       3),
            std::nullopt);
  EXPECT_EQ(decompress(bytes("\x00"
                             "a\xE0",
                             3),
                       9),
            std::nullopt);
  EXPECT_EQ(decompress(bytes("\x00"
                             "a",
                             2),
                       2),
            std::nullopt);
}

} // namespace
} // namespace kvs::protocol::resp
