// Deadlines: what depends on the time that has passed.

#include "tests/protocol/resp/support/resp_session.hpp"

#include <gtest/gtest.h>

namespace kvs::protocol::resp {
namespace {

using events = std::vector<std::string>;

class ExpiryTest : public testing::Test {
protected:
  std::string run(std::string_view line) {
    return session.run(line);
  }

  void pass(std::int64_t milliseconds) {
    session.keys.time_ms += milliseconds;
  }

  test::resp_session session;
};

TEST_F(ExpiryTest, TimesAreRoundedToTheNearestSecond) {
  run("PSETEX k 10499 v");
  EXPECT_EQ(run("TTL k"), ":10\r\n");
  EXPECT_EQ(run("PTTL k"), ":10499\r\n");
  run("PEXPIRE k 10500");
  EXPECT_EQ(run("TTL k"), ":11\r\n");
  EXPECT_EQ(run("PEXPIRETIME k"), ":1700000010500\r\n");
  EXPECT_EQ(run("EXPIRETIME k"), ":1700000011\r\n");
}

TEST_F(ExpiryTest, AKeyIsGoneAtItsDeadline) {
  run("SET k v PX 100");
  pass(99);
  EXPECT_EQ(run("GET k"), "$1\r\nv\r\n");
  pass(1);
  EXPECT_EQ(run("GET k"), "$-1\r\n");
  EXPECT_EQ(session.take_events(), (events{"n new k", "$ set k", "g expire k",
                                           "x expired k", "m keymiss k"}));
}

TEST_F(ExpiryTest, SettingADeadlineThatHasPassedStillSets) {
  EXPECT_EQ(run("SET k v PXAT 1"), "+OK\r\n");
  EXPECT_EQ(run("GET k"), "$-1\r\n");
  EXPECT_EQ(session.take_events(), (events{"n new k", "$ set k", "g expire k",
                                           "x expired k", "m keymiss k"}));
}

TEST_F(ExpiryTest, ADeadlineThatHasPassedRemovesAKey) {
  for (const auto* each : {"EXPIRE k -1", "PEXPIRE k 0", "EXPIREAT k 1",
                           "PEXPIREAT k 1700000000000"}) {
    run("SET k v");
    session.take_events();
    EXPECT_EQ(run(each), ":1\r\n") << each;
    EXPECT_EQ(session.take_events(), events{"g del k"}) << each;
    EXPECT_EQ(run("EXISTS k"), ":0\r\n") << each;
  }
}

TEST_F(ExpiryTest, GreaterAndLessCompareWithTheOldDeadline) {
  run("SET k v EX 100");
  EXPECT_EQ(run("EXPIRE k 100 GT"), ":0\r\n");
  EXPECT_EQ(run("EXPIRE k 101 GT"), ":1\r\n");
  EXPECT_EQ(run("EXPIRE k 101 LT"), ":0\r\n");
  EXPECT_EQ(run("EXPIRE k 50 LT"), ":1\r\n");
  EXPECT_EQ(run("EXPIRE k 60 XX GT"), ":1\r\n");
  run("PERSIST k");
  EXPECT_EQ(run("EXPIRE k 60 GT"), ":0\r\n");
  EXPECT_EQ(run("EXPIRE k 60 LT"), ":1\r\n");
}

TEST_F(ExpiryTest, RestoringAnExpiredKeyRemovesTheOldOne) {
  run("SET k 1");
  session.take_events();
  EXPECT_EQ(run("RESTORE k 1 \"\\x00\\xc0\\x05\\n\\x00c/_f\\x83/\\xb3Q\" "
                "REPLACE ABSTTL"),
            "+OK\r\n");
  EXPECT_EQ(session.take_events(), events{"g del k"});
}

} // namespace
} // namespace kvs::protocol::resp
