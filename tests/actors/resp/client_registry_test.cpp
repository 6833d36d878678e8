// Goal: what sessions have in common is the same for all of them at once.

#include "tests/actors/resp/resp_fixture.hpp"

#include <algorithm>

namespace kvs::actors::resp {
namespace {

class ClientRegistryTest : public resp_fixture {
protected:
  static auto lines_of(const std::string& text) {
    return std::ranges::count(text, '\n') - 2;
  }
};

TEST_F(ClientRegistryTest, ListsWhoIsThere) {
  start();
  auto one = join();
  auto two = join();
  tell(two, "CLIENT SETNAME second");
  auto listed = tell(one, "CLIENT LIST");
  EXPECT_NE(listed.find("id=1 "), std::string::npos);
  EXPECT_NE(listed.find(" name=second "), std::string::npos);
  EXPECT_EQ(lines_of(listed), 2);
  two.stream->end();
  run_actors();
  EXPECT_EQ(lines_of(tell(one, "CLIENT LIST")), 1);
}

TEST_F(ClientRegistryTest, ThoseKilledAreGoneWhenItIsAnswered) {
  start();
  auto one = join();
  auto two = join();
  auto three = join();
  EXPECT_EQ(tell(one, "CLIENT KILL ID 2\r\nCLIENT LIST").substr(0, 4),
            ":1\r\n");
  EXPECT_TRUE(two.stream->closed);
  EXPECT_FALSE(three.stream->closed);
  EXPECT_EQ(lines_of(tell(one, "CLIENT LIST")), 2);
  EXPECT_EQ(tell(one, "CLIENT KILL TYPE normal SKIPME no"), ":2\r\n");
  EXPECT_TRUE(one.stream->output_ended) << "its own end follows the reply";
}

TEST_F(ClientRegistryTest, ASettingHoldsForTheNextCommandOfAnybody) {
  start();
  auto one = join();
  auto two = join();
  EXPECT_EQ(tell(one, "CONFIG SET slowlog-max-len 3 timeout 9"), "+OK\r\n");
  EXPECT_EQ(tell(two, "CONFIG GET timeout"),
            "*2\r\n$7\r\ntimeout\r\n$1\r\n9\r\n");
  // All of it or nothing.
  EXPECT_EQ(tell(one, "CONFIG SET timeout 1 slowlog-max-len x").substr(0, 4),
            "-ERR");
  EXPECT_EQ(tell(two, "CONFIG GET TIMEOUT"),
            "*2\r\n$7\r\nTIMEOUT\r\n$1\r\n9\r\n");
}

TEST_F(ClientRegistryTest, ShowsCommandsToWhoMonitors) {
  start();
  auto one = join();
  auto two = join();
  EXPECT_EQ(tell(one, "MONITOR"), "+OK\r\n");
  tell(two, "SET k \"a b\"");
  EXPECT_NE(heard(one).find("[0 test] \"SET\" \"k\" \"a b\"\r\n"),
            std::string::npos);
  one.stream->end();
  run_actors();
  EXPECT_EQ(tell(two, "GET k"), "$3\r\na b\r\n");
}

TEST_F(ClientRegistryTest, KeepsTheSlowestCommands) {
  start();
  auto one = join();
  tell(one, "CONFIG SET slowlog-log-slower-than 0 slowlog-max-len 2");
  tell(one, "INCR a\r\nINCRBY a 2\r\nINCRBY a 3");
  EXPECT_EQ(tell(one, "SLOWLOG LEN"), ":2\r\n");
  auto got = tell(one, "SLOWLOG GET 1");
  EXPECT_EQ(got.substr(0, 4), "*1\r\n");
}

} // namespace
} // namespace kvs::actors::resp
