// The arguments of commands, from the compact notation of the tables.

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kvs::protocol::resp {

/// An argument as COMMAND DOCS describes it. Views into the notation.
struct syntax_argument {
  std::string name;
  /// `string`, `integer`, `double`, `key`, `pattern`, `unix-time`,
  /// `pure-token`, `oneof` or `block`.
  std::string_view type{"string"};
  /// The word that stands in front of it, or that it consists of.
  std::string_view token;
  /// Which of the key uses of the command it is, for a key.
  int key_index{0};
  bool is_optional{false};
  bool is_multiple{false};
  /// Every repetition begins with the token.
  bool is_token_multiple{false};
  /// The choices of `oneof`, the parts of `block`.
  std::vector<syntax_argument> parts;
};

/// Reads the notation:
///
///     key  offset:integer  newkey:key@1    names, types, the use of a key
///     GET  index=GET                       a word alone, with another name
///     EX seconds:integer                   a word and its argument
///     [...]                                optional
///     when=(NX|XX)  pair=<key value>       choices, and what belongs together
///     key...  [GET type]..+                repeated; with its word each time
///
/// What is malformed is cut off: the tables are tested.
std::vector<syntax_argument> parse_syntax(std::string_view notation);

/// The arguments for people: `<key> [NX|XX] [EX <seconds>]`.
std::string usage_of(const std::vector<syntax_argument>& arguments);

} // namespace kvs::protocol::resp
