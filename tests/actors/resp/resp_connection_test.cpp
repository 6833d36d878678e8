// Goal: what a session of RESP does with order, windows and pauses.

#include "tests/actors/resp/resp_fixture.hpp"

namespace kvs::actors::resp {
namespace {

using namespace std::chrono_literals;

class RespConnectionTest : public resp_fixture {
protected:
  /// A value that a READER has to read.
  static std::string large_value(char letter) {
    return std::string(100'000, letter);
  }
  static std::string bulk(const std::string& value) {
    return "$" + std::to_string(value.size()) + "\r\n" + value + "\r\n";
  }
};

TEST_F(RespConnectionTest, RepliesInTheOrderOfTheRequests) {
  start();
  auto client = join();
  tell_words(client, {"SET", "large", large_value('x')});
  tell(client, "SET small 1");
  disk->hold_reads = true;
  EXPECT_EQ(tell(client, "GET large\r\nGET small\r\nINCR n\r\nPING"), "");
  EXPECT_EQ(disk->reads.size(), 1u) << "the others are known by now";
  finish_read();
  EXPECT_EQ(heard(client),
            bulk(large_value('x')) + "$1\r\n1\r\n:1\r\n+PONG\r\n");
}

TEST_F(RespConnectionTest, TakesCommandsInPieces) {
  start();
  auto client = join();
  std::string bytes = command_of({"SET", "key", "value"}) + "GET key\r\n";
  for (auto each : bytes) {
    push(client, std::string(1, each));
    run_actors();
  }
  EXPECT_EQ(heard(client), "+OK\r\n$5\r\nvalue\r\n");
}

TEST_F(RespConnectionTest, StopsReadingWhileRepliesAreNotTaken) {
  start();
  auto client = join();
  tell_words(client, {"SET", "large", std::string(400'000, 'x')});
  client.stream->writable_bytes = 0;
  std::string many;
  for (int at = 0; at < 600; ++at)
    many += "GET large\r\n";
  push(client, many);
  push(client, std::string(1'000'000, '\n'));
  run_actors();
  EXPECT_FALSE(client.stream->is_read_from());
  EXPECT_GT(client.stream->unread_bytes(), 900'000u);
  // It holds a few of the values, not 600.
  std::size_t replied = 0;
  for (int at = 0; at < 1000; ++at) {
    client.stream->take_more(10'000'000);
    run_actors();
    auto got = heard(client).size();
    EXPECT_LE(got, 10'000'000u);
    replied += got;
    if (got == 0)
      break;
  }
  EXPECT_EQ(replied, 600 * bulk(std::string(400'000, 'x')).size());
  EXPECT_EQ(client.stream->unread_bytes(), 0u);
}

TEST_F(RespConnectionTest, ClosesAClientThatNeverReads) {
  limits.write_timeout = 5000ms;
  start();
  auto client = join();
  client.stream->writable_bytes = 0;
  EXPECT_EQ(tell(client, "PING"), "");
  advance_time(4000ms);
  EXPECT_FALSE(client.stream->closed);
  for (int second = 0; second < 4; ++second)
    advance_time(1000ms);
  EXPECT_TRUE(client.stream->closed);
}

// Goal: who ends its input is answered everything that it has sent, also what
// had to wait.
TEST_F(RespConnectionTest, AnswersEverythingBeforeAHalfClosedEnd) {
  start();
  auto client = join();
  tell_words(client, {"SET", "large", large_value('x')});
  disk->hold_reads = true;
  push(client, "WATCH k\r\nMULTI\r\nGET large\r\nEXEC\r\nSET k 1\r\nGET k\r\n");
  client.stream->end();
  run_actors();
  EXPECT_EQ(heard(client), "+OK\r\n+OK\r\n+QUEUED\r\n");
  EXPECT_FALSE(client.stream->closed);
  finish_read();
  EXPECT_EQ(heard(client),
            "*1\r\n" + bulk(large_value('x')) + "+OK\r\n$1\r\n1\r\n");
  EXPECT_TRUE(client.stream->closed);
}

TEST_F(RespConnectionTest, KeepsQuietWhenAskedTo) {
  start();
  auto client = join();
  EXPECT_EQ(tell(client, "CLIENT REPLY OFF\r\nSET k 1\r\nNOPE\r\nGET k"), "");
  EXPECT_EQ(tell(client, "CLIENT REPLY ON\r\nGET k"), "+OK\r\n$1\r\n1\r\n");
  EXPECT_EQ(tell(client, "CLIENT REPLY SKIP\r\nGET k\r\nPING"), "+PONG\r\n");
}

TEST_F(RespConnectionTest, HoldsWritesDuringAPauseAndGoesOnAfterIt) {
  start();
  auto one = join();
  auto two = join();
  EXPECT_EQ(tell(one, "CLIENT PAUSE 1000 WRITE"), "+OK\r\n");
  EXPECT_EQ(tell(two, "GET k\r\nSET k 1\r\nGET k"), "$-1\r\n");
  EXPECT_FALSE(two.stream->is_read_from());
  EXPECT_EQ(tell(one, "GET k"), "$-1\r\n");
  advance_time(900ms);
  EXPECT_EQ(heard(two), "");
  advance_time(100ms);
  EXPECT_EQ(heard(two), "+OK\r\n$1\r\n1\r\n");
}

TEST_F(RespConnectionTest, EndsAPauseWhenTold) {
  start();
  auto one = join();
  auto two = join();
  tell(one, "CLIENT PAUSE 100000 WRITE");
  tell(one, "CLIENT PAUSE 1 WRITE");
  advance_time(50'000ms);
  EXPECT_EQ(tell(two, "MULTI\r\nGET k\r\nINCR k"), "+OK\r\n+QUEUED\r\n");
  EXPECT_EQ(tell(one, "CLIENT UNPAUSE"), "+OK\r\n");
  EXPECT_EQ(heard(two), "+QUEUED\r\n");
  // The timers of the first two must not end this one.
  tell(one, "CLIENT PAUSE 100000 ALL");
  advance_time(60'000ms);
  EXPECT_EQ(tell(two, "EXEC"), "");
  for (int second = 0; second < 40; ++second)
    advance_time(1000ms);
  EXPECT_EQ(heard(two), "*2\r\n$-1\r\n:1\r\n");
}

TEST_F(RespConnectionTest, ClosesIdleClientsAsTheSettingSays) {
  start();
  auto idle = join();
  auto other = join();
  EXPECT_EQ(tell(other, "CONFIG SET timeout 5"), "+OK\r\n");
  for (int second = 0; second < 5; ++second) {
    advance_time(1000ms);
    tell(other, "PING");
  }
  EXPECT_FALSE(idle.stream->closed);
  advance_time(2000ms);
  EXPECT_TRUE(idle.stream->closed);
  EXPECT_FALSE(other.stream->closed);
}

TEST_F(RespConnectionTest, SaysInInfoWhatBecameOfTheStore) {
  start(sync_mode::always);
  auto client = join();
  tell(client, "SET a 1\r\nSET b 2 EX 100\r\nSET c 3 EX 300");
  EXPECT_NE(tell(client, "INFO keyspace")
              .find("db0:keys=3,expires=2,avg_ttl=200000\r\n"),
            std::string::npos);
  EXPECT_NE(tell(client, "INFO persistence").find("aof_last_write_status:ok"),
            std::string::npos);
  disk->hold_syncs = true;
  tell(client, "SET d 4");
  finish_sync(false);
  EXPECT_EQ(heard(client).substr(0, 1), "-")
    << "nobody knows what became of it";
  EXPECT_EQ(tell(client, "SET e 5").substr(0, 9), "-MISCONF ");
  auto info = tell(client, "INFO persistence");
  EXPECT_NE(info.find("aof_last_write_status:err"), std::string::npos);
  EXPECT_NE(info.find("rdb_last_bgsave_status:err"), std::string::npos);
}

// Goal: a large value keeps no loop busy, whatever is asked of it.
TEST_F(RespConnectionTest, HasLargeValuesReadAndChangedByTheReader) {
  start();
  auto client = join();
  auto other = join();
  std::string value(3'000'000, 'x');
  tell_words(client, {"SET", "large", value});
  disk->hold_works = true;
  for (const auto* command :
       {"BITCOUNT large", "GETRANGE large 0 3", "SETRANGE large 1 yy",
        "SETBIT large 20000000 1", "GETSET large z"}) {
    EXPECT_EQ(tell(client, command), "") << command;
    ASSERT_EQ(disk->works.size(), 1u) << command;
    EXPECT_EQ(tell(other, "INCR n").substr(0, 1), ":");
    finish_work();
    EXPECT_NE(heard(client), "") << command;
  }
  EXPECT_EQ(tell(client, "GET large"), "$1\r\nz\r\n");
  tell_words(client, {"SET", "large", value});
  tell(client, "MULTI\r\nRENAME large moved\r\nSTRLEN moved");
  EXPECT_EQ(tell(client, "EXEC"), "");
  ASSERT_EQ(disk->works.size(), 1u);
  finish_work();
  EXPECT_EQ(heard(client), "*2\r\n+OK\r\n:3000000\r\n");
}

TEST_F(RespConnectionTest, DoesNotReadWhatIsOverwritten) {
  start();
  auto client = join();
  tell_words(client, {"SET", "large", large_value('x')});
  tell(client, "SET small 1");
  disk->hold_reads = true;
  EXPECT_EQ(tell(client, "RENAME small large"), "+OK\r\n");
  EXPECT_EQ(tell(client, "GET large"), "$1\r\n1\r\n");
}

} // namespace
} // namespace kvs::actors::resp
