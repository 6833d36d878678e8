// Running of commands in tests.

#include "tests/protocol/resp/support/resp_session.hpp"

#include "protocol/resp/command_replies.hpp"
#include "protocol/resp/inline_words.hpp"

#include <cstdio>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace kvs::protocol::resp::test {

std::string resp_session::run(std::string_view line) {
  std::vector<std::string_view> words;
  std::string unquoted;
  if (!split_inline(line, words, unquoted) || words.empty())
    throw std::invalid_argument{"no command: " + std::string{line}};
  return call(words);
}

std::string resp_session::call(std::span<const std::string_view> args) {
  byte_buffer out;
  reply_writer reply{out, version_};
  const auto resolved = resolve(args);
  if (resolved.spec == nullptr)
    reply.error(resolved.error);
  else if (resolved.spec->handler != nullptr)
    execute(*resolved.spec, args, keys, reply, limits, pace);
  else
    reply_to_command(*resolved.spec, args, reply);
  return {reinterpret_cast<const char*>(out.data()), out.size()};
}

std::vector<std::string> resp_session::take_events() {
  return std::exchange(keys.events, {});
}

std::string escape(std::string_view text) {
  std::string escaped;
  for (const char each : text) {
    if (each == '"' || each == '\\') {
      escaped += '\\';
      escaped += each;
    } else if (each == '\r') {
      escaped += "\\r";
    } else if (each == '\n') {
      escaped += "\\n";
    } else if (each < ' ' || each > '~') {
      char hex[8];
      std::snprintf(hex, sizeof hex, "\\x%02x",
                    static_cast<unsigned>(static_cast<unsigned char>(each)));
      escaped += hex;
    } else {
      escaped += each;
    }
  }
  return escaped;
}

std::string read_data(std::string_view name) {
  const std::string path = KVS_RESP_DATA "/" + std::string{name};
  std::ifstream file{path, std::ios::binary};
  if (!file)
    throw std::runtime_error{"cannot read " + path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

} // namespace kvs::protocol::resp::test
