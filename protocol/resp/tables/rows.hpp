// How the tables of commands are written.

#pragma once

#include "protocol/resp/command_spec.hpp"

#include <span>
#include <string_view>
#include <utility>

namespace kvs::protocol::resp::tables {

/// Which arguments are keys: the first, the last (from the end if negative)
/// and the step.
struct key_positions {
  int first;
  int last;
  int step;
};

inline constexpr key_positions no_keys{0, 0, 0};
inline constexpr key_positions one_key{1, 1, 1};
inline constexpr key_positions two_keys{1, 2, 1};
inline constexpr key_positions all_keys{1, -1, 1};
inline constexpr key_positions pairs{1, -1, 2};
inline constexpr key_positions second_key{2, 2, 1};
inline constexpr key_positions later_keys{2, -1, 1};

/// No handler: the session carries the command out.
inline constexpr command_handler in_session = nullptr;

inline constexpr std::pair<std::string_view, command_flag> flag_names[] = {
  {"write", command_flag::write},
  {"readonly", command_flag::readonly},
  {"denyoom", command_flag::denyoom},
  {"admin", command_flag::admin},
  {"pubsub", command_flag::pubsub},
  {"noscript", command_flag::noscript},
  {"blocking", command_flag::blocking},
  {"loading", command_flag::loading},
  {"stale", command_flag::stale},
  {"skip_slowlog", command_flag::skip_slowlog},
  {"fast", command_flag::fast},
  {"no_auth", command_flag::no_auth},
  {"no_async_loading", command_flag::no_async_loading},
  {"no_multi", command_flag::no_multi},
  {"allow_busy", command_flag::allow_busy},
};

inline constexpr std::pair<std::string_view, acl_category> category_names[] = {
  {"keyspace", acl_category::keyspace},
  {"read", acl_category::read},
  {"write", acl_category::write},
  {"string", acl_category::string},
  {"bitmap", acl_category::bitmap},
  {"pubsub", acl_category::pubsub},
  {"admin", acl_category::admin},
  {"fast", acl_category::fast},
  {"slow", acl_category::slow},
  {"blocking", acl_category::blocking},
  {"dangerous", acl_category::dangerous},
  {"connection", acl_category::connection},
  {"transaction", acl_category::transaction},
};

/// Calls `visit` with every word of a text whose words one space parts.
template <class Visit>
constexpr void for_each_word(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const std::size_t end = text.find(' ');
    visit(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
}

/// The bits of the words of a text. A word that is not in `names` does not
/// compile.
template <class Names>
constexpr std::uint32_t bits_of(std::string_view text, const Names& names) {
  std::uint32_t bits = 0;
  for_each_word(text, [&](std::string_view word) {
    std::uint32_t bit = 0;
    for (const auto& [name, value] : names)
      bit |= name == word ? static_cast<std::uint32_t>(value) : 0;
    if (bit == 0)
      throw "unknown word";
    bits |= bit;
  });
  return bits;
}

/// The categories that follow from flags.
constexpr std::uint32_t implied_categories(const command_spec& spec) {
  std::uint32_t bits = 0;
  const auto add = [&](acl_category category) {
    bits |= static_cast<std::uint32_t>(category);
  };
  if (spec.is(command_flag::readonly))
    add(acl_category::read);
  if (spec.is(command_flag::write))
    add(acl_category::write);
  if (spec.is(command_flag::pubsub))
    add(acl_category::pubsub);
  if (spec.is(command_flag::blocking))
    add(acl_category::blocking);
  if (spec.is(command_flag::admin)) {
    add(acl_category::admin);
    add(acl_category::dangerous);
  }
  add(spec.is(command_flag::fast) ? acl_category::fast : acl_category::slow);
  return bits;
}

/// One command. `categories` are those that do not follow from the flags.
constexpr command_spec row(std::string_view name, int arity,
                           std::string_view flags, std::string_view categories,
                           key_positions keys, value_use use,
                           command_handler handler, std::string_view key_uses,
                           std::string_view tips, const command_docs& docs,
                           std::span<const command_spec> subcommands = {}) {
  command_spec spec;
  spec.name = name;
  spec.arity = arity;
  spec.flags = bits_of(flags, flag_names);
  spec.categories
    = bits_of(categories, category_names) | implied_categories(spec);
  spec.first_key = keys.first;
  spec.last_key = keys.last;
  spec.key_step = keys.step;
  spec.use = use;
  spec.handler = handler;
  spec.key_uses = key_uses;
  spec.tips = tips;
  spec.docs = docs;
  spec.subcommands = subcommands;
  return spec;
}

} // namespace kvs::protocol::resp::tables
