// Reading over values that are no strings.

#include "protocol/resp/rdb_types.hpp"

#include <string>

namespace kvs::protocol::resp {

namespace {

constexpr std::uint64_t stream_id_bytes = 16;
constexpr std::uint64_t time_bytes = 8;
constexpr std::uint64_t double_bytes = 8;
constexpr std::uint64_t float_bytes = 4;

/// Calls `skip` for each of as many elements as the next length says.
template <class Skip>
void skip_all(rdb_input& in, Skip skip) {
  for (std::uint64_t left = in.length(); left > 0 && in.is_good(); --left)
    skip();
}

void skip_strings(rdb_input& in, int per_element) {
  skip_all(in, [&] {
    for (int i = 0; i < per_element; ++i)
      in.skip_string();
  });
}

void skip_lengths(rdb_input& in, int count) {
  for (int i = 0; i < count; ++i)
    in.length();
}

// Before Redis 4 scores were text behind a byte with its length; the three
// highest lengths stand for infinities and for no number at all.
void skip_text_score(rdb_input& in) {
  const std::uint8_t size = in.byte();
  if (size < 253)
    in.skip(size);
}

enum class stream_form { first, second };

void skip_consumer_group(rdb_input& in, stream_form form) {
  in.skip_string();
  skip_lengths(in, form == stream_form::second ? 3 : 2);
  skip_all(in, [&] {
    in.skip(stream_id_bytes + time_bytes);
    in.length();
  });
  skip_all(in, [&] {
    in.skip_string();
    in.skip(time_bytes);
    skip_all(in, [&] { in.skip(stream_id_bytes); });
  });
}

void skip_stream(rdb_input& in, stream_form form) {
  skip_strings(in, 2);
  // Length and last id; then the first id, the last deleted id and how many
  // entries were ever added.
  skip_lengths(in, form == stream_form::second ? 8 : 3);
  skip_all(in, [&] { skip_consumer_group(in, form); });
}

void skip_module(rdb_input& in) {
  in.length();
  skip_rdb_module_values(in);
}

} // namespace

void skip_rdb_module_values(rdb_input& in) {
  while (in.is_good()) {
    switch (in.length()) {
      case 0:
        return;
      case 1:
      case 2:
        in.length();
        break;
      case 3:
        in.skip(float_bytes);
        break;
      case 4:
        in.skip(double_bytes);
        break;
      case 5:
        in.skip_string();
        break;
      default:
        in.fail("a value of a module of unknown form");
    }
  }
}

std::string_view skip_rdb_value(rdb_input& in, std::uint8_t type) {
  switch (type) {
    case rdb_type_string:
      in.skip_string();
      return "string";
    case 1:  // elements
    case 14: // ziplists
      skip_strings(in, 1);
      return "list";
    case 10: // one ziplist
      in.skip_string();
      return "list";
    case 18: // elements and listpacks
      skip_all(in, [&] {
        in.length();
        in.skip_string();
      });
      return "list";
    case 2:
      skip_strings(in, 1);
      return "set";
    case 11: // one array of integers
      in.skip_string();
      return "set";
    case 3:
      skip_all(in, [&] {
        in.skip_string();
        skip_text_score(in);
      });
      return "zset";
    case 5:
      skip_all(in, [&] {
        in.skip_string();
        in.skip(double_bytes);
      });
      return "zset";
    case 12: // one ziplist
    case 17: // one listpack
      in.skip_string();
      return "zset";
    case 4:
      skip_strings(in, 2);
      return "hash";
    case 9:  // one zipmap
    case 13: // one ziplist
    case 16: // one listpack
      in.skip_string();
      return "hash";
    case 15:
      skip_stream(in, stream_form::first);
      return "stream";
    case 19:
      skip_stream(in, stream_form::second);
      return "stream";
    case 7:
      skip_module(in);
      return "module";
    default:
      in.fail("a value of unknown type " + std::to_string(type));
      return {};
  }
}

} // namespace kvs::protocol::resp
