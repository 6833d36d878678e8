// Goal: who listens hears what is published, in order, and nothing else.

#include "tests/actors/resp/resp_fixture.hpp"

namespace kvs::actors::resp {
namespace {

class ChannelsTest : public resp_fixture {
protected:
  void SetUp() override {
    start();
    one = join();
    two = join();
  }
  static std::string message(const std::string& text, char type = '*') {
    return type + std::string{"3\r\n$7\r\nmessage\r\n$1\r\nx\r\n$1\r\n"} + text
           + "\r\n";
  }
  resp_client one;
  resp_client two;
};

TEST_F(ChannelsTest, PassesMessagesOnInOrder) {
  EXPECT_EQ(tell(one, "SUBSCRIBE x"),
            "*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n");
  EXPECT_EQ(tell(two, "PUBLISH x 1\r\nPUBLISH y 2\r\nPUBLISH x 3"),
            ":1\r\n:0\r\n:1\r\n");
  EXPECT_EQ(heard(one), message("1") + message("3"));
  tell(one, "UNSUBSCRIBE");
  EXPECT_EQ(tell(two, "PUBLISH x 4"), ":0\r\n");
  EXPECT_EQ(heard(one), "");
}

TEST_F(ChannelsTest, SubscriptionsEndBeforeQuitAndKillAreAnswered) {
  tell(one, "SUBSCRIBE x");
  push(one, "QUIT\r\n");
  while (heard(one).empty() && run_one_actor()) {
  }
  // Whatever the session still has to do, the PUBLISHER hears of it first.
  EXPECT_EQ(tell(two, "PUBLISH x 1"), ":0\r\n");
  auto three = join();
  tell(three, "SUBSCRIBE x");
  push(two, "CLIENT KILL TYPE pubsub\r\nPUBLISH x 2\r\n");
  run_actors();
  EXPECT_EQ(heard(two), ":1\r\n:0\r\n");
  EXPECT_TRUE(three.stream->closed);
}

TEST_F(ChannelsTest, WhatAClientPublishesToItselfComesWithTheReply) {
  tell(one, "HELLO 3");
  tell(one, "SUBSCRIBE x");
  EXPECT_EQ(tell(one, "PUBLISH x 1"), message("1", '>') + ":1\r\n");
  tell(one, "MULTI\r\nPUBLISH x 2\r\nPING");
  push(one, "EXEC\r\n");
  push(two, "PUBLISH x 3\r\n");
  run_actors();
  auto own = "*2\r\n" + message("2", '>') + ":1\r\n+PONG\r\n";
  auto got = heard(one);
  EXPECT_TRUE(got == own + message("3", '>') || got == message("3", '>') + own)
    << got;
}

TEST_F(ChannelsTest, SaysNothingButWhatIsPushedWithRepliesOff) {
  tell(one, "HELLO 3");
  auto subscribed = ">3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n";
  EXPECT_EQ(tell(one, "CLIENT REPLY OFF\r\nSUBSCRIBE x\r\nPUBLISH x 1\r\nPING"),
            subscribed + message("1", '>'));
  EXPECT_EQ(tell(two, "PUBLISH x 2"), ":1\r\n");
  EXPECT_EQ(heard(one), message("2", '>'));
}

TEST_F(ChannelsTest, TellsOfChangesOnlyWhatTheSettingSays) {
  tell(one, "PSUBSCRIBE *");
  tell(two, "SET k 1");
  EXPECT_EQ(heard(one), "");
  EXPECT_EQ(tell(two, "CONFIG SET notify-keyspace-events Ex$"), "+OK\r\n");
  tell(two, "SET k 1\r\nDEL k");
  EXPECT_EQ(heard(one), "*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$18\r\n"
                        "__keyevent@0__:set\r\n$1\r\nk\r\n");
}

// Goal: in a pipeline, too, who listens hears of what follows and of nothing
// before.
TEST_F(ChannelsTest, HearsOfItsLaterCommandsOnly) {
  tell(one, "HELLO 3");
  tell(one, "CONFIG SET notify-keyspace-events E$");
  EXPECT_EQ(tell(one, "SET k 1\r\nPSUBSCRIBE *\r\nSET k 2\r\nPUNSUBSCRIBE"),
            "+OK\r\n>3\r\n$10\r\npsubscribe\r\n$1\r\n*\r\n:1\r\n"
            ">4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$18\r\n__keyevent@0__:set\r\n"
            "$1\r\nk\r\n+OK\r\n"
            ">3\r\n$12\r\npunsubscribe\r\n$1\r\n*\r\n:0\r\n");
}

TEST_F(ChannelsTest, DropsASubscriberThatDoesNotRead) {
  tell(one, "SUBSCRIBE x");
  one.stream->writable_bytes = 0;
  std::string payload(1'000'000, 'x');
  for (int at = 0; at < 60 && !one.stream->closed; ++at)
    tell_words(two, {"PUBLISH", "x", payload});
  EXPECT_TRUE(one.stream->closed);
  EXPECT_EQ(tell(two, "PUBLISH x 1"), ":0\r\n");
}

} // namespace
} // namespace kvs::actors::resp
