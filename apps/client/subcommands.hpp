// The subcommands and their options.

#pragma once

#include "apps/client/session.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <vector>

namespace kvs::apps {

/// What the command line asks for; runs once a session is there.
using command_action = std::function<int(session&)>;

// The option parser would split a text such as "[a,b]" in two. So every text
// that begins with a bracket gets one more byte behind it before the parser
// sees it, and every option that takes text drops that byte again.

/// Changes `words` so that the parser leaves every text whole.
void protect_texts(std::vector<std::string>& words);

/// Undoes `protect_texts` for one text.
std::string unprotect_text(std::string text);

/// Adds an option that takes any text. All text options are made with it.
template <class Text>
CLI::Option* add_text(CLI::App& app, const std::string& name, Text& target,
                      const std::string& description) {
  return app.add_option(name, target, description)
    ->transform(unprotect_text, "");
}

/// Add subcommands to `app`. Parsing one of them sets `action`.
void add_key_subcommands(CLI::App& app, command_action& action);
void add_store_subcommands(CLI::App& app, command_action& action);

} // namespace kvs::apps
