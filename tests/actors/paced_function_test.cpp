// Goal: a function that is run in pieces does what it would do at once.

#include "actors/paced_function.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <vector>

namespace kvs::actors {
namespace {

constexpr auto piece = protocol::pacer::piece_bytes_max;

TEST(PacedFunctionTest, StopsAfterEachPieceAndGoesOn) {
  std::vector<std::size_t> begun;
  paced_function work{[&](protocol::pacer& pace) {
    pace.in_pieces(2 * piece + 1,
                   [&](std::size_t at, std::size_t) { begun.push_back(at); });
  }};
  EXPECT_TRUE(begun.empty()) << "nothing is done before the first step";
  EXPECT_FALSE(work.step());
  EXPECT_EQ(begun, std::vector<std::size_t>{0});
  EXPECT_FALSE(work.step());
  EXPECT_TRUE(work.step());
  EXPECT_EQ(begun, (std::vector<std::size_t>{0, piece, 2 * piece}));
}

TEST(PacedFunctionTest, SeveralTakeTurns) {
  std::string log;
  auto worker = [&log](char name) {
    return [&log, name](protocol::pacer& pace) {
      pace.in_pieces(3 * piece, [&](std::size_t, std::size_t) { log += name; });
    };
  };
  paced_function one{worker('a')};
  paced_function other{worker('b')};
  while (!one.step())
    EXPECT_FALSE(other.step());
  EXPECT_TRUE(other.step());
  EXPECT_EQ(log, "ababab");
}

TEST(PacedFunctionTest, HandsOutExceptions) {
  paced_function work{[](protocol::pacer& pace) {
    pace.did(piece);
    throw std::runtime_error{"no"};
  }};
  EXPECT_FALSE(work.step());
  EXPECT_THROW(work.step(), std::runtime_error);
}

// Goal: work that nobody wants any more gives back what it holds.
TEST(PacedFunctionTest, UnwindsWhatHasNotEnded) {
  auto held = std::make_shared<int>(1);
  bool ended = false;
  {
    paced_function work{[&, copy = held](protocol::pacer& pace) {
      auto on_stack = copy;
      pace.did(piece);
      ended = true;
    }};
    EXPECT_FALSE(work.step());
    EXPECT_EQ(held.use_count(), 3);
  }
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_FALSE(ended);
}

TEST(PacedFunctionTest, MayNeverBeBegun) {
  auto held = std::make_shared<int>(1);
  {
    paced_function work{[copy = held](protocol::pacer&) {}};
  }
  EXPECT_EQ(held.use_count(), 1);
}

} // namespace
} // namespace kvs::actors
