// Sizes beyond which nothing is stored, and values that are not looked at.

#include "tests/protocol/resp/support/resp_session.hpp"

#include <gtest/gtest.h>

namespace kvs::protocol::resp {
namespace {

constexpr std::string_view too_long
  = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n";

TEST(LimitsTest, NoValueGrowsBeyondItsLimit) {
  test::resp_session session;
  session.limits.value_bytes_max = 8;
  session.run("SET k 12345678");
  for (const auto* each : {"SET k 123456789", "APPEND k 9", "SETRANGE k 8 x",
                           "MSET a 1 b 123456789", "GETSET k 123456789",
                           "SETRANGE none 9223372036854775807 x"})
    EXPECT_EQ(session.run(each), too_long) << each;
  EXPECT_EQ(session.run("SETBIT k 64 1"),
            "-ERR bit offset is not an integer or out of range\r\n");
  EXPECT_EQ(session.run("BITFIELD k SET u8 #8 1"),
            "-ERR bit offset is not an integer or out of range\r\n");
  EXPECT_EQ(session.run("GET k"), "$8\r\n12345678\r\n");
  EXPECT_EQ(session.run("EXISTS a none"), ":0\r\n");
}

TEST(LimitsTest, NoKeyIsStoredBeyondItsLimit) {
  test::resp_session session;
  session.limits.key_bytes_max = 3;
  session.run("SET abc 1");
  for (const auto* each : {"SET abcd 1", "MSET a 1 abcd 1", "RENAME abc abcd",
                           "COPY abc abcd", "INCR abcd", "BITOP NOT abcd abc"})
    EXPECT_EQ(session.run(each), "-ERR key exceeds maximum allowed size\r\n")
      << each;
  EXPECT_EQ(session.run("GET abcd"), "$-1\r\n");
  EXPECT_EQ(session.run("DEL abcd"), ":0\r\n");
}

TEST(LimitsTest, TheTableOfLcsIsBounded) {
  test::resp_session session;
  session.limits.value_bytes_max = 4000;
  session.run("MSET a " + std::string(30, 'a') + " b " + std::string(31, 'a'));
  EXPECT_EQ(session.run("LCS a b LEN"), ":30\r\n");
  session.run("APPEND b aaaa");
  EXPECT_EQ(session.run("LCS a b LEN"),
            "-ERR Insufficient memory, transient memory for LCS exceeds "
            "proto-max-bulk-len\r\n");
}

/// A keyspace that has forgotten the bytes of all values.
class hollow_keyspace final : public keyspace {
public:
  explicit hollow_keyspace(keyspace& keys) : keys_(keys) {
  }

  const found_value* find(std::string_view key) override {
    const auto* found = keys_.find(key);
    if (found == nullptr)
      return nullptr;
    hollow_ = {{}, found->expires_at_ms};
    return &hollow_;
  }

  void put(std::string_view key, shared_bytes value,
           std::int64_t expires_at_ms) override {
    keys_.put(key, std::move(value), expires_at_ms);
  }

  void expire(std::string_view key, std::int64_t expires_at_ms) override {
    keys_.expire(key, expires_at_ms);
  }

  void erase(std::string_view key) override {
    keys_.erase(key);
  }

  std::uint64_t size() override {
    return keys_.size();
  }

  void
  for_each_key(const std::function<void(std::string_view)>& visit) override {
    keys_.for_each_key(visit);
  }

  void clear() override {
    keys_.clear();
  }

  std::int64_t now_ms() override {
    return keys_.now_ms();
  }

  void notify(event_class kind, std::string_view event,
              std::string_view key) override {
    keys_.notify(kind, event, key);
  }

private:
  keyspace& keys_;
  found_value hollow_;
};

// Goal: a command that says it reads no values works without them.
TEST(LimitsTest, ValuesThatAreNotReadAreNotNeeded) {
  const std::vector<std::vector<std::string_view>> calls{
    {"set", "k", "w"},
    {"set", "k", "w", "xx", "keepttl"},
    {"setnx", "k", "w"},
    {"setex", "k", "9", "w"},
    {"psetex", "k", "9", "w"},
    {"mset", "k", "w", "l", "w"},
    {"msetnx", "k", "w"},
    {"del", "k"},
    {"unlink", "k", "l"},
    {"exists", "k"},
    {"type", "k"},
    {"touch", "k"},
    {"randomkey"},
    {"keys", "*"},
    {"dbsize"},
    {"scan", "0"},
    {"expire", "k", "9"},
    {"pexpire", "k", "9", "lt"},
    {"expireat", "k", "1"},
    {"ttl", "k"},
    {"pttl", "k"},
    {"expiretime", "k"},
    {"pexpiretime", "k"},
    {"persist", "k"},
    {"flushdb"},
    {"flushall"},
    {"object", "idletime", "k"},
    {"object", "freq", "k"},
  };
  for (const auto& args : calls) {
    test::resp_session whole;
    test::resp_session hollow;
    whole.run("SET k v EX 100");
    hollow.run("SET k v EX 100");
    const auto& spec = *resolve(args).spec;
    EXPECT_EQ(value_use_of(spec, args), value_use::none) << args[0];
    byte_buffer out;
    reply_writer reply{out};
    hollow_keyspace keys{hollow.keys};
    pacer unpaced;
    execute(spec, args, keys, reply, hollow.limits, unpaced);
    const std::string said{reinterpret_cast<const char*>(out.data()),
                           out.size()};
    EXPECT_EQ(said, whole.call(args)) << args[0];
    EXPECT_EQ(hollow.run("GET k"), whole.run("GET k")) << args[0];
    EXPECT_EQ(hollow.take_events(), whole.take_events()) << args[0];
  }
}

TEST(LimitsTest, WhatRepliesAnOldValueReadsIt) {
  const std::vector<std::string_view> args{"SET", "k", "v", "EX", "9", "get"};
  EXPECT_EQ(value_use_of(*resolve(args).spec, args), value_use::reads);
}

} // namespace
} // namespace kvs::protocol::resp
