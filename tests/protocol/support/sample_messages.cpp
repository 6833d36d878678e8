// The sample messages.

#include "tests/protocol/support/sample_messages.hpp"

#include "protocol/native/codec.hpp"

#include <limits>

namespace kvs::protocol::test {

namespace {

constexpr auto int64_max = std::numeric_limits<std::int64_t>::max();
constexpr auto int64_min = std::numeric_limits<std::int64_t>::min();
constexpr native::request_id sample_id{0x0102030405060708};

// A key with everything that text protocols stumble over.
constexpr std::string_view odd_key{"a\0b\n\r\x1b\xff\xfe", 8};

std::string text_of(const byte_buffer& buffer) {
  return {reinterpret_cast<const char*>(buffer.data()), buffer.size()};
}

} // namespace

std::vector<request> sample_requests() {
  const operation write{operation_kind::put, "k1", 60'000, "value"};
  const operation wipe{operation_kind::erase, odd_key, 0, ""};
  return {
    hello{1, 0x8000000000000001, "tester"},
    ping{"are you there"},
    get{"key"},
    get{""},
    get{odd_key},
    multi_get{{"a", "", odd_key}},
    multi_get{},
    put{"key", write_condition::none, 0, 0, "value"},
    put{odd_key, write_condition::if_version, 77, 86'400'000, ""},
    put{"", write_condition::if_absent, 0, 1, odd_key},
    erase{"key", std::nullopt},
    erase{"key", 0x1122334455667788},
    exists{"key"},
    increment{"counter", int64_min},
    increment{"counter", int64_max},
    append{"log", "line\n"},
    touch{"key", 1},
    persist{"key"},
    batch{{write, wipe}},
    batch{},
    transact{{{"r1", 5}, {odd_key, 0}}, {wipe, write}},
    scan{0xFFFFFFFFFFFFFFFF, 1000, "prefix:"},
    count{},
    stats{},
    sync{},
    compact{},
    flush{},
    backup{"monday", "", true},
    backup{"tuesday", "monday", false},
  };
}

std::vector<sample_reply> sample_replies() {
  using enum request_type;
  return {
    {hello, hello_reply{1, 0, "node", "0.1.0", 65536, 1 << 29, 1 << 30, 1024}},
    {ping, pong{"are you there"}},
    {get, value_reply{true, 42, 1500, odd_key}},
    {get, value_reply{}},
    {multi_get, values_reply{{{true, 1, ttl_none, "x"}, {}}}},
    {put, write_reply{true, 43, 42}},
    {erase, erase_reply{true, true, 44, 43}},
    {exists, exists_reply{true, 45, 9}},
    {increment, increment_reply{int64_min, 46, 45}},
    {append, append_reply{1 << 20, 47, 46}},
    {touch, write_reply{false, 0, 46}},
    {persist, write_reply{true, 48, 46}},
    {batch, write_reply{true, 49, 46}},
    {transact, write_reply{true, 50, 46}},
    {scan, scan_reply{0x123456789, {"a", "", odd_key}}},
    {count, count_reply{1'000'000'007}},
    {stats, stats_reply{{{"keys", "12"}, {"mode", "always"}}}},
    {sync, sync_reply{50}},
    {compact, compact_reply{3, 1 << 30, 1 << 20}},
    {flush, write_reply{true, 51, 51}},
    {backup, backup_reply{7, 1 << 30, 3, 2, 2, 1 << 20, 52}},
    {get, error_reply{status::corrupt, "the value is damaged", 3}},
    {get, error_reply{}},
  };
}

std::string frame_of(const request& message) {
  byte_buffer out;
  native::encode_request(out, sample_id, message);
  return text_of(out);
}

std::string frame_of(const sample_reply& message) {
  byte_buffer out;
  native::encode_reply(out, message.to, sample_id, message.message);
  return text_of(out);
}

std::vector<std::string> sample_request_frames() {
  std::vector<std::string> frames;
  for (const request& message : sample_requests())
    frames.push_back(frame_of(message));
  return frames;
}

std::vector<std::string> sample_reply_frames() {
  std::vector<std::string> frames;
  for (const sample_reply& message : sample_replies())
    frames.push_back(frame_of(message));
  return frames;
}

std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span{text});
}

native::frame_header header_of(std::string_view frame) {
  constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();
  return std::get<native::frame_header>(
    native::parse_header(as_bytes(frame), no_limit));
}

std::span<const std::byte> body_of(std::string_view frame) {
  return as_bytes(frame.substr(native::header_bytes));
}

} // namespace kvs::protocol::test
