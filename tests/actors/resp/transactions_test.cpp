// Goal: EXEC and other commands on several keys are atomic and isolated,
// whatever happens while they read. Method: a large value whose reading the
// test holds up gives others the time to come in between.

#include "tests/actors/resp/resp_fixture.hpp"

namespace kvs::actors::resp {
namespace {

class TransactionsTest : public resp_fixture {
protected:
  void SetUp() override {
    start();
    one = join();
    two = join();
    tell_words(one, {"SET", "large", std::string(100'000, 'x')});
  }
  /// Begins an EXEC of these lines that waits for the large value.
  void begin(const std::string& lines) {
    disk->hold_reads = true;
    push(one, "MULTI\r\nSTRLEN large\r\n" + lines + "\r\nEXEC\r\n");
    run_actors();
    auto queued = heard(one);
    EXPECT_EQ(queued.find('*'), std::string::npos) << queued;
    ASSERT_EQ(disk->reads.size(), 1u);
  }
  std::string end() {
    disk->hold_reads = false;
    finish_read();
    return heard(one);
  }

  resp_client one;
  resp_client two;
};

TEST_F(TransactionsTest, LaterCommandsSeeWhatEarlierOnesWrote) {
  tell(one, "MULTI\r\nSET k 1\r\nINCR k\r\nDEL k\r\nEXISTS k\r\nINCR k");
  EXPECT_EQ(tell(two, "GET k"), "$-1\r\n");
  EXPECT_EQ(tell(one, "EXEC"), "*5\r\n+OK\r\n:2\r\n:1\r\n:0\r\n:1\r\n");
  EXPECT_EQ(tell(two, "GET k"), "$1\r\n1\r\n");
}

TEST_F(TransactionsTest, AConflictWithoutWatchIsRepeated) {
  begin("INCR n");
  EXPECT_EQ(tell(two, "SET n 41"), "+OK\r\n");
  EXPECT_EQ(end(), "*2\r\n:100000\r\n:42\r\n");
  EXPECT_EQ(tell(two, "GET n"), "$2\r\n42\r\n");
}

TEST_F(TransactionsTest, AConflictWithWatchWritesNothing) {
  tell(one, "WATCH n");
  begin("SET other 1");
  EXPECT_EQ(tell(two, "SET n 41"), "+OK\r\n");
  EXPECT_EQ(end(), "*-1\r\n");
  EXPECT_EQ(tell(two, "EXISTS other"), ":0\r\n");
  // The watch is over.
  EXPECT_EQ(tell(one, "MULTI\r\nINCR n\r\nEXEC"),
            "+OK\r\n+QUEUED\r\n*1\r\n:42\r\n");
}

TEST_F(TransactionsTest, AKeyThatCameAndWentBreaksAWatch) {
  tell(one, "WATCH n");
  tell(two, "SET n 1\r\nDEL n");
  EXPECT_EQ(tell(one, "MULTI\r\nPING\r\nEXEC"), "+OK\r\n+QUEUED\r\n*-1\r\n");
  tell(one, "WATCH n");
  tell(two, "DEL n\r\nFLUSHALL");
  EXPECT_EQ(tell(one, "MULTI\r\nPING\r\nEXEC"),
            "+OK\r\n+QUEUED\r\n*1\r\n+PONG\r\n");
}

TEST_F(TransactionsTest, AKeyThatCameAndWentWithinAnotherExecBreaksAWatch) {
  for (const auto* command : {"SET n 1", "MSET n 1", "INCR n"}) {
    tell(one, "WATCH n");
    tell(two, std::string{"MULTI\r\n"} + command + "\r\nDEL n\r\nEXEC");
    EXPECT_EQ(tell(one, "MULTI\r\nPING\r\nEXEC"), "+OK\r\n+QUEUED\r\n*-1\r\n")
      << command;
  }
  tell(one, "WATCH n");
  tell(two, "MULTI\r\nDEL n\r\nFLUSHALL\r\nEXEC");
  EXPECT_EQ(tell(one, "MULTI\r\nPING\r\nEXEC"),
            "+OK\r\n+QUEUED\r\n*1\r\n+PONG\r\n");
}

TEST_F(TransactionsTest, ABitFieldThatFailsBreaksNoWatch) {
  tell(one, "WATCH n");
  EXPECT_EQ(tell(two, "BITFIELD n OVERFLOW FAIL INCRBY u2 0 9"),
            "*1\r\n$-1\r\n");
  EXPECT_EQ(
    tell(two, "MULTI\r\nBITFIELD n OVERFLOW FAIL INCRBY u2 8 9\r\nEXEC"),
    "+OK\r\n+QUEUED\r\n*1\r\n*1\r\n$-1\r\n");
  EXPECT_EQ(tell(one, "MULTI\r\nSTRLEN n\r\nEXEC"),
            "+OK\r\n+QUEUED\r\n*1\r\n:2\r\n");
}

TEST_F(TransactionsTest, WhoCountsAllKeysIsRepeatedWhenThereAreMore) {
  begin("DBSIZE\r\nSET made 1\r\nDBSIZE");
  tell(two, "MSET a 1 b 2 c 3 d 4");
  EXPECT_EQ(end(), "*4\r\n:100000\r\n:5\r\n+OK\r\n:6\r\n");
}

// Goal: nobody is beaten for ever. After two conflicts others wait.
TEST_F(TransactionsTest, WhoWasBeatenTwiceHasAllKeysToItself) {
  begin("DBSIZE\r\nSET made 1");
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(tell(two, "INCR n"), ":" + std::to_string(round + 1) + "\r\n");
    finish_read();
    EXPECT_EQ(heard(one), "");
    ASSERT_EQ(disk->reads.size(), 1u) << "it begins again";
  }
  EXPECT_EQ(tell(two, "INCR n"), "") << "it waits";
  EXPECT_EQ(end(), "*3\r\n:100000\r\n:2\r\n+OK\r\n");
  EXPECT_EQ(heard(two), ":3\r\n");
}

TEST_F(TransactionsTest, AReservationEndsWithItsClient) {
  begin("DBSIZE\r\nSET made 1");
  for (int round = 0; round < 2; ++round) {
    tell(two, "INCR n");
    finish_read();
  }
  EXPECT_EQ(tell(two, "INCR n"), "");
  caf::anon_send_exit(one.session, caf::exit_reason::kill);
  run_actors();
  EXPECT_EQ(heard(two), ":3\r\n");
  EXPECT_EQ(tell(two, "EXISTS made"), ":0\r\n");
  disk->hold_reads = false;
}

TEST_F(TransactionsTest, WhatFailsInBetweenUndoesNothing) {
  tell(two, "SET text x");
  EXPECT_EQ(tell(one, "MULTI\r\nSET a 1\r\nINCR text\r\nSET b 2\r\nEXEC"),
            "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n+OK\r\n-ERR value "
            "is not an integer or out of range\r\n+OK\r\n");
  EXPECT_EQ(tell(two, "MGET a b"), "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
}

TEST_F(TransactionsTest, AnExecThatCannotRunEndsTheTransaction) {
  EXPECT_EQ(tell(one, "MULTI\r\nSET a 1\r\nEXEC x\r\nEXEC"),
            "+OK\r\n+QUEUED\r\n-EXECABORT Transaction discarded because of: "
            "wrong number of arguments for 'exec' command\r\n-ERR EXEC without "
            "MULTI\r\n");
  EXPECT_EQ(tell(two, "EXISTS a"), ":0\r\n");
}

} // namespace
} // namespace kvs::actors::resp
