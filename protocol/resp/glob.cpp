// Matching of patterns.

#include "protocol/resp/glob.hpp"

#include "protocol/resp/numbers.hpp"

#include <algorithm>

namespace kvs::protocol::resp {

namespace {

class matcher {
public:
  matcher(std::string_view pattern, letter_case sensitivity)
    : pattern_(pattern), ignores_case_(sensitivity == letter_case::ignored) {
  }

  bool matches(std::string_view text) {
    // Not even a star matches nothing if there is nothing at all.
    if (text.empty())
      return pattern_.empty();
    // If the rest does not fit, only the last star needs to take more: what
    // stands between two stars is best found as early as possible.
    auto behind_star = pattern_.npos;
    std::size_t taken = 0;
    for (std::size_t i = 0; i < text.size();) {
      if (skip_stars()) {
        if (position_ == pattern_.size())
          return true;
        behind_star = position_;
        taken = i;
      } else if (position_ < pattern_.size() && step(text[i])) {
        ++i;
      } else if (behind_star != pattern_.npos) {
        position_ = behind_star;
        i = ++taken;
      } else {
        return false;
      }
    }
    skip_stars();
    return position_ == pattern_.size();
  }

private:
  bool skip_stars() {
    const std::size_t begin = position_;
    while (position_ < pattern_.size() && pattern_[position_] == '*')
      ++position_;
    return position_ != begin;
  }

  /// Matches one letter with the next element of the pattern, which is no
  /// star, and goes behind it.
  bool step(char letter) {
    switch (pattern_[position_]) {
      case '?':
        ++position_;
        return true;
      case '[':
        ++position_;
        return step_class(letter);
      case '\\':
        if (position_ + 1 < pattern_.size())
          ++position_;
        break;
      default:
        break;
    }
    return is_same(pattern_[position_++], letter);
  }

  /// A class that is not closed ends with the pattern.
  bool step_class(char letter) {
    const bool is_negated = left() > 0 && pattern_[position_] == '^';
    if (is_negated)
      ++position_;
    bool is_member = false;
    for (; left() > 0 && pattern_[position_] != ']'; ++position_) {
      if (pattern_[position_] == '\\' && left() >= 2) {
        ++position_;
        is_member |= pattern_[position_] == letter;
      } else if (left() >= 3 && pattern_[position_ + 1] == '-') {
        is_member
          |= is_between(pattern_[position_], pattern_[position_ + 2], letter);
        position_ += 2;
      } else {
        is_member |= is_same(pattern_[position_], letter);
      }
    }
    if (left() > 0)
      ++position_;
    return is_member != is_negated;
  }

  std::size_t left() const {
    return pattern_.size() - position_;
  }

  bool is_same(char one, char other) const {
    return fold(one) == fold(other);
  }

  bool is_between(char first, char last, char letter) const {
    if (first > last)
      std::swap(first, last);
    return fold(letter) >= fold(first) && fold(letter) <= fold(last);
  }

  char fold(char letter) const {
    return ignores_case_ ? to_lower(letter) : letter;
  }

  std::string_view pattern_;
  std::size_t position_{0};
  bool ignores_case_;
};

} // namespace

bool glob_match(std::string_view pattern, std::string_view text,
                letter_case sensitivity) {
  return matcher{pattern, sensitivity}.matches(text);
}

} // namespace kvs::protocol::resp
