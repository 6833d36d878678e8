// How replies look in both versions of the protocol.

#include "protocol/resp/reply_writer.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>

namespace kvs::protocol::resp {
namespace {

std::string written(int version,
                    const std::function<void(reply_writer&)>& write) {
  byte_buffer out;
  reply_writer reply{out, version};
  write(reply);
  return {reinterpret_cast<const char*>(out.data()), out.size()};
}

struct reply_case {
  std::function<void(reply_writer&)> write;
  std::string resp2;
  std::string resp3;
};

TEST(ReplyWriterTest, EveryReplyInBothVersions) {
  using limits = std::numeric_limits<std::int64_t>;
  const reply_case cases[] = {
    {[](auto& to) { to.simple("PONG"); }, "+PONG\r\n", "+PONG\r\n"},
    {[](auto& to) { to.ok(); }, "+OK\r\n", "+OK\r\n"},
    {[](auto& to) { to.error("ERR a\r\nb"); }, "-ERR a  b\r\n",
     "-ERR a  b\r\n"},
    {[](auto& to) { to.integer(limits::min()); }, ":-9223372036854775808\r\n",
     ":-9223372036854775808\r\n"},
    {[](auto& to) { to.bulk(""); }, "$0\r\n\r\n", "$0\r\n\r\n"},
    {[](auto& to) { to.bulk("a\r\n"); }, "$3\r\na\r\n\r\n", "$3\r\na\r\n\r\n"},
    {[](auto& to) { to.bulk_integer(-12); }, "$3\r\n-12\r\n", "$3\r\n-12\r\n"},
    {[](auto& to) { to.null(); }, "$-1\r\n", "_\r\n"},
    {[](auto& to) { to.null_array(); }, "*-1\r\n", "_\r\n"},
    {[](auto& to) { to.array(3); }, "*3\r\n", "*3\r\n"},
    {[](auto& to) { to.map(3); }, "*6\r\n", "%3\r\n"},
    {[](auto& to) { to.set(3); }, "*3\r\n", "~3\r\n"},
    {[](auto& to) { to.push(3); }, "*3\r\n", ">3\r\n"},
    {[](auto& to) { to.dbl(0.1); }, "$19\r\n0.10000000000000001\r\n",
     ",0.10000000000000001\r\n"},
    {[](auto& to) { to.dbl(-std::numeric_limits<double>::infinity()); },
     "$4\r\n-inf\r\n", ",-inf\r\n"},
    {[](auto& to) { to.boolean(true); }, ":1\r\n", "#t\r\n"},
    {[](auto& to) { to.boolean(false); }, ":0\r\n", "#f\r\n"},
    {[](auto& to) { to.verbatim("txt", "ab"); }, "$2\r\nab\r\n",
     "=6\r\ntxt:ab\r\n"},
    {[](auto& to) { to.big_number("123"); }, "$3\r\n123\r\n", "(123\r\n"},
    {[](auto& to) { to.raw("+x\r\n"); }, "+x\r\n", "+x\r\n"},
  };
  for (const auto& each : cases) {
    EXPECT_EQ(written(2, each.write), each.resp2);
    EXPECT_EQ(written(3, each.write), each.resp3);
  }
}

} // namespace
} // namespace kvs::protocol::resp
