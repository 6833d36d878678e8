// The client library against a small server: answers, errors, deadlines.

#include "protocol/client.hpp"

#include "tests/protocol/support/fake_server.hpp"

#include <gtest/gtest.h>

#include <deque>

namespace kvs::protocol {
namespace {

using namespace std::chrono_literals;
using test::behaviour;
using test::fake_server;

client connect(const fake_server& server, client_options options = {}) {
  auto connected = client::connect("127.0.0.1", server.port(), options);
  EXPECT_TRUE(connected) << connected.error().message;
  return std::move(connected.value());
}

TEST(ClientTest, WritesReadsAndErases) {
  fake_server server;
  client node = connect(server);
  const auto written = node.call(put{"key", {}, 0, 0, "value"});
  ASSERT_TRUE(written);
  EXPECT_TRUE(written.value()->applied);
  const auto read = node.call(get{"key"});
  ASSERT_TRUE(read);
  EXPECT_EQ(read.value()->value, "value");
  EXPECT_EQ(read.value()->version, written.value()->version);
  EXPECT_TRUE(node.call(erase{"key", {}}).value()->existed);
  EXPECT_FALSE(node.call(erase{"key", {}}).value()->existed);
  EXPECT_FALSE(node.call(get{"key"}).value()->found);
}

// Goal: every kind of request comes back as the kind of reply that its type
// promises.
TEST(ClientTest, EveryRequestFindsItsReply) {
  fake_server server;
  client node = connect(server);
  EXPECT_EQ(node.call(hello{1, 0, "test"}).value()->node_name, "fake");
  EXPECT_EQ(node.call(ping{"x"}).value()->payload, "x");
  EXPECT_EQ(node.call(increment{"n", 5}).value()->value, 5);
  EXPECT_EQ(node.call(append{"n", "0"}).value()->value_bytes, 2u);
  EXPECT_TRUE(node.call(touch{"n", 10'000}).value()->applied);
  EXPECT_EQ(node.call(exists{"n"}).value()->ttl_ms, 10'000);
  EXPECT_TRUE(node.call(persist{"n"}).value()->applied);
  const operation write{operation_kind::put, "b", 0, "1"};
  EXPECT_TRUE(node.call(batch{{write}}).value()->applied);
  EXPECT_TRUE(node.call(transact{{{"absent", 0}}, {write}}).value()->applied);
  const auto many = node.call(multi_get{{"n", "absent"}});
  EXPECT_EQ(many.value()->values.at(0).value, "50");
  EXPECT_FALSE(many.value()->values.at(1).found);
  EXPECT_EQ(node.call(scan{0, 10, ""}).value()->keys.size(), 2u);
  EXPECT_EQ(node.call(count{}).value()->key_count, 2u);
  EXPECT_EQ(node.call(stats{}).value()->figures.at(0).name, "keys");
  EXPECT_GT(node.call(protocol::sync{}).value()->durable_version, 0u);
  EXPECT_EQ(node.call(compact{}).value()->segments_rewritten, 1u);
  EXPECT_EQ(node.call(backup{"name", "", true}).value()->bytes, 4u);
  EXPECT_TRUE(node.call(flush{}).value()->applied);
}

TEST(ClientTest, PipelinedRequestsAreAllAnswered) {
  fake_server server;
  client node = connect(server);
  std::deque<std::future<client_outcome<received<increment_reply>>>> started;
  for (int i = 0; i < 1000; ++i)
    started.push_back(node.start(increment{"counter", 1}));
  for (int i = 0; i < 1000; ++i)
    EXPECT_EQ(started[static_cast<std::size_t>(i)].get().value()->value, i + 1);
}

TEST(ClientTest, LargeValuesTravelBothWays) {
  fake_server server;
  client node = connect(server);
  std::string value(64 << 20, 'x');
  for (std::size_t i = 0; i < value.size(); i += 4096)
    value[i] = static_cast<char>(i >> 12);
  ASSERT_TRUE(node.call(put{"large", {}, 0, 0, value}));
  const auto read = node.call(get{"large"});
  ASSERT_TRUE(read);
  EXPECT_TRUE(read.value()->value == value);
}

TEST(ClientTest, SeveralThreadsMayCall) {
  fake_server server;
  client node = connect(server);
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i)
    callers.emplace_back([&] {
      for (int n = 0; n < 250; ++n)
        ASSERT_TRUE(node.call(increment{"counter", 1}));
    });
  for (auto& caller : callers)
    caller.join();
  EXPECT_EQ(node.call(get{"counter"}).value()->value, "1000");
}

TEST(ClientTest, ReportsARefusedConnection) {
  std::uint16_t free_port = 0;
  {
    fake_server gone;
    free_port = gone.port();
  }
  const auto connected = client::connect("127.0.0.1", free_port);
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().code, client_errc::unreachable);
  EXPECT_NE(connected.error().message.find("refused"), std::string::npos);
}

TEST(ClientTest, ReportsAnUnknownHost) {
  const auto connected = client::connect("no.such.host.invalid", 1);
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().code, client_errc::unreachable);
}

TEST(ClientTest, ServerErrorsCarryTheirStatus) {
  fake_server server;
  client node = connect(server);
  ASSERT_TRUE(node.call(put{"word", {}, 0, 0, "abc"}));
  const auto sum = node.call(increment{"word", 1});
  ASSERT_FALSE(sum);
  EXPECT_EQ(sum.error().code, client_errc::refused);
  EXPECT_EQ(sum.error().server_status, status::wrong_type);
  EXPECT_TRUE(node.call(get{"word"})) << "the connection stays usable";
}

// Goal: a late write is never reported as failed.
TEST(ClientTest, LateWritesHaveAnUnknownOutcome) {
  fake_server server{behaviour::silent};
  client node = connect(server, {.request_timeout = 100ms});
  const auto read = node.call(get{"key"});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, client_errc::timed_out);
  const auto written = node.call(put{"key", {}, 0, 0, "v"});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, client_errc::outcome_unknown);
}

TEST(ClientTest, ALostConnectionEndsEveryCall) {
  fake_server server{behaviour::closing};
  client node = connect(server);
  auto read = node.start(get{"key"});
  auto write = node.start(put{"key", {}, 0, 0, "v"});
  EXPECT_EQ(read.get().error().code, client_errc::disconnected);
  const auto written = write.get();
  // The loss may be noticed before the second call, which is not sent then.
  EXPECT_TRUE(written.error().code == client_errc::outcome_unknown
              || written.error().code == client_errc::disconnected);
  const auto later = node.call(put{"key", {}, 0, 0, "v"});
  EXPECT_EQ(later.error().code, client_errc::disconnected);
  EXPECT_NE(later.error().message.find("not sent"), std::string::npos);
}

TEST(ClientTest, NoticesThatThePeerIsNoNode) {
  fake_server server{behaviour::foreign};
  client node = connect(server);
  const auto read = node.call(get{"key"});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, client_errc::not_understood);
}

TEST(ClientTest, NoticesAReplyOfTheWrongKind) {
  fake_server server{behaviour::confused};
  client node = connect(server);
  EXPECT_EQ(node.call(get{"key"}).error().code, client_errc::not_understood);
}

TEST(ClientTest, RepliesAboveTheLimitAreRefused) {
  fake_server server;
  client node = connect(server, {.frame_bytes_max = 1000});
  ASSERT_TRUE(node.call(put{"key", {}, 0, 0, std::string(2000, 'x')}));
  const auto read = node.call(get{"key"});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().server_status, status::too_big);
}

TEST(ClientTest, DestructionEndsWaitingCalls) {
  fake_server server{behaviour::silent};
  std::future<client_outcome<received<write_reply>>> write;
  {
    client node = connect(server);
    client moved = std::move(node);
    write = moved.start(put{"key", {}, 0, 0, "v"});
  }
  EXPECT_EQ(write.get().error().code, client_errc::outcome_unknown);
}

} // namespace
} // namespace kvs::protocol
