// Replies of the native protocol, in both directions.

#include "protocol/native/codec.hpp"
#include "protocol/native/input_archive.hpp"
#include "protocol/native/output_archive.hpp"

#include <cassert>
#include <string>
#include <utility>

namespace kvs::protocol::native {

namespace {

using decoded = std::variant<reply, decode_error>;

template <class Message>
void encode(byte_buffer& out, std::uint8_t type, request_id id,
            const Message& message) {
  const std::size_t body_bytes = 1 + wire_size(message);
  std::byte* frame = out.grow(header_bytes + body_bytes);
  write_header(frame, {type, id, body_bytes});
  output_archive ar{frame + header_bytes};
  ar(little_endian_mark);
  fields(ar, message);
}

std::uint8_t reply_type(request_type to) {
  return static_cast<std::uint8_t>(to) | reply_bit;
}

template <class Message>
decoded decode_as(std::span<const std::byte> body) {
  decoded result{std::in_place_index<0>, std::in_place_type<Message>};
  Message& message = *std::get_if<Message>(std::get_if<0>(&result));
  input_archive ar{body};
  fields(ar, message);
  if (ar.fault() != nullptr)
    result = decode_error{status::malformed,
                          std::string{"a reply of the node is malformed: "}
                            + ar.fault()};
  else if (ar.left_bytes() != 0)
    result = decode_error{status::malformed,
                          "a reply of the node is malformed: bytes are left "
                          "behind the last field"};
  return result;
}

decoded unknown_reply(std::uint8_t type) {
  return decode_error{status::bad_type, "the node sent a reply of type "
                                          + std::to_string(type)
                                          + ", which is unknown"};
}

decoded decode_reply_to(request_type to, std::span<const std::byte> body) {
  switch (to) {
    case request_type::hello:
      return decode_as<hello_reply>(body);
    case request_type::ping:
      return decode_as<pong>(body);
    case request_type::get:
      return decode_as<value_reply>(body);
    case request_type::multi_get:
      return decode_as<values_reply>(body);
    case request_type::put:
    case request_type::touch:
    case request_type::persist:
    case request_type::batch:
    case request_type::transact:
    case request_type::flush:
      return decode_as<write_reply>(body);
    case request_type::erase:
      return decode_as<erase_reply>(body);
    case request_type::exists:
      return decode_as<exists_reply>(body);
    case request_type::increment:
      return decode_as<increment_reply>(body);
    case request_type::append:
      return decode_as<append_reply>(body);
    case request_type::scan:
      return decode_as<scan_reply>(body);
    case request_type::count:
      return decode_as<count_reply>(body);
    case request_type::stats:
      return decode_as<stats_reply>(body);
    case request_type::sync:
      return decode_as<sync_reply>(body);
    case request_type::compact:
      return decode_as<compact_reply>(body);
    case request_type::backup:
      return decode_as<backup_reply>(body);
  }
  return unknown_reply(static_cast<std::uint8_t>(to) | reply_bit);
}

} // namespace

void encode_reply(byte_buffer& out, request_type to, request_id id,
                  const reply& message) {
  if (const auto* error = std::get_if<error_reply>(&message))
    return encode_error(out, id, *error);
  std::visit([&](const auto& m) { encode(out, reply_type(to), id, m); },
             message);
}

void encode_reply(byte_buffer& out, request_type to, request_id id,
                  const value_reply& message) {
  encode(out, reply_type(to), id, message);
}

void encode_reply(byte_buffer& out, request_type to, request_id id,
                  const write_reply& message) {
  encode(out, reply_type(to), id, message);
}

void encode_error(byte_buffer& out, request_id id, const error_reply& message) {
  encode(out, error_type, id, message);
}

void encode_value_reply_head(byte_buffer& out, request_id id,
                             std::uint64_t version, std::int64_t ttl_ms,
                             std::uint64_t value_bytes) {
  const value_reply head{true, version, ttl_ms, {}};
  const std::size_t head_bytes = 1 + wire_size(head);
  std::byte* frame = out.grow(header_bytes + head_bytes);
  write_header(frame,
               {reply_type(request_type::get), id, head_bytes + value_bytes});
  output_archive ar{frame + header_bytes};
  // The length of the value is the last thing that `value_reply` writes.
  ar(little_endian_mark, head.found, head.version, head.ttl_ms, value_bytes);
  assert(ar.position() == frame + header_bytes + head_bytes);
}

decoded decode_reply(const frame_header& header,
                     std::span<const std::byte> body) {
  assert(body.size() == header.body_bytes);
  if (header.type == error_type)
    return decode_as<error_reply>(body);
  const std::uint8_t to = header.type & ~reply_bit & 0xFF;
  if ((header.type & reply_bit) == 0 || !is_request_type(to))
    return unknown_reply(header.type);
  return decode_reply_to(static_cast<request_type>(to), body);
}

} // namespace kvs::protocol::native
