// A recorded conversation with Redis 7.0, repeated word by word.

#include "tests/protocol/resp/support/resp_session.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace kvs::protocol::resp {
namespace {

/// What Redis has said to one command: `record_conversation.py` tells how the
/// lines of the file look.
struct recorded_exchange {
  int line_number{0};
  std::string command;
  std::string reply;
  std::vector<std::string> events;
};

std::vector<recorded_exchange> read_conversation() {
  std::vector<recorded_exchange> exchanges;
  std::istringstream lines{test::read_data("conversation.txt")};
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.starts_with("> "))
      exchanges.push_back({number, line.substr(2), {}, {}});
    else if (line.starts_with("< "))
      exchanges.back().reply = line.substr(2);
    else if (line.starts_with("! "))
      exchanges.back().events.push_back(line.substr(2));
  }
  return exchanges;
}

// Redis tells of events by name and key alone.
std::vector<std::string> without_kinds(std::vector<std::string> events) {
  for (auto& each : events)
    each = test::escape(each.substr(2));
  return events;
}

// Goal: replies and notifications are those of Redis 7.0, to the byte.
TEST(ConversationTest, EveryReplyIsThatOfRedis) {
  const auto exchanges = read_conversation();
  ASSERT_GT(exchanges.size(), 500u);
  test::resp_session session;
  for (const auto& each : exchanges) {
    const std::string reply = test::escape(session.run(each.command));
    ASSERT_EQ(reply, each.reply)
      << "line " << each.line_number << ": " << each.command;
    ASSERT_EQ(without_kinds(session.take_events()), each.events)
      << "line " << each.line_number << ": " << each.command;
  }
}

} // namespace
} // namespace kvs::protocol::resp
