// The growable buffer.

#include "protocol/byte_buffer.hpp"

#include <gtest/gtest.h>

#include <string>

namespace kvs::protocol {
namespace {

std::string text_of(const byte_buffer& buffer) {
  return {reinterpret_cast<const char*>(buffer.data()), buffer.size()};
}

TEST(ByteBufferTest, KeepsItsBytesWhileItGrows) {
  byte_buffer buffer;
  std::string expected;
  for (int i = 0; i < 10'000; ++i) {
    const std::string piece = std::to_string(i);
    buffer.append(std::string_view{piece});
    expected += piece;
  }
  EXPECT_EQ(text_of(buffer), expected);
}

TEST(ByteBufferTest, ConsumesFromTheFrontAndTruncatesAtTheEnd) {
  byte_buffer buffer;
  buffer.append(std::string_view{"abcdef"});
  buffer.consume(2);
  EXPECT_EQ(text_of(buffer), "cdef");
  buffer.truncate(1);
  EXPECT_EQ(text_of(buffer), "c");
  buffer.consume(1);
  EXPECT_TRUE(buffer.empty());
}

TEST(ByteBufferTest, MovingLeavesTheSourceEmpty) {
  byte_buffer source;
  source.append(std::string_view{"abc"});
  byte_buffer target{std::move(source)};
  EXPECT_EQ(source.size(), 0u);
  EXPECT_EQ(source.capacity(), 0u);
  source = std::move(target);
  EXPECT_EQ(text_of(source), "abc");
}

TEST(ByteBufferTest, ReservesAndReleases) {
  byte_buffer buffer;
  buffer.reserve(1000);
  const std::byte* first = buffer.data();
  buffer.grow(1000);
  EXPECT_EQ(buffer.data(), first);
  buffer.release();
  EXPECT_EQ(buffer.capacity(), 0u);
}

} // namespace
} // namespace kvs::protocol
