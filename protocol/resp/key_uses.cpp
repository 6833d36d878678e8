// From the positions of keys and the words about them to key specifications.

#include "protocol/resp/key_uses.hpp"

#include "protocol/resp/numbers.hpp"
#include "protocol/resp/tables/rows.hpp"

#include <algorithm>

namespace kvs::protocol::resp {

namespace {

bool has_word(std::span<const std::string_view> args, std::string_view word) {
  return std::ranges::any_of(args, [word](std::string_view each) {
    return equals_ignoring_case(each, word);
  });
}

/// SET and BITFIELD read, write or do both, as their options say.
std::string_view words_in_call(std::string_view words,
                               std::span<const std::string_view> args) {
  if (words.find("variable_flags") == words.npos)
    return words;
  if (equals_ignoring_case(args[0], "set"))
    return has_word(args.subspan(3), "get") ? "RW access update" : "OW update";
  const bool writes
    = has_word(args.subspan(2), "set") || has_word(args.subspan(2), "incrby");
  return writes ? "RW access update" : "RO access";
}

} // namespace

std::vector<key_use> key_uses_of(const command_spec& spec) {
  const auto words = spec.key_uses;
  if (words.empty())
    return {};
  const int last
    = spec.last_key < 0 ? spec.last_key : spec.last_key - spec.first_key;
  const auto parted = words.find(';');
  if (parted == words.npos)
    return {{words, spec.first_key, last, spec.key_step}};
  // The first key is used in one way, what follows in another.
  return {{words.substr(0, parted), spec.first_key, 0, 1},
          {words.substr(parted + 1), spec.first_key + 1,
           std::min(last, 0) == 0 ? 0 : last, spec.key_step}};
}

std::vector<used_key> uses_in_call(const command_spec& spec,
                                   std::span<const std::string_view> args) {
  std::vector<used_key> keys;
  for (const auto& use : key_uses_of(spec)) {
    const auto words = words_in_call(use.words, args);
    const int last = use.last < 0 ? static_cast<int>(args.size()) + use.last
                                  : use.first + use.last;
    for (int i = use.first; i <= last; i += use.step)
      keys.push_back({static_cast<std::size_t>(i), words});
  }
  return keys;
}

void reply_words(std::string_view text, word_form form, reply_writer& reply) {
  std::size_t count = 0;
  tables::for_each_word(text, [&](std::string_view) { ++count; });
  reply.set(count);
  tables::for_each_word(text, [&](std::string_view word) {
    if (form == word_form::simple)
      reply.simple(word);
    else
      reply.bulk(word);
  });
}

} // namespace kvs::protocol::resp
