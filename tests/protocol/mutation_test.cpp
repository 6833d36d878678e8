// Hostile bytes are ordinary input: damaged frames never crash the codec.

#include "protocol/native/codec.hpp"
#include "tests/protocol/support/sample_messages.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <random>

namespace kvs::protocol::native {
namespace {

using namespace kvs::protocol::test;

constexpr std::uint64_t frame_limit = 1 << 16;

// What a connection does with bytes it has received. The body is copied to a
// block of exactly its size, so that the sanitizer sees any read behind it.
void feed(std::string_view received) {
  const auto parsed = parse_header(as_bytes(received), frame_limit);
  const auto* header = std::get_if<frame_header>(&parsed);
  if (header == nullptr)
    return;
  ASSERT_LE(header->body_bytes, frame_limit - header_bytes);
  if (received.size() - header_bytes < header->body_bytes)
    return;
  const std::span<const std::byte> body
    = body_of(received).first(header->body_bytes);
  const std::vector<std::byte> exact(body.begin(), body.end());
  const auto as_request = decode_request(*header, exact, {});
  if (const auto* message = std::get_if<request>(&as_request)) {
    // Whatever was accepted can be written again.
    EXPECT_FALSE(frame_of(*message).empty());
  } else {
    EXPECT_FALSE(std::get<decode_error>(as_request).message.empty());
  }
  const auto as_reply = decode_reply(*header, exact);
  if (const auto* error = std::get_if<decode_error>(&as_reply)) {
    EXPECT_FALSE(error->message.empty());
  }
}

std::vector<std::string> all_frames() {
  auto frames = sample_request_frames();
  for (auto& frame : sample_reply_frames())
    frames.push_back(std::move(frame));
  return frames;
}

unsigned chosen_seed() {
  const char* given = std::getenv("KVS_TEST_SEED");
  const unsigned seed
    = given == nullptr ? 20240229U
                       : static_cast<unsigned>(std::strtoul(given, nullptr, 0));
  std::cout << "KVS_TEST_SEED=" << seed << "\n";
  return seed;
}

TEST(MutationTest, EverySingleByteMutationIsAnswered) {
  for (const std::string& frame : all_frames()) {
    std::string mutant = frame;
    for (std::size_t place = 0; place < frame.size(); ++place) {
      for (int byte = 0; byte < 256; ++byte) {
        mutant[place] = static_cast<char>(byte);
        feed(mutant);
      }
      mutant[place] = frame[place];
    }
  }
}

// Goal: a prefix is never taken for a whole frame.
TEST(MutationTest, EveryPrefixIsAnswered) {
  for (const std::string& frame : all_frames())
    for (std::size_t size = 0; size < frame.size(); ++size)
      feed(std::string_view{frame}.substr(0, size));
}

// Goal: the same for prefixes whose header has been corrected, so that the
// body is the part that lies.
TEST(MutationTest, EveryPrefixOfABodyIsMalformed) {
  for (const std::string& frame : sample_request_frames()) {
    frame_header header = header_of(frame);
    const auto body = body_of(frame);
    for (std::size_t size = 0; size < body.size(); ++size) {
      header.body_bytes = size;
      const std::vector<std::byte> exact(body.begin(), body.begin() + size);
      const auto result = decode_request(header, exact, {});
      EXPECT_EQ(std::get<decode_error>(result).code, status::malformed);
    }
  }
}

// Goal: damage in several places at once, spliced and repeated parts.
TEST(MutationTest, RandomDamageIsAnswered) {
  std::mt19937 random{chosen_seed()};
  const auto frames = all_frames();
  for (int round = 0; round < 100'000; ++round) {
    std::string mutant = frames[random() % frames.size()];
    const std::size_t change_count = 1 + random() % 8;
    for (std::size_t i = 0; i < change_count; ++i)
      mutant[random() % mutant.size()] = static_cast<char>(random());
    if (random() % 4 == 0)
      mutant += frames[random() % frames.size()];
    // Most mutants keep a valid header, so that bodies are reached.
    const std::size_t body_bytes = mutant.size() - header_bytes;
    if (random() % 4 != 0)
      write_header(
        reinterpret_cast<std::byte*>(mutant.data()),
        {static_cast<std::uint8_t>(random() % 22), request_id{1}, body_bytes});
    feed(mutant);
  }
}

} // namespace
} // namespace kvs::protocol::native
