// Replies as a client reads them.

#include "protocol/resp/reply_reader.hpp"

#include <gtest/gtest.h>

#include <string>

namespace kvs::protocol::resp {
namespace {

using namespace std::string_literals;
using kind = reply_value::kind;
using status = parsed_reply::status;

reply_value read(const std::string& bytes) {
  auto parsed = parse_reply(bytes + "rest");
  EXPECT_EQ(parsed.result, status::reply) << bytes << parsed.error;
  EXPECT_EQ(parsed.consumed_bytes, bytes.size());
  return std::move(parsed.reply);
}

TEST(ReplyReaderTest, ReadsEveryType) {
  EXPECT_EQ(read("+OK\r\n").text, "OK");
  EXPECT_EQ(read("+OK\r\n").type, kind::text);
  EXPECT_TRUE(read("-ERR no\r\n").is_error());
  EXPECT_EQ(read("-ERR no\r\n").text, "ERR no");
  EXPECT_EQ(read(":-12\r\n").integer, -12);
  EXPECT_EQ(read("$6\r\na\r\nb\0c\r\n"s).text, "a\r\nb\0c"s);
}

TEST(ReplyReaderTest, ReadsNullsAndArrays) {
  EXPECT_EQ(read("$0\r\n\r\n").type, kind::bulk);
  EXPECT_EQ(read("$-1\r\n").type, kind::null);
  EXPECT_EQ(read("*-1\r\n").type, kind::null);
  EXPECT_EQ(read("*0\r\n").type, kind::array);
  const auto page = read("*2\r\n$1\r\n7\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n");
  ASSERT_EQ(page.elements.size(), 2u);
  EXPECT_EQ(page.elements[0].text, "7");
  ASSERT_EQ(page.elements[1].elements.size(), 2u);
  EXPECT_EQ(page.elements[1].elements[1].text, "b");
}

// Goal: a reply is read whatever pieces it comes in, and nobody who waits for
// what is said to be needed waits for too much.
TEST(ReplyReaderTest, EveryPrefixWantsMore) {
  const std::string whole
    = "*3\r\n$3\r\nabc\r\n:10\r\n*2\r\n+x\r\n$10\r\n0123456789\r\n";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto parsed = parse_reply(whole.substr(0, size));
    ASSERT_EQ(parsed.result, status::need_more) << size;
    EXPECT_GT(parsed.needed_bytes, size);
    EXPECT_LE(parsed.needed_bytes, whole.size());
  }
}

TEST(ReplyReaderTest, RefusesWhatIsNoReply) {
  const std::string deep = [] {
    std::string text;
    for (int i = 0; i < 100; ++i)
      text += "*1\r\n";
    return text;
  }();
  for (const std::string& bytes :
       {std::string{"HTTP/1.1 400\r\n"}, std::string{"\r\n"},
        std::string{":x\r\n"}, std::string{"$-2\r\n"}, std::string{"$x\r\n"},
        std::string{"*-2\r\n"}, std::string{"$1\r\nabc\r\n"},
        std::string{"$9223372036854775807\r\n"}, std::string(100'000, '+'),
        deep})
    EXPECT_EQ(parse_reply(bytes).result, status::error) << bytes.substr(0, 20);
}

// Goal: a count that is a lie costs no memory.
TEST(ReplyReaderTest, TakesNoMemoryForAnAnnouncement) {
  EXPECT_EQ(parse_reply("*9223372036854775807\r\n").result, status::need_more);
}

} // namespace
} // namespace kvs::protocol::resp
