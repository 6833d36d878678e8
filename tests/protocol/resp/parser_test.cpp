// What the RESP parser takes for a command, and what it refuses.

#include "protocol/resp/parser.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace kvs::protocol::resp {
namespace {

using status = parser::status;
using words = std::vector<std::string>;

/// Everything that can be read from bytes that come in pieces.
struct reading {
  std::vector<words> commands;
  status end{status::need_more};
  std::string error;

  bool operator==(const reading&) const = default;
};

class reader {
public:
  explicit reader(const parser_limits& limits = {}) : parser_(limits) {
  }

  void feed(std::string_view bytes) {
    pending_ += bytes;
    while (result_.end != status::error) {
      result_.end = parser_.next(pending_);
      if (result_.end != status::command)
        break;
      const auto arguments = parser_.arguments();
      result_.commands.emplace_back(arguments.begin(), arguments.end());
      pending_.erase(0, parser_.consumed_bytes());
    }
    if (result_.end == status::error)
      result_.error = parser_.error();
  }

  const reading& result() const {
    return result_;
  }

private:
  parser parser_;
  std::string pending_;
  reading result_;
};

reading read(std::string_view bytes, const parser_limits& limits = {}) {
  reader reader{limits};
  reader.feed(bytes);
  return reader.result();
}

reading read_bytewise(std::string_view bytes,
                      const parser_limits& limits = {}) {
  reader reader{limits};
  for (const char each : bytes)
    reader.feed({&each, 1});
  return reader.result();
}

TEST(RespParserTest, ReadsPipelinesOfBothForms) {
  const auto result
    = read("*2\r\n$3\r\nGET\r\n$1\r\nk\r\nset k v\r\n*1\r\n$4\r\nPING\r\n");
  const std::vector<words> expected{{"GET", "k"}, {"set", "k", "v"}, {"PING"}};
  EXPECT_EQ(result.commands, expected);
  EXPECT_EQ(result.end, status::need_more);
}

TEST(RespParserTest, WhatIsEmptyIsACommandWithoutArguments) {
  const auto result = read("\r\n  \n*0\r\n*-1\r\n*-7\r\n");
  EXPECT_EQ(result.commands, std::vector<words>(5));
}

TEST(RespParserTest, BytesBehindAnArgumentAreNotLookedAt) {
  const auto result = read("*1\rX$4\rYPINGzz");
  EXPECT_EQ(result.commands, std::vector<words>{{"PING"}});
}

TEST(RespParserTest, ArgumentsHoldAnyByte) {
  const std::string value{"\0\r\n$*\xFF", 6};
  const auto result = read("*2\r\n$0\r\n\r\n$6\r\n" + value + "\r\n");
  EXPECT_EQ(result.commands, (std::vector<words>{{"", value}}));
}

struct inline_case {
  std::string line;
  words expected;
};

TEST(RespParserTest, InlineWordsAreUnquotedAsRedisDoes) {
  const inline_case cases[] = {
    {"a  b\tc \x0B d", {"a", "b", "c", "d"}},
    {"'it\\'s' 'a\\n'", {"it's", "a\\n"}},
    {R"("\n\r\t\b\a\\\"\q")", {"\n\r\t\b\a\\\"q"}},
    {R"("\x41\x4g\x" "\x6")", {"Ax4gx", "x6"}},
    {R"(a"b c" '')", {"ab c", ""}},
    {"one\r two", {"one", "two"}},
    {"b\x0B"
     "c",
     {"b\x0B"
      "c"}},
  };
  for (const auto& each : cases)
    EXPECT_EQ(read(each.line + "\n").commands,
              std::vector<words>{each.expected})
      << each.line;
}

struct error_case {
  std::string bytes;
  std::string error;
};

const std::string long_run(65537, '1');

const error_case error_cases[] = {
  {"*x\r\n", "invalid multibulk length"},
  {"*\r\n", "invalid multibulk length"},
  {"*01\r\n", "invalid multibulk length"},
  {"*1048577\r\n", "invalid multibulk length"},
  {"*9223372036854775808\r\n", "invalid multibulk length"},
  {"*" + long_run, "too big mbulk count string"},
  {"*1\r\n" + long_run, "too big bulk count string"},
  {"*1\r\n$" + long_run, "too big bulk count string"},
  {"*1\r\n:1\r\n", "expected '$', got ':'"},
  {"*1\r\n\r\n", "expected '$', got ' '"},
  {"*1\r\n$\r\n", "invalid bulk length"},
  {"*1\r\n$-1\r\n", "invalid bulk length"},
  {"*1\r\n$+1\r\n", "invalid bulk length"},
  {"*1\r\n$536870913\r\n", "invalid bulk length"},
  {long_run, "too big inline request"},
  {"set 'a\r\n", "unbalanced quotes in request"},
  {"set \"a\\\"\r\n", "unbalanced quotes in request"},
  {"set \"a\"b\r\n", "unbalanced quotes in request"},
  {"set 'a'b\r\n", "unbalanced quotes in request"},
};

