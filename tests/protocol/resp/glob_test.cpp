// Patterns: what they match, and that none takes forever.

#include "protocol/resp/glob.hpp"

#include <gtest/gtest.h>

#include <string>

namespace kvs::protocol::resp {
namespace {

struct glob_case {
  std::string_view pattern;
  std::string_view text;
  bool matches;
};

TEST(GlobTest, MatchesAsRedisDoes) {
  const glob_case cases[] = {
    {"", "", true},
    {"", "a", false},
    {"*", "a", true},
    {"*", "", false},
    {"a*", "a", true},
    {"a***", "abc", true},
    {"*b*d", "abcd", true},
    {"*b*d", "abdc", false},
    {"*ab", "aab", true},
    {"a?c", "abc", true},
    {"a?", "a", false},
    {"[a-c]x", "bx", true},
    {"[c-a]x", "bx", true},
    {"[^a-c]x", "bx", false},
    {"[^a]", "b", true},
    {"[abc", "c", true},
    {"[", "a", false},
    {"[^", "a", true},
    {"[]", "]", false},
    {"[\\]]", "]", true},
    {"[a-]", "_", true},
    {"\\*", "*", true},
    {"\\*", "a", false},
    {"a\\", "a\\", true},
    {"h[a-eg]llo", "hgllo", true},
  };
  for (const auto& each : cases)
    EXPECT_EQ(glob_match(each.pattern, each.text), each.matches)
      << each.pattern << " " << each.text;
}

TEST(GlobTest, CaseMayBeIgnored) {
  EXPECT_FALSE(glob_match("ABC[x-z]", "abcY"));
  EXPECT_TRUE(glob_match("ABC[x-z]", "abcY", letter_case::ignored));
}

// Goal: a pattern of many stars is no weapon.
TEST(GlobTest, ManyStarsAreQuick) {
  std::string pattern;
  for (int i = 0; i < 1000; ++i)
    pattern += "a*";
  EXPECT_FALSE(glob_match(pattern + "b", std::string(20000, 'a')));
}

} // namespace
} // namespace kvs::protocol::resp
