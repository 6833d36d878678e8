// Splitting of inline commands.

#include "protocol/resp/inline_words.hpp"

#include "protocol/resp/numbers.hpp"

namespace kvs::protocol::resp {

namespace {

class splitter {
public:
  splitter(std::string_view line, std::string& unquoted)
    : line_(line), unquoted_(unquoted) {
    // No word grows by being unquoted: the views into it stay valid.
    unquoted_.clear();
    unquoted_.reserve(line.size());
  }

  bool split(std::vector<std::string_view>& words) {
    for (skip_blanks(); position_ < line_.size(); skip_blanks()) {
      if (!take_word())
        return false;
      words.push_back(word_);
    }
    return true;
  }

private:
  void skip_blanks() {
    while (position_ < line_.size() && is_space(line_[position_]))
      ++position_;
  }

  bool take_word() {
    const std::size_t end = line_.find_first_of(" \n\r\t\"'", position_);
    if (end == line_.npos || (line_[end] != '"' && line_[end] != '\'')) {
      word_ = line_.substr(position_, end - position_);
      position_ += word_.size();
      return true;
    }
    const std::size_t begin = unquoted_.size();
    if (!unquote_word())
      return false;
    word_ = std::string_view{unquoted_}.substr(begin);
    return true;
  }

  // A quote may open in the middle of a word, but closing it ends the word.
  bool unquote_word() {
    while (position_ < line_.size()) {
      const char each = line_[position_++];
      switch (each) {
        case ' ':
        case '\n':
        case '\r':
        case '\t':
          return true;
        case '"':
          return unquote_double() && is_word_over();
        case '\'':
          return unquote_single() && is_word_over();
        default:
          unquoted_ += each;
      }
    }
    return true;
  }

  bool is_word_over() const {
    return position_ == line_.size() || is_space(line_[position_]);
  }

  bool unquote_single() {
    while (position_ < line_.size()) {
      char each = line_[position_++];
      if (each == '\'')
        return true;
      if (each == '\\' && position_ < line_.size() && line_[position_] == '\'')
        each = line_[position_++];
      unquoted_ += each;
    }
    return false;
  }

  bool unquote_double() {
    while (position_ < line_.size()) {
      const char each = line_[position_++];
      if (each == '"')
        return true;
      unquoted_ += each == '\\' && position_ < line_.size() ? unescape() : each;
    }
    return false;
  }

  char unescape() {
    const char letter = line_[position_++];
    switch (letter) {
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case 'b':
        return '\b';
      case 'a':
        return '\a';
      case 'x':
        return unescape_hex();
      default:
        return letter;
    }
  }

  char unescape_hex() {
    if (position_ + 2 > line_.size())
      return 'x';
    const int high = hex_digit(line_[position_]);
    const int low = hex_digit(line_[position_ + 1]);
    if (high < 0 || low < 0)
      return 'x';
    position_ += 2;
    return static_cast<char>(high * 16 + low);
  }

  std::string_view line_;
  std::string& unquoted_;
  std::string_view word_;
  std::size_t position_{0};
};

} // namespace

bool split_inline(std::string_view line, std::vector<std::string_view>& words,
                  std::string& unquoted) {
  return splitter{line, unquoted}.split(words);
}

} // namespace kvs::protocol::resp
