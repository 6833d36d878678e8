// What the frame header accepts and refuses.

#include "protocol/native/frame.hpp"

#include "tests/protocol/support/sample_messages.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace kvs::protocol::native {
namespace {

using test::as_bytes;

constexpr std::uint64_t frame_limit = 1 << 20;

auto parse(std::string_view received) {
  return parse_header(as_bytes(received), frame_limit);
}

std::string header_with(std::uint64_t body_bytes) {
  std::string text(header_bytes, '\0');
  write_header(reinterpret_cast<std::byte*>(text.data()),
               {3, request_id{9}, body_bytes});
  return text;
}

TEST(FrameTest, TheLayoutIsFrozen) {
  const std::string expected{"KVS\xF1\x01\x03\x00\x00"
                             "\x09\x00\x00\x00\x00\x00\x00\x00"
                             "\x34\x12\x00\x00\x00\x00\x00\x00",
                             header_bytes};
  EXPECT_EQ(header_with(0x1234), expected);
}

TEST(FrameTest, ReadsWhatItWrote) {
  const auto result = parse(header_with(77) + "behind");
  const auto& header = std::get<frame_header>(result);
  EXPECT_EQ(header.type, 3);
  EXPECT_EQ(header.id, request_id{9});
  EXPECT_EQ(header.body_bytes, 77u);
}

TEST(FrameTest, EveryPrefixAsksForTheRest) {
  const std::string whole = header_with(77);
  for (std::size_t size = 0; size < header_bytes; ++size) {
    const auto result = parse(whole.substr(0, size));
    const auto* more = std::get_if<need_more>(&result);
    ASSERT_NE(more, nullptr) << size;
    EXPECT_EQ(more->missing_bytes, header_bytes - size);
  }
}

// Goal: strangers are told at once, not after 24 bytes that they never send.
TEST(FrameTest, RefusesOtherProtocolsAtTheFirstWrongByte) {
  for (const char* stranger :
       {"GET / HTTP/1.1\r\n", "SSH-2.0-x\r\n", "G", "KVX", "*1\r\n", "\x7F"}) {
    const auto result = parse(stranger);
    const auto* error = std::get_if<decode_error>(&result);
    ASSERT_NE(error, nullptr) << stranger;
    EXPECT_EQ(error->code, status::bad_magic);
    EXPECT_TRUE(error->close);
    EXPECT_TRUE(error->answer);
  }
}

TEST(FrameTest, ClosesOnTlsWithoutAnAnswer) {
  const auto result = parse("\x16\x03\x01");
  EXPECT_FALSE(std::get<decode_error>(result).answer);
}

TEST(FrameTest, RefusesUnknownVersionsAndFlags) {
  std::string newer = header_with(1);
  newer[4] = 2;
  EXPECT_EQ(std::get<decode_error>(parse(newer)).code, status::bad_version);
  std::string flagged = header_with(1);
  flagged[7] = 1;
  EXPECT_EQ(std::get<decode_error>(parse(flagged)).code, status::malformed);
}

// Goal: a length is compared with the limit before anybody believes it.
TEST(FrameTest, RefusesEveryLengthAboveTheLimit) {
  const std::uint64_t largest = frame_limit - header_bytes;
  for (const std::uint64_t fine :
       {std::uint64_t{0}, std::uint64_t{1}, largest - 1, largest})
    EXPECT_TRUE(std::holds_alternative<frame_header>(parse(header_with(fine))))
      << fine;
  for (const std::uint64_t wrong : std::vector<std::uint64_t>{
         largest + 1, frame_limit, (1ULL << 31) - 1, 1ULL << 31,
         (1ULL << 32) - 1, 1ULL << 63, ~0ULL - header_bytes, ~0ULL}) {
    const auto result = parse(header_with(wrong));
    const auto* error = std::get_if<decode_error>(&result);
    ASSERT_NE(error, nullptr) << wrong;
    EXPECT_EQ(error->code, status::too_big);
    EXPECT_TRUE(error->close);
    EXPECT_NE(error->message.find(std::to_string(frame_limit)),
              std::string::npos);
  }
}

TEST(FrameTest, ALimitBelowTheHeaderRefusesEverything) {
  const auto result = parse_header(as_bytes(header_with(0)), 3);
  EXPECT_EQ(std::get<decode_error>(result).code, status::too_big);
}

} // namespace
} // namespace kvs::protocol::native