TEST(RespParserTest, RefusesWithTheWordsOfRedis) {
  for (const auto& each : error_cases) {
    const auto result = read(each.bytes);
    EXPECT_EQ(result.end, status::error) << each.bytes.substr(0, 40);
    EXPECT_EQ(result.error, "ERR Protocol error: " + each.error);
  }
}

TEST(RespParserTest, WhoIsUnknownMayAskForLittle) {
  parser_limits limits;
  limits.is_authenticated = false;
  EXPECT_EQ(read("*11\r\n", limits).error,
            "ERR Protocol error: unauthenticated multibulk length");
  EXPECT_EQ(read("*1\r\n$16385\r\n", limits).error,
            "ERR Protocol error: unauthenticated bulk length");
  EXPECT_EQ(read("*10\r\n$16384\r\n", limits).end, status::need_more);
}

// Goal: how the bytes are cut changes nothing.
TEST(RespParserTest, EveryCutGivesTheSame) {
  std::vector<std::string> all{
    "*2\r\n$3\r\nGET\r\n$1\r\nk\r\nset \"a\\x41\" b\r\n\r\n*0\r\n"
    "*1\r\n$4\r\nPING\r\n*3\r\n$1\r\n"};
  for (const auto& each : error_cases) {
    if (each.bytes.size() < 100)
      all.push_back("*1\r\n$4\r\nPING\r\n" + each.bytes + "rest");
  }
  for (const auto& bytes : all) {
    const auto expected = read(bytes);
    EXPECT_EQ(read_bytewise(bytes), expected) << bytes;
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
      reader halves;
      halves.feed(std::string_view{bytes}.substr(0, cut));
      halves.feed(std::string_view{bytes}.substr(cut));
      EXPECT_EQ(halves.result(), expected) << bytes << " cut at " << cut;
    }
  }
}

// Goal: short commands, which are taken in one go when they are there as a
// whole, are what they are byte by byte, whatever the limits.
TEST(RespParserTest, ShortCommandsAreNoOthers) {
  const auto argument = [](std::size_t size) {
    return "$" + std::to_string(size) + "\r\n" + std::string(size, 'x')
           + "\r\n";
  };
  std::string nine = "*9\r\n";
  for (std::size_t size = 0; size < 9; ++size)
    nine += argument(size);
  const std::string all[] = {
    nine,
    "*10\r\n" + nine,
    "*2\r\n" + argument(9'999) + argument(10'000),
    "*1\r\n" + argument(100) + "*1\r\n" + argument(1'000) + "x",
    "*1\rX$1\rYaZZ",
    "*1\r\n$0\r\n\r\n*1\r\n$00\r\n\r\n",
    "*1\r\n$01\r\na\r\n",
    "*01\r\n$1\r\na\r\n",
    "*1\r\n$+1\r\na\r\n",
    "*1\r\n$1 \r\na\r\n",
    "*2\r\n$1\r\na\r\n+1\r\nb\r\n",
    "*1\r\n$12345\r\n",
    "*1\r\n$1234",
    "*1\r\n$\r\n\r\n",
  };
  parser_limits few;
  few.arguments_max = 8;
  parser_limits small;
  small.bulk_bytes_max = 7;
  parser_limits narrow;
  narrow.inline_bytes_max = 4;
  parser_limits unknown;
  unknown.is_authenticated = false;
  for (const auto& limits : {parser_limits{}, few, small, narrow, unknown})
    for (const auto& bytes : all)
      EXPECT_EQ(read(bytes, limits), read_bytewise(bytes, limits)) << bytes;
  EXPECT_EQ(read(nine).commands.size(), 1u);
}

TEST(RespParserTest, TellsHowMuchIsNeeded) {
  parser parser;
  EXPECT_TRUE(parser.idle());
  EXPECT_EQ(parser.next(""), status::need_more);
  EXPECT_TRUE(parser.idle());
  EXPECT_EQ(parser.next("*2\r\n$3\r\nGET\r\n$100000"), status::need_more);
  EXPECT_FALSE(parser.idle());
  EXPECT_EQ(parser.needed_bytes(), 21u);
  const std::string_view header = "*2\r\n$3\r\nGET\r\n$100000\r\n";
  EXPECT_EQ(parser.next(header), status::need_more);
  EXPECT_EQ(parser.needed_bytes(), header.size() + 100000 + 2);
}

TEST(RespParserTest, ForgetsOnRequest) {
  parser parser;
  EXPECT_EQ(parser.next("*2\r\n$3\r\nGE"), status::need_more);
  parser.reset();
  EXPECT_TRUE(parser.idle());
  EXPECT_EQ(parser.next("PING\r\n"), status::command);
  EXPECT_EQ(parser.arguments().front(), "PING");
}

} // namespace
} // namespace kvs::protocol::resp
