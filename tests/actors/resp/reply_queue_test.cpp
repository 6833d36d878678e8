// Goal: replies leave in the order of their requests, and what they lie in is
// given back as soon as they have left.

#include "actors/resp/reply_queue.hpp"

#include <gtest/gtest.h>

#include <string>

namespace kvs::actors::resp {
namespace {

TEST(ReplyQueueTest, RepliesLeaveInTheOrderOfTheirRequests) {
  reply_queue replies;
  const auto first = replies.open(2, false);
  const auto second = replies.open(2, false);
  std::string sent;
  auto take = [&](auto& next) { sent += next.text; };
  replies.set_text(second, "second");
  replies.drain([](auto&) {}, take);
  EXPECT_EQ(sent, "");
  replies.set_text(first, "first ");
  replies.drain([](auto&) {}, take);
  EXPECT_EQ(sent, "first second");
  EXPECT_EQ(replies.size(), 0u);
}

TEST(ReplyQueueTest, WhatNobodyWantsIsOnlyNoted) {
  reply_queue replies;
  replies.set_text(replies.open(2, false), "-ERR no\r\n");
  replies.set_text(replies.open(2, true), "+OK\r\n");
  protocol::byte_buffer bytes;
  bytes.append(std::string_view{"-ERR neither\r\n"});
  replies.set_bytes(replies.open(2, true), std::move(bytes));
  replies.set_integer(replies.open(2, false), 7);
  std::string noted;
  int taken = 0;
  replies.drain([&](auto& next) { noted += next.is_error() ? '!' : '.'; },
                [&](auto&) { ++taken; });
  EXPECT_EQ(noted, "!.!.");
  EXPECT_EQ(taken, 2);
}

TEST(ReplyQueueTest, WhatHasLeftKeepsNoMemory) {
  reply_queue replies;
  auto memory = std::make_shared<std::string>("text");
  for (int round = 0; round < 10; ++round) {
    replies.set_shared(replies.open(2, false), *memory, memory);
    replies.set_value(replies.open(2, false), *memory, {});
    replies.drain([](auto&) {}, [](auto&) {});
  }
  EXPECT_EQ(memory.use_count(), 1);
}

} // namespace
} // namespace kvs::actors::resp
