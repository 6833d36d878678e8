// Line editing through libedit.

#include "apps/client/line_editor.hpp"

#include <editline/readline.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace kvs::apps {

namespace {

// libedit calls back without any argument of ours.
const std::vector<std::string>* completions = nullptr;
std::size_t next_completion = 0;

char* complete_word(const char* begin, int state) {
  if (state == 0)
    next_completion = 0;
  while (next_completion < completions->size()) {
    const std::string& word = (*completions)[next_completion++];
    if (word.starts_with(begin))
      return ::strdup(word.c_str());
  }
  return nullptr;
}

char** complete(const char* begin, int start, int) {
  // Only commands are known; without this, file names would be offered.
  rl_attempted_completion_over = 1;
  return start == 0 ? rl_completion_matches(begin, complete_word) : nullptr;
}

} // namespace

line_editor::line_editor(const std::vector<std::string>& words)
  : is_interactive_(::isatty(STDIN_FILENO) == 1
                    && ::isatty(STDOUT_FILENO) == 1) {
  if (!is_interactive_)
    return;
  completions = &words;
  rl_readline_name = const_cast<char*>("kvs-client");
  rl_initialize();
  rl_attempted_completion_function = complete;
  using_history();
  constexpr int kept_lines = 1000;
  stifle_history(kept_lines);
  if (const char* home = std::getenv("HOME"))
    history_file_ = std::string{home} + "/.kvs_history";
  if (!history_file_.empty())
    read_history(history_file_.c_str());
}

line_editor::~line_editor() {
  if (is_interactive_ && !history_file_.empty())
    write_history(history_file_.c_str());
}

std::optional<std::string> line_editor::read_line(const std::string& prompt) {
  char* text = nullptr;
  if (is_interactive_) {
    text = ::readline(prompt.c_str());
    if (text != nullptr && *text != '\0')
      add_history(text);
  } else {
    std::size_t capacity = 0;
    if (::getline(&text, &capacity, stdin) < 0) {
      std::free(text);
      text = nullptr;
    }
  }
  if (text == nullptr)
    return std::nullopt;
  std::string line{text};
  std::free(text);
  if (line.ends_with('\n'))
    line.pop_back();
  return line;
}

} // namespace kvs::apps
