// Whole snapshots: one that Redis 7.0 has written, and older ones by hand.

#include "protocol/resp/crc64.hpp"
#include "protocol/resp/rdb.hpp"
#include "tests/protocol/resp/support/resp_session.hpp"

#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>

namespace kvs::protocol::resp {
namespace {

using skipped_types = std::map<std::string, std::uint64_t>;

struct loaded {
  std::map<std::string, std::string> values;
  std::map<std::string, std::int64_t> deadlines;
  std::map<std::string, std::uint64_t> databases;
  rdb_summary summary;
};

loaded load(const std::string& file, std::uint64_t string_bytes_max = 1 << 20) {
  loaded result;
  std::istringstream in{file};
  result.summary = read_rdb(
    in,
    [&](const rdb_entry& entry) {
      const std::string key{entry.key};
      result.values[key] = entry.value;
      if (entry.expires_at_ms != 0)
        result.deadlines[key] = entry.expires_at_ms;
      if (entry.database != 0)
        result.databases[key] = entry.database;
      return true;
    },
    string_bytes_max);
  return result;
}

/// Builds a snapshot of an older version.
class snapshot {
public:
  explicit snapshot(std::string_view version) {
    bytes_.append("REDIS").append(version);
  }

  snapshot& add(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }

  snapshot& byte(int value) {
    bytes_ += static_cast<char>(value);
    return *this;
  }

  /// A string of less than 64 bytes.
  snapshot& string(std::string_view text) {
    return byte(static_cast<int>(text.size())).add(text);
  }

  /// The type of a value and its key.
  snapshot& key(int type, std::string_view name) {
    return byte(type).string(name);
  }

