// Options that all commands share, and which command is meant.

#include "apps/client/command_line.hpp"

#include "apps/client/output.hpp"
#include "apps/client/repl.hpp"
#include "apps/client/subcommands.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <exception>

namespace kvs::apps {

namespace {

struct parsed_line {
  command_action action;
  settings chosen;
  /// Set when there is nothing to run: help, version, or a wrong line.
  std::optional<int> finished;
};

void add_global_options(CLI::App& app, settings& chosen) {
  app.set_version_flag("-V,--version", "kvs-client " KVS_VERSION);
  add_text(app, "--addr", chosen.address, "Address of the node, HOST:PORT")
    ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
    ->capture_default_str();
  app.add_flag("--json", chosen.json, "Print JSON instead of text");
  app
    .add_option("--timeout", chosen.timeout_seconds,
                "Seconds to wait for an answer; a day for a backup")
    ->check(CLI::Range(0.001, 1e6))
    ->option_text("SECONDS [60]");
}

/// What is wrong with a line, as all errors are told.
std::string usage_error(const CLI::App& app, const CLI::Error& error,
                        bool in_shell) {
  const auto meant = app.get_subcommands();
  const std::string name = meant.empty() ? "" : meant.front()->get_name() + " ";
  return std::string{"kvs-client: "} + error.what()
         + (in_shell ? "\nType 'help' for the commands.\n"
                     : "\nTry 'kvs-client " + name + "--help'.\n");
}

// The only place that sees exceptions of the option parser.
parsed_line parse(std::vector<std::string> words, settings defaults,
                  bool in_shell) {
  parsed_line line;
  line.chosen = std::move(defaults);
  CLI::App app{"Stores and reads keys and values on a kvs node.",
               in_shell ? "" : "kvs-client"};
  app.failure_message([in_shell](const CLI::App* of, const CLI::Error& error) {
    return usage_error(*of, error, in_shell);
  });
  app.require_subcommand(in_shell ? 1 : 0, 1);
  if (!in_shell)
    add_global_options(app, line.chosen);
  else
    app.add_flag("--json", line.chosen.json, "Print JSON instead of text");
  // Lets the global options stand behind the subcommand as well.
  app.fallthrough();
  add_key_subcommands(app, line.action);
  add_store_subcommands(app, line.action);
  if (!in_shell)
    app.add_subcommand("repl", "Type commands one after the other")
      ->callback([&line] { line.action = run_repl; });
  protect_texts(words);
  // The parser takes its arguments from the back.
  std::reverse(words.begin(), words.end());
  try {
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    line.finished = code == 0 ? exit_ok : exit_usage;
  }
  return line;
}

int run_guarded(const command_action& action, session& node) {
  int code = exit_failed;
  try {
    code = action(node);
  } catch (const std::exception& error) {
    // Memory is the one thing that can run out here.
    print_error(std::string{"gave up: "} + error.what());
  }
  if (!flush_output() && code == exit_ok)
    return exit_failed;
  return code;
}

} // namespace

void protect_texts(std::vector<std::string>& words) {
  bool options_end = false;
  for (std::string& word : words) {
    options_end = options_end || word == "--";
    // A text stands alone or, as in --addr=[::1]:4000, behind its option.
    const bool is_option = !options_end && word.starts_with("--");
    const std::size_t begin = is_option ? word.find('=') + 1 : 0;
    if (begin < word.size() && word[begin] == '[')
      word.push_back('.');
  }
}

std::string unprotect_text(std::string text) {
  if (text.starts_with('['))
    text.pop_back();
  return text;
}

int run_command_line(int argc, char** argv) {
  parsed_line line = parse({argv + 1, argv + argc}, {}, false);
  if (line.finished) {
    flush_output();
    return *line.finished;
  }
  if (!line.action) {
    if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0) {
      print_error("a command is missing; see kvs-client --help");
      return exit_usage;
    }
    line.action = run_repl;
  }
  if (!parse_endpoint(line.chosen.address)) {
    print_error("'" + line.chosen.address + "' is no address; write HOST:PORT");
    return exit_usage;
  }
  session node{line.chosen};
  return run_guarded(line.action, node);
}

int run_shell_command(session& node, const std::vector<std::string>& words) {
  const bool json_before = node.json();
  const parsed_line line = parse(words, node.options(), true);
  if (line.finished || !line.action)
    return line.finished.value_or(exit_usage);
  node.set_json(line.chosen.json);
  const int code = run_guarded(line.action, node);
  node.set_json(json_before);
  return code;
}

const std::vector<std::string>& command_names() {
  static const std::vector<std::string> names = [] {
    CLI::App app;
    command_action unused;
    add_key_subcommands(app, unused);
    add_store_subcommands(app, unused);
    std::vector<std::string> found{"help", "quit"};
    for (const CLI::App* sub : app.get_subcommands({}))
      found.push_back(sub->get_name());
    std::sort(found.begin(), found.end());
    return found;
  }();
  return names;
}

} // namespace kvs::apps
