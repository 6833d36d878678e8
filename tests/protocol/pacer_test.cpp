// Long work cut into pieces.

#include "protocol/pacer.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace kvs::protocol {
namespace {

constexpr auto piece = pacer::piece_bytes_max;

TEST(PacerTest, PausesAfterEachMebibyte) {
  std::vector<std::size_t> sizes;
  std::size_t since_pause = 0;
  std::size_t pauses = 0;
  pacer pace{[&] {
    ++pauses;
    since_pause = 0;
  }};
  std::size_t expected = 0;
  for (const std::size_t size :
       {std::size_t{10}, 3 * piece + 5, piece, std::size_t{0}, 2 * piece - 15})
    pace.in_pieces(size,
                   [&, begin = expected](std::size_t at, std::size_t count) {
                     EXPECT_EQ(begin + at, expected);
                     expected += count;
                     since_pause += count;
                     EXPECT_LE(since_pause, piece);
                   });
  EXPECT_EQ(expected, 6 * piece);
  EXPECT_EQ(pauses, 6u);
}

TEST(PacerTest, SmallThingsAddUp) {
  std::size_t pauses = 0;
  pacer pace{[&] { ++pauses; }};
  for (std::size_t done = 0; done < 2 * piece; done += piece / 8) {
    EXPECT_EQ(pauses, done / piece);
    pace.did(piece / 8);
  }
  EXPECT_EQ(pauses, 2u);
}

TEST(PacerTest, EndsEarlyIfToldTo) {
  pacer unpaced;
  std::size_t calls = 0;
  unpaced.in_pieces(5 * piece,
                    [&](std::size_t, std::size_t) { return ++calls < 3; });
  EXPECT_EQ(calls, 3u);
}

} // namespace
} // namespace kvs::protocol
