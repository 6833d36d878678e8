// From the positions of keys and the words about them to key specifications.

#include "protocol/resp/key_uses.hpp"

#include "protocol/resp/tables/rows.hpp"

#include <algorithm>

namespace kvs::protocol::resp {

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

std::vector<used_key> uses_in_call(const command_spec& spec, std::size_t size) {
  std::vector<used_key> keys;
  for (const auto& use : key_uses_of(spec)) {
    const int last
      = use.last < 0 ? static_cast<int>(size) + use.last : use.first + use.last;
    for (int i = use.first; i <= last; i += use.step)
      keys.push_back({static_cast<std::size_t>(i), use.words});
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
