// Words and quotes of the interactive shell.

#include "apps/client/repl.hpp"

#include <algorithm>
#include <charconv>

namespace kvs::apps {

namespace {

// Reads what stands behind a backslash; `place` is moved behind it.
char unescape(std::string_view line, std::size_t& place) {
  const char letter = line[place++];
  switch (letter) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case '0':
      return '\0';
    case 'x': {
      unsigned value = 0;
      const char* first = line.data() + place;
      const char* last = first + std::min<std::size_t>(2, line.size() - place);
      const auto [stop, error] = std::from_chars(first, last, value, 16);
      if (error != std::errc{})
        return letter;
      place += static_cast<std::size_t>(stop - first);
      return static_cast<char>(value);
    }
    default:
      return letter;
  }
}

} // namespace

std::optional<std::vector<std::string>> split_words(std::string_view line) {
  std::vector<std::string> words;
  bool in_word = false;
  char quote = 0;
  for (std::size_t place = 0; place < line.size();) {
    const char letter = line[place++];
    const bool is_space = letter == ' ' || letter == '\t';
    if (quote == 0 && is_space) {
      in_word = false;
      continue;
    }
    if (!in_word) {
      words.emplace_back();
      in_word = true;
    }
    if (quote == 0 && (letter == '"' || letter == '\''))
      quote = letter;
    else if (quote != 0 && letter == quote)
      quote = 0;
    else if (quote == '"' && letter == '\\' && place < line.size())
      words.back() += unescape(line, place);
    else
      words.back() += letter;
  }
  if (quote != 0)
    return std::nullopt;
  return words;
}

} // namespace kvs::apps
