// Parsing and printing of the notation of arguments.

#include "protocol/resp/syntax.hpp"

#include "protocol/resp/numbers.hpp"

#include <algorithm>
#include <array>

namespace kvs::protocol::resp {

namespace {

constexpr std::array<std::string_view, 5> types{"key", "integer", "double",
                                                "pattern", "unix-time"};

bool is_token(std::string_view word) {
  return !word.empty() && std::ranges::none_of(word, [](char each) {
    return each >= 'a' && each <= 'z';
  });
}

class notation_reader {
public:
  explicit notation_reader(std::string_view notation) : rest_(notation) {
  }

  /// Arguments, up to what closes the group they are in.
  std::vector<syntax_argument> read_all(char separator) {
    std::vector<syntax_argument> all;
    while (!rest_.empty()) {
      all.push_back(read_element());
      if (!accept(separator))
        break;
    }
    return all;
  }

private:
  bool accept(std::string_view text) {
    if (!rest_.starts_with(text))
      return false;
    rest_.remove_prefix(text.size());
    return true;
  }

  bool accept(char letter) {
    return accept(std::string_view{&letter, 1});
  }

  syntax_argument read_element() {
    if (!accept('['))
      return read_repeated();
    auto argument = read_repeated();
    accept(']');
    argument.is_optional = true;
    return argument;
  }

  syntax_argument read_repeated() {
    auto argument = read_argument();
    if (accept("...")) {
      argument.is_multiple = true;
    } else if (accept("..+")) {
      argument.is_multiple = true;
      argument.is_token_multiple = true;
    }
    return argument;
  }

  syntax_argument read_argument() {
    const auto word = read_word();
    if (accept('='))
      return read_named(word);
    if (!is_token(word))
      return read_plain(word);
    if (!accept(' '))
      return make_token(word, word);
    auto argument = read_argument();
    argument.token = word;
    return argument;
  }

  syntax_argument read_named(std::string_view name) {
    const bool is_choice = accept('(');
    if (!is_choice && !accept('<'))
      return make_token(name, read_word());
    syntax_argument argument;
    argument.name = name;
    argument.type = is_choice ? "oneof" : "block";
    argument.parts = read_all(is_choice ? '|' : ' ');
    accept(is_choice ? ')' : '>');
    return argument;
  }

  syntax_argument read_plain(std::string_view word) {
    syntax_argument argument;
    const auto colon = word.rfind(':');
    const auto* type = std::ranges::find(
      types, word.substr(std::min(colon, word.size() - 1) + 1));
    if (colon != word.npos && type != types.end()) {
      argument.type = *type;
      word = word.substr(0, colon);
    } else if (word == "key") {
      argument.type = "key";
    }
    argument.name = word;
    if (accept('@') && !rest_.empty()) {
      argument.key_index = rest_.front() - '0';
      rest_.remove_prefix(1);
    }
    return argument;
  }

  static syntax_argument make_token(std::string_view name,
                                    std::string_view token) {
    syntax_argument argument;
    argument.type = "pure-token";
    argument.token = token;
    std::ranges::transform(name, std::back_inserter(argument.name), to_lower);
    return argument;
  }

  std::string_view read_word() {
    const auto word = rest_.substr(0, rest_.find_first_of(" |()[]<>=@."));
    rest_.remove_prefix(word.size());
    return word;
  }

  std::string_view rest_;
};

std::string usage_of(const syntax_argument& argument);

std::string join(const std::vector<syntax_argument>& arguments,
                 char separator) {
  std::string text;
  for (const auto& each : arguments) {
    if (!text.empty())
      text += separator;
    text += usage_of(each);
  }
  return text;
}

std::string core_of(const syntax_argument& argument) {
  if (argument.type == "pure-token")
    return std::string{argument.token};
  std::string text;
  if (!argument.token.empty())
    text = std::string{argument.token} + ' ';
  if (argument.type == "block")
    return text + join(argument.parts, ' ');
  if (argument.type == "oneof" && argument.is_optional && text.empty())
    return join(argument.parts, '|');
  if (argument.type == "oneof")
    return text + '(' + join(argument.parts, '|') + ')';
  return text + '<' + argument.name + '>';
}

std::string usage_of(const syntax_argument& argument) {
  std::string text = core_of(argument);
  if (argument.is_multiple)
    text += " [" + text + " ...]";
  return argument.is_optional ? '[' + text + ']' : text;
}

} // namespace

std::vector<syntax_argument> parse_syntax(std::string_view notation) {
  return notation_reader{notation}.read_all(' ');
}

std::string usage_of(const std::vector<syntax_argument>& arguments) {
  return join(arguments, ' ');
}

} // namespace kvs::protocol::resp
