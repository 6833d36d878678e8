// The interactive shell.

#include "apps/client/repl.hpp"

#include "apps/client/command_line.hpp"
#include "apps/client/line_editor.hpp"
#include "apps/client/output.hpp"

#include <chrono>
#include <cstdio>

namespace kvs::apps {

namespace {

constexpr const char* welcome
  = "kvs-client " KVS_VERSION ". Type 'help' for the commands, 'help COMMAND' "
    "for one of them, 'quit' to leave.\n";

void print_help(const std::vector<std::string>& words) {
  // Everything is said by the parser; the shell only chooses about what.
  session nobody{settings{}};
  if (words.size() > 1)
    run_shell_command(nobody, {words[1], "--help"});
  else
    run_shell_command(nobody, {"--help"});
  flush_output();
}

/// Runs the line; returns its exit code.
int run_line(session& node, const std::vector<std::string>& words,
             bool timings) {
  const auto begin = std::chrono::steady_clock::now();
  const int code = run_shell_command(node, words);
  const std::chrono::duration<double, std::milli> took
    = std::chrono::steady_clock::now() - begin;
  if (timings)
    std::fprintf(stderr, "(%.3f ms)\n", took.count());
  return code;
}

} // namespace

int run_repl(session& node) {
  line_editor editor{command_names()};
  if (editor.is_interactive())
    std::fputs(welcome, stderr);
  int last_failure = exit_ok;
  const std::string prompt = node.options().address + "> ";
  while (const auto line = editor.read_line(prompt)) {
    const auto words = split_words(*line);
    if (!words) {
      print_error("a quote is not closed");
      last_failure = exit_usage;
      continue;
    }
    if (words->empty())
      continue;
    const std::string& command = words->front();
    if (command == "quit" || command == "exit")
      return editor.is_interactive() ? exit_ok : last_failure;
    if (command == "help") {
      print_help(*words);
      continue;
    }
    if (const int code = run_line(node, *words, editor.is_interactive());
        code != exit_ok)
      last_failure = code;
  }
  if (!editor.is_interactive())
    return last_failure;
  // The end of the input leaves the cursor behind the prompt.
  std::fputc('\n', stderr);
  return exit_ok;
}

} // namespace kvs::apps
