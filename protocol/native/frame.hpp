// The fixed header in front of every body of the native protocol.

#pragma once

#include "protocol/decode_error.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>

namespace kvs::protocol::native {

/// Chosen by the client, repeated in the reply, otherwise without meaning.
enum class request_id : std::uint64_t {};

/// Size of a header. Layout, little-endian: magic (4 bytes), version (1),
/// type (1), flags (2, zero), request id (8), size of the body (8).
inline constexpr std::size_t header_bytes = 24;

/// First bytes of every frame. The last one is no ASCII and no UTF-8, so no
/// text protocol can begin like this.
inline constexpr std::array<std::uint8_t, 4> magic{'K', 'V', 'S', 0xF1};

/// Version of the frame and of every body.
inline constexpr std::uint8_t frame_version = 1;

/// Added to the type of a request this is the type of its reply.
inline constexpr std::uint8_t reply_bit = 0x80;

/// Type of a frame that carries an `error_reply`.
inline constexpr std::uint8_t error_type = 0xFF;

/// What a header says. The type is not checked yet: an unknown type is an
/// error of one request, not of the connection.
struct frame_header {
  std::uint8_t type{0};
  request_id id{};
  std::uint64_t body_bytes{0};
};

/// The header is not complete yet; what is there looks right.
struct need_more {
  /// How many bytes are missing at least.
  std::size_t missing_bytes{header_bytes};
};

/// Reads the header at the beginning of `received`, which may hold less than a
/// header or many frames. Never throws, never allocates except for the text of
/// an error. Refuses as soon as the bytes seen so far cannot become a frame.
///
/// Errors, all of which close the connection, with nothing carried out:
/// - `bad_magic`: other bytes; a TLS hello is to be closed without an answer.
/// - `bad_version`: a frame of another version.
/// - `malformed`: flags are set.
/// - `too_big`: header and body are larger than `frame_bytes_max` together.
std::variant<need_more, frame_header, decode_error>
parse_header(std::span<const std::byte> received,
             std::uint64_t frame_bytes_max);

/// Writes `header` to the `header_bytes` bytes at `out`.
void write_header(std::byte* out, const frame_header& header);

} // namespace kvs::protocol::native
