// How commands use their keys, for the replies to COMMAND.

#pragma once

#include "protocol/resp/command_spec.hpp"
#include "protocol/resp/reply_writer.hpp"

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace kvs::protocol::resp {

/// Keys that a command uses in the same way.
struct key_use {
  /// `RO access`
  std::string_view words;
  /// The position of the first of them.
  int first{0};
  /// The last one: behind the first, or from the end if negative.
  int last{0};
  int step{1};
};

std::vector<key_use> key_uses_of(const command_spec& spec);

struct used_key {
  std::size_t index{0};
  std::string_view words;
};

/// The keys in a call. What its options decide is decided.
std::vector<used_key> uses_in_call(const command_spec& spec,
                                   std::span<const std::string_view> args);

enum class word_form { simple, bulk };

/// Replies a set of the words of a text.
void reply_words(std::string_view text, word_form form, reply_writer& reply);

} // namespace kvs::protocol::resp
