// COMMAND and its subcommands: which commands there are and how they are
// called.

#include "protocol/resp/command_replies.hpp"

#include "protocol/resp/command_docs.hpp"
#include "protocol/resp/commands.hpp"
#include "protocol/resp/glob.hpp"
#include "protocol/resp/handler_support.hpp"
#include "protocol/resp/key_uses.hpp"
#include "protocol/resp/numbers.hpp"
#include "protocol/resp/syntax.hpp"
#include "protocol/resp/tables/rows.hpp"

#include <algorithm>
#include <bit>

namespace kvs::protocol::resp {

namespace {

template <class Names>
void reply_names(std::uint32_t bits, const Names& names,
                 std::string_view prefix, reply_writer& reply) {
  reply.set(static_cast<std::size_t>(std::popcount(bits)));
  for (const auto& [name, value] : names) {
    if ((bits & static_cast<std::uint32_t>(value)) != 0)
      reply.simple(std::string{prefix}.append(name));
  }
}

void reply_key_use(const key_use& use, reply_writer& reply) {
  reply.map(3);
  reply.bulk("flags");
  reply_words(use.words, word_form::simple, reply);
  reply.bulk("begin_search");
  reply.map(2);
  reply.bulk("type");
  reply.bulk("index");
  reply.bulk("spec");
  reply.map(1);
  reply.bulk("index");
  reply.integer(use.first);
  reply.bulk("find_keys");
  reply.map(2);
  reply.bulk("type");
  reply.bulk("range");
  reply.bulk("spec");
  reply.map(3);
  reply.bulk("lastkey");
  reply.integer(use.last);
  reply.bulk("keystep");
  reply.integer(use.step);
  reply.bulk("limit");
  reply.integer(0);
}

void reply_info(const command_spec& spec, reply_writer& reply) {
  reply.array(10);
  reply.bulk(spec.name);
  reply.integer(spec.arity);
  reply_names(spec.flags, tables::flag_names, "", reply);
  reply.integer(spec.first_key);
  reply.integer(spec.last_key);
  reply.integer(spec.key_step);
  reply_names(spec.categories, tables::category_names, "@", reply);
  reply_words(spec.tips, word_form::bulk, reply);
  const auto uses = key_uses_of(spec);
  reply.set(uses.size());
  for (const auto& each : uses)
    reply_key_use(each, reply);
  // As Redis has it: nothing is a set, something is an array.
  if (spec.subcommands.empty())
    reply.set(0);
  else
    reply.array(spec.subcommands.size());
  for (const auto& each : spec.subcommands)
    reply_info(each, reply);
}

void reply_infos(std::span<const std::string_view> names, reply_writer& reply) {
  if (names.empty()) {
    reply.array(all_commands().size());
    for (const auto& each : all_commands())
      reply_info(each, reply);
    return;
  }
  reply.array(names.size());
  for (const auto name : names) {
    if (const auto* spec = find_command(name))
      reply_info(*spec, reply);
    else
      reply.null();
  }
}

/// COMMAND GETKEYS and, with the uses of the keys, GETKEYSANDFLAGS.
void reply_keys(std::span<const std::string_view> args, bool with_flags,
                reply_writer& reply) {
  // The container itself is what is called if no subcommand follows.
  const auto* spec = find_command(args[0]);
  if (spec != nullptr && !spec->subcommands.empty() && args.size() > 1)
    spec = find_command(std::string{args[0]} + '|' + std::string{args[1]});
  if (spec == nullptr)
    return reply.error("ERR Invalid command specified");
  if (spec->first_key == 0)
    return reply.error("ERR The command has no key arguments");
  if (resolve(args).spec != spec)
    return reply.error("ERR Invalid number of arguments specified for command");
  const auto uses = uses_in_call(*spec, args);
  reply.array(uses.size());
  for (const auto& each : uses) {
    if (with_flags)
      reply.array(2);
    reply.bulk(args[each.index]);
    if (with_flags)
      reply_words(each.words, word_form::simple, reply);
  }
}

/// Calls `visit` with every command and subcommand.
template <class Visit>
void visit_all(std::span<const command_spec> specs, Visit visit) {
  for (const auto& each : specs) {
    visit(each);
    visit_all(each.subcommands, visit);
  }
}

template <class Predicate>
void reply_list(Predicate is_wanted, reply_writer& reply) {
  std::vector<std::string_view> names;
  visit_all(all_commands(), [&](const command_spec& each) {
    if (is_wanted(each))
      names.push_back(each.name);
  });
  reply.array(names.size());
  for (const auto each : names)
    reply.bulk(each);
}

/// COMMAND LIST [FILTERBY MODULE|ACLCAT|PATTERN what].
void reply_filtered(std::span<const std::string_view> args,
                    reply_writer& reply) {
  using handlers::is_word;
  if (args.size() == 2) {
    reply.array(all_commands().size());
    for (const auto& each : all_commands())
      reply.bulk(each.name);
    return;
  }
  if (args.size() != 5 || !is_word(args[2], "filterby"))
    return reply.error(handlers::syntax_error);
  const auto wanted = args[4];
  if (is_word(args[3], "pattern"))
    return reply_list(
      [&](const auto& each) {
        return glob_match(wanted, each.name, letter_case::ignored);
      },
      reply);
  if (is_word(args[3], "aclcat")) {
    const auto* category
      = std::ranges::find_if(tables::category_names, [&](const auto& each) {
          return equals_ignoring_case(each.first, wanted);
        });
    return reply_list(
      [&](const auto& each) {
        return category != std::end(tables::category_names)
               && each.is(category->second);
      },
      reply);
  }
  // Nothing comes from a module.
  if (is_word(args[3], "module"))
    return reply.array(0);
  reply.error(handlers::syntax_error);
}

std::string upper_case(std::string_view text) {
  std::string upper{text};
  std::ranges::transform(upper, upper.begin(), [](char each) {
    return each >= 'a' && each <= 'z' ? static_cast<char>(each - 32) : each;
  });
  return upper;
}

} // namespace

void reply_to_command(const command_spec& spec,
                      std::span<const std::string_view> args,
                      reply_writer& reply) {
  if (spec.name == "command" || spec.name == "command|info")
    return reply_infos(args.size() > 2 ? args.subspan(2)
                                       : std::span<const std::string_view>{},
                       reply);
  if (spec.name == "command|count")
    return reply.integer(static_cast<std::int64_t>(all_commands().size()));
  if (spec.name == "command|docs")
    return reply_docs(args.subspan(2), reply);
  if (spec.name == "command|list")
    return reply_filtered(args, reply);
  if (spec.name == "command|getkeys")
    return reply_keys(args.subspan(2), false, reply);
  if (spec.name == "command|getkeysandflags")
    return reply_keys(args.subspan(2), true, reply);
  reply_to_help(*find_command("command"), reply);
}

void reply_to_help(const command_spec& container, reply_writer& reply) {
  const auto subcommands = container.subcommands;
  const std::string name = upper_case(container.name);
  reply.array(1 + 2 * subcommands.size());
  reply.simple(name
               + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  const auto reply_one = [&](const command_spec& each) {
    const std::string usage = usage_of(parse_syntax(each.docs.syntax));
    reply.simple(upper_case(each.name.substr(container.name.size() + 1))
                 + (usage.empty() ? "" : " ") + usage);
    reply.simple("    " + std::string{each.docs.summary});
  };
  for (const auto& each : subcommands) {
    if (!each.name.ends_with("|help"))
      reply_one(each);
  }
  reply.simple("HELP");
  reply.simple("    Prints this help.");
}

} // namespace kvs::protocol::resp
