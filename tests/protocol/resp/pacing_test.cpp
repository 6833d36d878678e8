// Commands on large values let others go on after each mebibyte.

#include "protocol/resp/crc64.hpp"
#include "protocol/resp/rdb.hpp"
#include "tests/protocol/resp/support/resp_session.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace kvs::protocol::resp {
namespace {

constexpr std::size_t mebibyte = pacer::piece_bytes_max;

std::string big_endian(std::size_t number) {
  std::string bytes{"\x80"};
  for (unsigned shift : {24u, 16u, 8u, 0u})
    bytes += static_cast<char>(number >> shift & 0xFF);
  return bytes;
}

/// What DUMP would say of 5 MiB of zeros if it packed them: one that is there,
/// and copies of what came before.
std::string packed_zeros_dump() {
  constexpr std::size_t copies = 20'000;
  constexpr std::size_t copied_bytes = 264;
  std::string packed(2, '\0');
  for (std::size_t i = 0; i < copies; ++i)
    packed.append("\xE0\xFF\0", 3);
  std::string dump{"\0\xC3", 2};
  dump += big_endian(packed.size()) + big_endian(1 + copies * copied_bytes);
  dump += packed;
  dump.append("\x0A\0", 2);
  auto checksum = crc64(0, dump);
  for (int i = 0; i < 8; ++i, checksum >>= 8)
    dump += static_cast<char>(checksum & 0xFF);
  return dump;
}

/// No byte is like its neighbours, and no run of 1 MiB like another.
std::string large_value() {
  std::string value(5 * mebibyte + 3, '\0');
  for (std::size_t i = 0; i < value.size(); ++i)
    value[i] = static_cast<char>(i * 7 + i / mebibyte);
  return value;
}

class PacingTest : public testing::Test {
protected:
  using words = std::vector<std::string_view>;

  /// Runs it with and without pauses, which change nothing.
  void expect_paced(const words& args, std::size_t pauses_min) {
    SCOPED_TRACE(std::string{args[0]});
    test::resp_session paced;
    test::resp_session plain;
    std::size_t pauses = 0;
    paced.pace = pacer{[&] { ++pauses; }};
    for (auto* each : {&paced, &plain}) {
      each->call(words{"SET", "large", value_});
      each->call(words{"SET", "zeros", zeros_});
      each->call(words{"SET", "short", "abc"});
    }
    pauses = 0;
    EXPECT_TRUE(paced.call(args) == plain.call(args));
    EXPECT_GE(pauses, pauses_min);
    for (const auto* key : {"large", "zeros", "short", "new"})
      EXPECT_TRUE(paced.call(words{"GET", key})
                  == plain.call(words{"GET", key}))
        << key;
  }

  std::string value_ = large_value();
  std::string zeros_ = std::string(5 * mebibyte, '\0');
};

TEST_F(PacingTest, ReadingCommands) {
  expect_paced({"GET", "large"}, 5);
  expect_paced({"MGET", "large", "zeros", "short"}, 10);
  expect_paced({"GETRANGE", "large", "1", "-2"}, 5);
  expect_paced({"DUMP", "large"}, 10);
  expect_paced({"BITCOUNT", "large"}, 5);
  expect_paced({"BITCOUNT", "large", "9", "-9", "BIT"}, 5);
  expect_paced({"BITPOS", "zeros", "1"}, 5);
  expect_paced({"BITPOS", "zeros", "1", "11", "-11", "BIT"}, 4);
  expect_paced({"LCS", "large", "short"}, 15);
  expect_paced({"LCS", "short", "large", "IDX"}, 15);
}

TEST_F(PacingTest, WritingCommands) {
  expect_paced({"APPEND", "large", value_}, 10);
  expect_paced({"SETRANGE", "large", "100", "x"}, 5);
  expect_paced({"SETRANGE", "new", "6000000", "x"}, 5);
  expect_paced({"SETRANGE", "short", "1", value_}, 10);
  expect_paced({"SETBIT", "large", "5", "1"}, 5);
  expect_paced({"BITFIELD", "large", "SET", "u8", "#3", "0"}, 5);
  expect_paced({"GETSET", "large", "x"}, 5);
  expect_paced({"GETDEL", "large"}, 5);
  expect_paced({"GETEX", "large", "PERSIST"}, 5);
  expect_paced({"SET", "large", "x", "GET"}, 5);
}

TEST_F(PacingTest, BitOperations) {
  for (const auto* operation : {"AND", "OR", "XOR"}) {
    expect_paced({"BITOP", operation, "new", "large", "zeros"}, 10);
    expect_paced({"BITOP", operation, "new", "large", "short"}, 5);
    expect_paced({"BITOP", operation, "new", "short", "large"}, 10);
  }
  expect_paced({"BITOP", "NOT", "new", "large"}, 10);
}

TEST_F(PacingTest, RestoringValues) {
  pacer unpaced;
  expect_paced({"RESTORE", "new", "0", dump_string(value_, unpaced)}, 10);
  // As Redis packs zeros: copies of what came before.
  expect_paced({"RESTORE", "new", "0", packed_zeros_dump()}, 5);
}

} // namespace
} // namespace kvs::protocol::resp
