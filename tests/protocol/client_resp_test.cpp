// The client for RESP, against a server that says what it is told to.

#include "protocol/client_resp.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

namespace kvs::protocol {
namespace {

using namespace std::chrono_literals;
using tcp = boost::asio::ip::tcp;

/// Serves one client: reads `expected`, answers with `answer`, then closes the
/// connection or, if it is to hang, waits for the client to do so.
class scripted_server {
public:
  scripted_server(std::string expected, std::string answer, bool hangs = false)
    : expected_(std::move(expected)), answer_(std::move(answer)), hangs_(hangs),
      thread_([this] { serve(); }) {
  }

  ~scripted_server() {
    thread_.join();
  }

  resp_client connect() {
    client_options options;
    options.request_timeout = 200ms;
    auto connected = resp_client::connect(
      "127.0.0.1", acceptor_.local_endpoint().port(), options);
    EXPECT_TRUE(connected);
    return std::move(connected.value());
  }

private:
  void serve() {
    boost::system::error_code error;
    tcp::socket socket = acceptor_.accept();
    std::string received(expected_.size(), '\0');
    boost::asio::read(socket, boost::asio::buffer(received), error);
    EXPECT_EQ(received, expected_);
    // In pieces, as a network might deliver it.
    for (const char each : answer_)
      boost::asio::write(socket, boost::asio::buffer(&each, 1), error);
    if (hangs_)
      boost::asio::read(socket, boost::asio::buffer(received.data(), 1), error);
  }

  std::string expected_;
  std::string answer_;
  bool hangs_;
  boost::asio::io_context loop_;
  tcp::acceptor acceptor_{
    loop_, tcp::endpoint{boost::asio::ip::make_address("127.0.0.1"), 0}};
  std::thread thread_;
};

const char ping[] = "*1\r\n$4\r\nPING\r\n";

TEST(RespClientTest, RepliesComeInTheOrderOfTheCommands) {
  scripted_server server{
    "*2\r\n$3\r\nGET\r\n$1\r\na\r\n*2\r\n$3\r\nTTL\r\n$0\r\n\r\n",
    "$5\r\nvalue\r\n:-2\r\n-ERR the end\r\n"};
  auto client = server.connect();
  client.add({"GET", "a"});
  client.add({"TTL", ""});
  client.send();
  EXPECT_EQ(client.receive().value().text, "value");
  EXPECT_EQ(client.receive().value().integer, -2);
  const auto error = client.receive();
  ASSERT_TRUE(error);
  EXPECT_TRUE(error.value().is_error());
}

TEST(RespClientTest, AClosedConnectionIsAnErrorForEver) {
  scripted_server server{ping, "+PO"};
  auto client = server.connect();
  for (int i = 0; i < 2; ++i) {
    const auto answer = client.call({"PING"});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, client_errc::disconnected);
  }
}

TEST(RespClientTest, ASilentServerIsGivenUp) {
  scripted_server server{ping, "$1000000\r\nabc", true};
  auto client = server.connect();
  const auto answer = client.call({"PING"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, client_errc::timed_out);
}

TEST(RespClientTest, AnotherProtocolIsNotUnderstood) {
  scripted_server server{ping, "HTTP/1.1 400 Bad Request\r\n\r\n", true};
  auto client = server.connect();
  const auto answer = client.call({"PING"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, client_errc::not_understood);
}

TEST(RespClientTest, NobodyThereIsUnreachable) {
  boost::asio::io_context loop;
  tcp::acceptor free{
    loop, tcp::endpoint{boost::asio::ip::make_address("127.0.0.1"), 0}};
  const auto port = free.local_endpoint().port();
  free.close();
  const auto connected = resp_client::connect("127.0.0.1", port);
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().code, client_errc::unreachable);
  EXPECT_NE(connected.error().message.find(std::to_string(port)),
            std::string::npos);
}

} // namespace
} // namespace kvs::protocol
