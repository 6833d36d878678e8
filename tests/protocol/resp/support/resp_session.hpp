// Commands as text, for tests.

#pragma once

#include "protocol/resp/commands.hpp"
#include "tests/protocol/resp/support/map_keyspace.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvs::protocol::resp::test {

/// Runs commands that are written as in an inline command, on a keyspace in
/// memory.
class resp_session {
public:
  explicit resp_session(int version = 2) : version_(version) {
  }

  /// The reply to `line`, as it goes over the wire.
  std::string run(std::string_view line);

  /// The same for arguments.
  std::string call(std::span<const std::string_view> args);

  /// The notifications since the last call of this.
  std::vector<std::string> take_events();

  map_keyspace keys;
  execution_limits limits;
  pacer pace;

private:
  int version_;
};

/// The text with line breaks, quotes, backslashes and what cannot be printed
/// as escapes, as an inline command has them between double quotes.
std::string escape(std::string_view text);

/// The contents of a file of the folder `data`.
std::string read_data(std::string_view name);

} // namespace kvs::protocol::resp::test
