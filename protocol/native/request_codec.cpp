// Requests of the native protocol, in both directions.

#include "protocol/native/codec.hpp"
#include "protocol/native/codec_checks.hpp"
#include "protocol/native/input_archive.hpp"
#include "protocol/native/output_archive.hpp"

#include <array>
#include <cassert>
#include <string>
#include <utility>

namespace kvs::protocol::native {

namespace {

using decoded = std::variant<request, decode_error>;

decode_error malformed(const char* why) {
  return {status::malformed,
          std::string{why}
            + "; the request was not carried out and the connection is closed"};
}

template <class Message>
decoded decode_as(std::span<const std::byte> body,
                  const decode_limits& limits) {
  // The message is built in its final place; moving it would cost as much as
  // reading it.
  decoded result{std::in_place_index<0>, std::in_place_type<Message>};
  Message& message = *std::get_if<Message>(std::get_if<0>(&result));
  input_archive ar{body, limits.batch_operations_max};
  fields(ar, message);
  if (ar.excessive_items() != 0) [[unlikely]]
    result = *find_count_fault(ar.excessive_items(), limits);
  else if (ar.fault() != nullptr) [[unlikely]]
    result = malformed(ar.fault());
  else if (ar.left_bytes() != 0) [[unlikely]]
    result = malformed("bytes are left behind the last field");
  else if (auto wrong = find_fault(message, limits)) [[unlikely]]
    result = std::move(*wrong);
  return result;
}

using decoder = decoded (*)(std::span<const std::byte>, const decode_limits&);

template <std::size_t... Index>
constexpr std::array<decoder, sizeof...(Index)>
make_decoders(std::index_sequence<Index...>) {
  return {&decode_as<std::variant_alternative_t<Index, request>>...};
}

constexpr auto decoders
  = make_decoders(std::make_index_sequence<request_type_count>{});

} // namespace

decoded decode_request(const frame_header& header,
                       std::span<const std::byte> body,
                       const decode_limits& limits) {
  assert(body.size() == header.body_bytes);
  if (!is_request_type(header.type)) [[unlikely]]
    return decode_error{status::bad_type,
                        "requests of type " + std::to_string(header.type)
                          + " are unknown; nothing was carried out",
                        false};
  return decoders[header.type - 1U](body, limits);
}

void encode_request(byte_buffer& out, request_id id, const request& message) {
  const auto type = static_cast<std::uint8_t>(type_of(message));
  std::visit(
    [&](const auto& m) {
      const std::size_t body_bytes = 1 + wire_size(m);
      std::byte* frame = out.grow(header_bytes + body_bytes);
      write_header(frame, {type, id, body_bytes});
      output_archive ar{frame + header_bytes};
      ar(little_endian_mark);
      fields(ar, m);
    },
    message);
}

} // namespace kvs::protocol::native
