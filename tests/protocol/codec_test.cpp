// What the codec reads, refuses and says about it.

#include "protocol/native/codec.hpp"

#include "tests/protocol/support/sample_messages.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace kvs::protocol::native {
namespace {

using namespace kvs::protocol::test;

std::variant<request, decode_error> decode(std::string_view frame,
                                           const decode_limits& limits = {}) {
  return decode_request(header_of(frame), body_of(frame), limits);
}

// Makes a frame around a body that is written by hand.
std::string frame_with(request_type type, std::string_view body) {
  std::string frame(header_bytes, '\0');
  write_header(reinterpret_cast<std::byte*>(frame.data()),
               {static_cast<std::uint8_t>(type), request_id{1}, body.size()});
  return frame + std::string{body};
}

// The body of a request: the mark, a 64-bit integer and what is behind it.
std::string body_with(std::uint64_t value, std::string_view rest) {
  std::string text(1 + sizeof value, '\x01');
  std::memcpy(text.data() + 1, &value, sizeof value);
  text.append(rest);
  return text;
}

void expect_refused(const std::variant<request, decode_error>& result,
                    status code, bool closes) {
  const auto* error = std::get_if<decode_error>(&result);
  ASSERT_NE(error, nullptr);
  EXPECT_EQ(name_of(error->code), name_of(code)) << error->message;
  EXPECT_EQ(error->close, closes) << error->message;
  EXPECT_NE(error->message.find("not"), std::string::npos)
    << "the text does not say what did not happen: " << error->message;
}

void expect_refused(const request& message, status code,
                    const decode_limits& limits = {}) {
  expect_refused(decode(frame_of(message), limits), code, false);
}

TEST(CodecTest, EveryRequestSurvivesTheWire) {
  for (const std::string& frame : sample_request_frames()) {
    const auto result = decode(frame);
    const auto* message = std::get_if<request>(&result);
    ASSERT_NE(message, nullptr) << int{header_of(frame).type};
    EXPECT_EQ(frame_of(*message), frame);
  }
}

TEST(CodecTest, EveryReplySurvivesTheWire) {
  for (const sample_reply& sample : sample_replies()) {
    const std::string frame = frame_of(sample);
    const auto result = decode_reply(header_of(frame), body_of(frame));
    const auto* message = std::get_if<reply>(&result);
    ASSERT_NE(message, nullptr) << static_cast<int>(sample.to);
    EXPECT_EQ(message->index(), sample.message.index());
    EXPECT_EQ(frame_of(sample_reply{sample.to, *message}), frame);
  }
}

// Goal: a large value is never copied by the decoder.
TEST(CodecTest, ViewsBorrowFromTheBody) {
  const std::string frame = frame_of(put{"key", {}, 0, 0, "the value"});
  const auto result = decode(frame);
  const auto& message = std::get<put>(std::get<request>(result));
  EXPECT_EQ(message.value.data(), frame.data() + frame.size() - 9);
}

TEST(CodecTest, AHeadAndItsValueAreAWholeReply) {
  byte_buffer in_parts;
  encode_value_reply_head(in_parts, request_id{5}, 42, 1500, 9);
  in_parts.append(std::string_view{"the value"});
  byte_buffer whole;
  encode_reply(whole, request_type::get, request_id{5},
               value_reply{true, 42, 1500, "the value"});
  ASSERT_EQ(in_parts.size(), whole.size());
  EXPECT_EQ(0, std::memcmp(in_parts.data(), whole.data(), whole.size()));
}

TEST(CodecTest, AnErrorIsAnErrorWhateverWasAsked) {
  byte_buffer out;
  encode_reply(out, request_type::put, request_id{5},
               reply{error_reply{status::no_space, "full", 5}});
  EXPECT_EQ(out.data()[5], std::byte{error_type});
}

TEST(CodecTest, UnknownTypesKeepTheConnection) {
  for (const int type : {0, 21, 0x7F, 0x80, 0xFF}) {
    const std::string frame
      = frame_with(static_cast<request_type>(type), "\x01");
    expect_refused(decode(frame), status::bad_type, false);
  }
}

TEST(CodecTest, TrailingAndMissingBytesAreMalformed) {
  for (const std::string& frame : sample_request_frames()) {
    const auto type = static_cast<request_type>(header_of(frame).type);
    const std::string body = frame.substr(header_bytes);
    expect_refused(decode(frame_with(type, body + '\0')), status::malformed,
                   true);
    expect_refused(decode(frame_with(type, body.substr(0, body.size() - 1))),
                   status::malformed, true);
    expect_refused(decode(frame_with(type, "")), status::malformed, true);
  }
}

TEST(CodecTest, BigEndianBodiesAreMalformed) {
  expect_refused(decode(frame_with(request_type::count, std::string(1, '\0'))),
                 status::malformed, true);
}

// Goal: no inner length or count is believed before it is checked.
TEST(CodecTest, HugeInnerSizesAreMalformed) {
  for (const std::uint64_t size :
       {2ULL, 1ULL << 31, 1ULL << 32, 1ULL << 61, 1ULL << 63, ~0ULL}) {
    const std::string body = body_with(size, "x");
    for (const auto type :
         {request_type::get, request_type::ping, request_type::multi_get,
          request_type::batch, request_type::transact})
      expect_refused(decode(frame_with(type, body)), status::malformed, true);
  }
}

// Goal: a count that fits in bytes but not in items is refused before memory
// is taken for it.
TEST(CodecTest, CountsAreComparedWithTheSmallestItem) {
  const std::string ten_bytes(10, '\0');
  for (const auto type : {request_type::multi_get, request_type::batch})
    expect_refused(decode(frame_with(type, body_with(2, ten_bytes))),
                   status::malformed, true);
}

TEST(CodecTest, TruthValuesAreZeroOrOne) {
  const std::string body = body_with(1, "k\x02sevenbyt");
  expect_refused(decode(frame_with(request_type::erase, body)),
                 status::malformed, true);
}

// Goal: a list that is too long costs no memory and no time.
// Method: its items are not even well formed, and nobody finds out.
TEST(CodecTest, TooLongAListIsRefusedBeforeItsItemsAreRead) {
  decode_limits limits;
  limits.batch_operations_max = 2;
  std::string body(1, '\1');
  const std::uint64_t item_count = 3;
  body.append(reinterpret_cast<const char*>(&item_count), sizeof item_count);
  body.append(24, '\xff'); // Three lengths that lead beyond the body.
  expect_refused(decode(frame_with(request_type::multi_get, body), limits),
                 status::batch_too_large, false);
}

TEST(CodecTest, SizesBeyondTheLimitsAreRefused) {
  decode_limits limits;
  limits.key_bytes_max = 4;
  limits.value_bytes_max = 6;
  limits.batch_operations_max = 2;
  limits.batch_bytes_max = 12;
  const operation small{operation_kind::put, "key", 0, "val"};
  using enum status;
  for (const request& wrong : std::vector<request>{
         get{"12345"}, put{"12345", {}, 0, 0, ""}, erase{"12345", {}},
         increment{"12345", 1}, multi_get{{"1", "12345"}}, append{"12345", ""},
         touch{"12345", 1}, transact{{{"12345", 1}}, {}},
         batch{{{operation_kind::erase, "12345", 0, ""}}}})
    expect_refused(wrong, key_too_large, limits);
  expect_refused(put{"k", {}, 0, 0, "1234567"}, value_too_large, limits);
  expect_refused(append{"k", "1234567"}, value_too_large, limits);
  expect_refused(batch{{{operation_kind::put, "k", 0, "1234567"}}},
                 value_too_large, limits);
  expect_refused(batch{{small, small, small}}, batch_too_large, limits);
  expect_refused(multi_get{{"a", "b", "c"}}, batch_too_large, limits);
  expect_refused(transact{{{"a", 1}}, {small, small}}, batch_too_large, limits);
  limits.batch_bytes_max = 11;
  expect_refused(batch{{small, small}}, batch_too_large, limits);
  limits.batch_bytes_max = 12;
  EXPECT_TRUE(std::holds_alternative<request>(
    decode(frame_of(batch{{small, small}}), limits)));
}

TEST(CodecTest, SenselessArgumentsAreRefused) {
  using enum status;
  const auto unknown_condition = static_cast<write_condition>(4);
  const auto unknown_kind = static_cast<operation_kind>(2);
  for (const std::int64_t expiry :
       {std::int64_t{-1}, INT64_MIN, INT64_MAX, expiry_ms_max + 1}) {
    expect_refused(put{"k", {}, 0, expiry, "v"}, bad_argument);
    expect_refused(touch{"k", expiry}, bad_argument);
    expect_refused(batch{{{operation_kind::put, "k", expiry, "v"}}},
                   bad_argument);
  }
  expect_refused(touch{"k", 0}, bad_argument);
  expect_refused(put{"k", unknown_condition, 0, 0, "v"}, bad_argument);
  expect_refused(batch{{{unknown_kind, "k", 0, ""}}}, bad_argument);
  expect_refused(batch{{{operation_kind::erase, "k", 0, "v"}}}, bad_argument);
  expect_refused(batch{{{operation_kind::erase, "k", 1, ""}}}, bad_argument);
}

TEST(CodecTest, StrangeReplyTypesAreRefused) {
  for (const int type : {0, 3, 0x80, 0x95, 0xFE}) {
    const frame_header header{static_cast<std::uint8_t>(type), {}, 1};
    const auto result = decode_reply(header, as_bytes("\x01"));
    EXPECT_EQ(std::get<decode_error>(result).code, status::bad_type) << type;
  }
}

// Goal: the worked example of docs/wire_protocol.md stays true.
TEST(CodecTest, TheWorkedExampleIsTrue) {
  byte_buffer asked;
  encode_request(asked, request_id{7},
                 put{"name", write_condition::if_absent, 0, 60'000, "Ada"});
  constexpr std::string_view expected{
    "\x4B\x56\x53\xF1\x01\x05\0\0\x07\0\0\0\0\0\0\0"
    "\x29\0\0\0\0\0\0\0\x01\x04\0\0\0\0\0\0\0name\x01"
    "\0\0\0\0\0\0\0\0\x60\xEA\0\0\0\0\0\0"
    "\x03\0\0\0\0\0\0\0\x41\x64\x61",
    header_bytes + 41};
  ASSERT_EQ(asked.size(), expected.size());
  EXPECT_EQ(0, std::memcmp(asked.data(), expected.data(), asked.size()));
  byte_buffer answered;
  encode_reply(answered, request_type::put, request_id{7},
               write_reply{true, 0x100000002A, 0x100000002A});
  constexpr std::string_view expected_answer{
    "\x4B\x56\x53\xF1\x01\x85\0\0\x07\0\0\0\0\0\0\0"
    "\x12\0\0\0\0\0\0\0\x01\x01"
    "\x2A\0\0\0\x10\0\0\0\x2A\0\0\0\x10\0\0\0",
    header_bytes + 18};
  ASSERT_EQ(answered.size(), expected_answer.size());
  EXPECT_EQ(
    0, std::memcmp(answered.data(), expected_answer.data(), answered.size()));
}

TEST(CodecTest, EveryStatusHasItsName) {
  EXPECT_EQ(name_of(status::outcome_unknown), "outcome_unknown");
  EXPECT_EQ(name_of(static_cast<status>(12345)), "unknown status");
}

} // namespace
} // namespace kvs::protocol::native
