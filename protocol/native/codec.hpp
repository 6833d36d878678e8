// Turns frames into requests and replies and back.

#pragma once

#include "protocol/byte_buffer.hpp"
#include "protocol/decode_error.hpp"
#include "protocol/limits.hpp"
#include "protocol/native/frame.hpp"
#include "protocol/replies.hpp"
#include "protocol/requests.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>

namespace kvs::protocol::native {

// docs/wire_protocol.md describes the bytes.

/// Returns whether `type` is a request that this version knows. A caller may
/// skip the body of any other without keeping it.
constexpr bool is_request_type(std::uint8_t type) {
  return type >= 1 && type <= request_type_count;
}

/// Reads exactly one request out of one body. The request borrows from `body`.
///
/// Never throws and allocates at most four times the size of `body`, whatever
/// the bytes are: callers pass what a stranger sent.
///
/// @pre `body.size() == header.body_bytes`
///
/// Errors, in each case with nothing carried out:
/// - `malformed`, closes: not the body of such a request.
/// - `bad_type`, stays: no such request.
/// - `key_too_large`, `value_too_large`, `batch_too_large`, stays: `limits`.
/// - `bad_argument`, stays: an expiry out of range, an unknown condition or
///   kind of operation, an erasure that carries a value or an expiry.
std::variant<request, decode_error>
decode_request(const frame_header& header, std::span<const std::byte> body,
               const decode_limits& limits);

/// Appends a whole frame that answers request `id` of type `to`.
/// An `error_reply` becomes an error frame, whatever `to` is.
/// @pre the reply is of the kind that belongs to `to`
void encode_reply(byte_buffer& out, request_type to, request_id id,
                  const reply& message);

/// As above, without a detour through the variant.
void encode_reply(byte_buffer& out, request_type to, request_id id,
                  const value_reply& message);

/// As above, without a detour through the variant.
void encode_reply(byte_buffer& out, request_type to, request_id id,
                  const write_reply& message);

/// Appends an error frame. `message.request_type` may be any byte.
void encode_error(byte_buffer& out, request_id id, const error_reply& message);

/// Appends the frame of a `value_reply` to a `get` up to the value. Exactly
/// `value_bytes` bytes of value have to follow it on the wire; so a large
/// value is sent from where it lies.
void encode_value_reply_head(byte_buffer& out, request_id id,
                             std::uint64_t version, std::int64_t ttl_ms,
                             std::uint64_t value_bytes);

/// Appends a whole frame that asks for `message`.
void encode_request(byte_buffer& out, request_id id, const request& message);

/// Reads exactly one reply out of one body. The reply borrows from `body`,
/// except for texts of errors and figures. Never throws.
///
/// @pre `body.size() == header.body_bytes`
///
/// Errors, all of which mean that the peer cannot be understood:
/// - `bad_type`: neither an error nor the reply to a known request.
/// - `malformed`: not the body of such a reply.
std::variant<reply, decode_error> decode_reply(const frame_header& header,
                                               std::span<const std::byte> body);

} // namespace kvs::protocol::native
