// Documentation of commands, as clients want it for hints.

#include "protocol/resp/command_docs.hpp"

#include "protocol/resp/commands.hpp"
#include "protocol/resp/key_uses.hpp"
#include "protocol/resp/syntax.hpp"

namespace kvs::protocol::resp {

namespace {

void reply_field(std::string_view name, std::string_view text,
                 reply_writer& reply) {
  reply.bulk(name);
  reply.bulk(text);
}

std::string flags_of(const syntax_argument& argument) {
  std::string flags;
  const auto add = [&](bool is_set, std::string_view flag) {
    if (is_set)
      flags.append(flags.empty() ? "" : " ").append(flag);
  };
  add(argument.is_optional, "optional");
  add(argument.is_multiple, "multiple");
  add(argument.is_token_multiple, "multiple_token");
  return flags;
}

void reply_arguments(const std::vector<syntax_argument>& arguments,
                     reply_writer& reply);

void reply_argument(const syntax_argument& argument, reply_writer& reply) {
  const bool is_key = argument.type == "key";
  const std::string flags = flags_of(argument);
  reply.map(2 + (is_key ? 1u : 0u) + (argument.token.empty() ? 0u : 1u)
            + (flags.empty() ? 0u : 1u) + (argument.parts.empty() ? 0u : 1u));
  reply_field("name", argument.name, reply);
  reply_field("type", argument.type, reply);
  if (is_key) {
    reply.bulk("key_spec_index");
    reply.integer(argument.key_index);
  }
  if (!argument.token.empty())
    reply_field("token", argument.token, reply);
  if (!flags.empty()) {
    reply.bulk("flags");
    reply_words(flags, word_form::simple, reply);
  }
  if (!argument.parts.empty()) {
    reply.bulk("arguments");
    reply_arguments(argument.parts, reply);
  }
}

void reply_arguments(const std::vector<syntax_argument>& arguments,
                     reply_writer& reply) {
  reply.array(arguments.size());
  for (const auto& each : arguments)
    reply_argument(each, reply);
}

void reply_doc(const command_spec& spec, reply_writer& reply) {
  const auto& docs = spec.docs;
  const bool is_deprecated = !docs.deprecated_since.empty();
  reply.map(4 + (is_deprecated ? 3u : 0u) + (docs.syntax.empty() ? 0u : 1u)
            + (spec.subcommands.empty() ? 0u : 1u));
  reply_field("summary", docs.summary, reply);
  reply_field("since", docs.since, reply);
  reply_field("group", docs.group, reply);
  reply_field("complexity", docs.complexity, reply);
  if (is_deprecated) {
    reply.bulk("doc_flags");
    reply_words("deprecated", word_form::simple, reply);
    reply_field("deprecated_since", docs.deprecated_since, reply);
    reply_field("replaced_by", docs.replaced_by, reply);
  }
  if (!docs.syntax.empty()) {
    reply.bulk("arguments");
    reply_arguments(parse_syntax(docs.syntax), reply);
  }
  if (spec.subcommands.empty())
    return;
  reply.bulk("subcommands");
  reply.map(spec.subcommands.size());
  for (const auto& each : spec.subcommands) {
    reply.bulk(each.name);
    reply_doc(each, reply);
  }
}

} // namespace

void reply_docs(std::span<const std::string_view> names, reply_writer& reply) {
  std::vector<const command_spec*> specs;
  for (const auto name : names) {
    if (const auto* spec = find_command(name))
      specs.push_back(spec);
  }
  if (names.empty()) {
    for (const auto& each : all_commands())
      specs.push_back(&each);
  }
  reply.map(specs.size());
  for (const auto* each : specs) {
    reply.bulk(each->name);
    reply_doc(*each, reply);
  }
}

} // namespace kvs::protocol::resp
