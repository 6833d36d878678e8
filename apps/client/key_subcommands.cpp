// Options of the commands on keys.

#include "apps/client/commands.hpp"
#include "apps/client/subcommands.hpp"

#include <memory>

namespace kvs::apps {

namespace {

// Options live as long as the action that needs them.
template <class Options, class Run>
void on_parse(CLI::App* sub, command_action& action,
              const std::shared_ptr<Options>& options, Run run) {
  sub->callback([&action, options, run] {
    action = [options, run](session& node) { return run(node, *options); };
  });
}

void add_set(CLI::App& app, command_action& action) {
  auto* sub = app.add_subcommand("set", "Store a value under a key");
  auto options = std::make_shared<set_options>();
  add_text(*sub, "KEY", options->key, "The key")->required();
  add_text(*sub, "VALUE", options->value, "The value; '-' reads stdin");
  add_text(*sub, "--value-file", options->value_file,
           "Read the value from this file");
  sub->add_option("--ttl", options->ttl_seconds,
                  "Forget the key after this many seconds");
  auto* if_absent = sub->add_flag("--if-absent", options->if_absent,
                                  "Only if there is no such key");
  sub
    ->add_flag("--if-present", options->if_present,
               "Only if there is such a key")
    ->excludes(if_absent);
  on_parse(sub, action, options, run_set);
}

void add_get(CLI::App& app, command_action& action) {
  auto* sub = app.add_subcommand("get", "Print the value of a key");
  auto options = std::make_shared<get_options>();
  add_text(*sub, "KEY", options->key, "The key")->required();
  sub->add_flag("--raw", options->raw,
                "Print the bytes alone; an absent key is an error");
  on_parse(sub, action, options, run_get);
}

void add_mget(CLI::App& app, command_action& action) {
  auto* sub = app.add_subcommand(
    "mget", "Print the values of several keys, all read at one moment");
  auto keys = std::make_shared<std::vector<std::string>>();
  add_text(*sub, "KEY", *keys, "The keys")->required();
  on_parse(sub, action, keys, run_mget);
}

void add_key_only(CLI::App& app, command_action& action, const char* name,
                  const char* description,
                  int (*run)(session&, const std::string&)) {
  auto* sub = app.add_subcommand(name, description);
  auto key = std::make_shared<std::string>();
  add_text(*sub, "KEY", *key, "The key")->required();
  on_parse(sub, action, key, run);
}

void add_incr(CLI::App& app, command_action& action) {
  auto* sub = app.add_subcommand("incr", "Add to a number and print the sum");
  auto options = std::make_shared<increment_options>();
  add_text(*sub, "KEY", options->key, "The key")->required();
  sub->add_option("DELTA", options->delta, "What to add, 1 by default");
  on_parse(sub, action, options, run_incr);
}

void add_append(CLI::App& app, command_action& action) {
  auto* sub = app.add_subcommand("append",
                                 "Add bytes behind a value and print its size");
  auto options = std::make_shared<append_options>();
  add_text(*sub, "KEY", options->key, "The key")->required();
  add_text(*sub, "VALUE", options->value, "What to add")->required();
  on_parse(sub, action, options, run_append);
}

void add_expire(CLI::App& app, command_action& action) {
  auto* sub = app.add_subcommand("expire", "Forget a key after some time");
  auto options = std::make_shared<expire_options>();
  add_text(*sub, "KEY", options->key, "The key")->required();
  sub->add_option("SECONDS", options->ttl_seconds, "From now on")->required();
  on_parse(sub, action, options, run_expire);
}

void add_cas(CLI::App& app, command_action& action) {
  auto* sub = app.add_subcommand(
    "cas", "Store a value if the key still has this version");
  auto options = std::make_shared<compare_options>();
  add_text(*sub, "KEY", options->key, "The key")->required();
  sub->add_option("VERSION", options->version, "0 means: there is no key")
    ->required();
  add_text(*sub, "VALUE", options->value, "The value")->required();
  on_parse(sub, action, options, run_cas);
}

} // namespace

void add_key_subcommands(CLI::App& app, command_action& action) {
  add_set(app, action);
  add_get(app, action);
  add_key_only(app, action, "rm", "Erase a key", run_rm);
  add_mget(app, action);
  add_key_only(app, action, "exists", "Say whether there is such a key",
               run_exists);
  add_incr(app, action);
  add_append(app, action);
  add_key_only(app, action, "ttl", "Print how long a key has still to live",
               run_ttl);
  add_expire(app, action);
  add_key_only(app, action, "persist", "Let a key live for ever", run_persist);
  add_cas(app, action);
}

} // namespace kvs::apps