  std::string end() {
    byte(0xFF);
    std::uint64_t crc = crc64(0, bytes_);
    for (int i = 0; i < 8; ++i, crc >>= 8)
      byte(static_cast<int>(crc & 0xFF));
    return bytes_;
  }

private:
  std::string bytes_;
};

TEST(RdbFileTest, ReadsWhatRedisHasWritten) {
  const std::string file = test::read_data("redis-7.0.rdb");
  const auto result = load(file);
  EXPECT_EQ(result.summary.error, "");
  EXPECT_EQ(result.summary.version, 10);
  EXPECT_EQ(result.summary.offset, file.size());
  EXPECT_EQ(result.summary.string_count, 13u);
  const skipped_types skipped{
    {"hash", 2}, {"list", 3}, {"set", 2}, {"stream", 2}, {"zset", 3}};
  EXPECT_EQ(result.summary.skipped.size(), 1u);
  EXPECT_EQ(result.summary.skipped.at(0), skipped);
  EXPECT_EQ(result.values.at("plain"), "value");
  EXPECT_EQ(result.values.at("empty"), "");
  EXPECT_EQ(result.values.at("int8"), "-7");
  EXPECT_EQ(result.values.at("int16"), "1234");
  EXPECT_EQ(result.values.at("int32"), "-123456789");
  EXPECT_EQ(result.values.at("int64"), "1234567890123");
  EXPECT_EQ(result.values.at("packed"), std::string(300, 'a'));
  EXPECT_EQ(result.values.at("binary").size(), 256u);
  EXPECT_EQ(result.deadlines.at("later"), 4102444800123);
  EXPECT_EQ(result.databases.at("third"), 3u);
}

// Goal: no end of the file is taken for its end, and none is read over.
TEST(RdbFileTest, EveryPrefixIsAnError) {
  const std::string file = test::read_data("redis-7.0.rdb");
  for (std::size_t size = 0; size < file.size(); ++size)
    EXPECT_NE(load(file.substr(0, size)).summary.error, "") << size;
}

TEST(RdbFileTest, EveryDamageIsAnError) {
  const std::string file = test::read_data("redis-7.0.rdb");
  for (std::size_t i = 0; i < file.size(); ++i) {
    std::string damaged = file;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_NE(load(damaged).summary.error, "") << i;
  }
}

TEST(RdbFileTest, SkipsTheTypesOfOlderVersions) {
  const std::string eight(8, 'x');
  const std::string sixteen(16, 'x');
  snapshot file{"0009"};
  file.byte(0xFA).string("redis-ver").string("3.2.0");
  file.byte(0xFE).byte(0).byte(0xFB).byte(9).byte(0);
  // A module's own part: id, when, and values of all forms.
  file.byte(0xF7).byte(7).byte(2).byte(1);
  file.byte(1).byte(5).byte(2).byte(6).byte(3).add("1234");
  file.byte(4).add(eight).byte(5).string("text").byte(0);
  file.key(1, "list").byte(2).string("a").string("b");
  file.key(2, "set").byte(1).string("a");
  file.key(3, "zset").byte(2).string("a").string("1.5").string("b").byte(255);
  file.key(4, "hash").byte(1).string("f").string("v");
  file.key(5, "zset2").byte(1).string("a").add(eight);
  for (const int type : {9, 10, 11, 12, 13, 16, 17})
    file.key(type, "blob").string("packed");
  file.key(14, "quicklist").byte(1).string("packed");
  file.key(7, "module").byte(7).byte(1).byte(5).byte(0);
  file.byte(0xF9).byte(200).byte(0xF8).byte(9);
  file.byte(0xFD).add("\x10\x27").byte(0).byte(0);
  file.key(0, "string").string("value");
  file.key(15, "stream").byte(1).string(sixteen).string("pack");
  file.byte(1).byte(2).byte(3).byte(1).string("group").byte(2).byte(3);
  file.byte(1).add(sixteen).add(eight).byte(1);
  file.byte(1).string("alice").add(eight).byte(1).add(sixteen);
  const auto result = load(file.end());
  EXPECT_EQ(result.summary.error, "");
  EXPECT_EQ(result.values.size(), 1u);
  EXPECT_EQ(result.deadlines.at("string"), 10000000);
  const skipped_types skipped{{"hash", 4}, {"list", 3},   {"module", 1},
                              {"set", 2},  {"stream", 1}, {"zset", 4}};
  EXPECT_EQ(result.summary.skipped.at(0), skipped);
}

TEST(RdbFileTest, OldFilesHaveNoChecksum) {
  const auto result = load("REDIS0004" + std::string{"\x00\x01k\x01v\xFF", 6});
  EXPECT_EQ(result.summary.error, "");
  EXPECT_EQ(result.values.at("k"), "v");
}

TEST(RdbFileTest, AChecksumOfZeroIsNone) {
  const auto result = load("REDIS0010\xFF" + std::string(8, '\0'));
  EXPECT_EQ(result.summary.error, "");
}

struct refused_case {
  std::string file;
  std::string error;
};

TEST(RdbFileTest, SaysWhyItGaveUp) {
  const refused_case cases[] = {
    {"RADIS0010", "this is no snapshot of Redis"},
    {"REDIS0000", "version 0000 of the format is unknown"},
    {"REDIS0099", "version 0099 of the format is unknown"},
    {"REDIS00x0", "version 00x0 of the format is unknown"},
    {"REDIS0010", "unexpected end of the bytes"},
    {"REDIS0010\x06\x01m", "a value of unknown type 6"},
    {"REDIS0010\xFE\xC0", "an encoding in the place of a length"},
    {"REDIS0010\xFA\xC7", "a string of unknown encoding"},
    {"REDIS0010\xFF"
     "12345678",
     "the checksum does not match"},
    {"REDIS0010" + std::string{"\x00\x7F\xFF", 3},
     "a string of 16383 bytes exceeds the limit of 100"},
    {"REDIS0010" + std::string{"\x00\x01k\xC3\x09\x02", 6},
     "a compressed string is malformed"},
  };
  for (const auto& each : cases)
    EXPECT_EQ(load(each.file, 100).summary.error, each.error);
}

// Goal: a value that is too long costs no other key.
TEST(RdbFileTest, ReadsOverValuesThatAreTooLong) {
  snapshot file{"0010"};
  const std::string long_value(60, 'v');
  file.key(0, "long").string(long_value);
  // 66 times the letter a: one literal and a repetition.
  file.key(0, "packed").add("\xC3\x06\x40\x42").byte(0).add("a\xE0");
  file.byte(0x38).byte(0).byte(0);
  file.key(0, "short").string("value");
  std::istringstream in{file.end()};
  std::map<std::string, std::uint64_t> sizes;
  std::map<std::string, std::string> values;
  const auto summary = read_rdb(
    in,
    [&](const rdb_entry& entry) {
      sizes[std::string{entry.key}] = entry.value_bytes;
      values[std::string{entry.key}] = entry.value;
      return true;
    },
    50);
  EXPECT_EQ(summary.error, "");
  EXPECT_EQ(sizes, (std::map<std::string, std::uint64_t>{
                     {"long", 60}, {"packed", 66}, {"short", 5}}));
  EXPECT_EQ(values, (std::map<std::string, std::string>{
                      {"long", ""}, {"packed", ""}, {"short", "value"}}));
}

TEST(RdbFileTest, TheReceiverMayRefuse) {
  std::istringstream in{test::read_data("redis-7.0.rdb")};
  const auto summary = read_rdb(in, [](const rdb_entry&) { return false; });
  EXPECT_EQ(summary.error, "refused by the receiver");
  EXPECT_GT(summary.offset, 0u);
}

} // namespace
} // namespace kvs::protocol::resp
