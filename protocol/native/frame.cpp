// Reading and writing of the frame header.

#include "protocol/native/frame.hpp"

#include <bit>
#include <cstring>
#include <string>

namespace kvs::protocol::native {

static_assert(std::endian::native == std::endian::little,
              "The codec copies integers as they lie in memory.");

namespace {

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

bool magic_matches(std::span<const std::byte> received) {
  const std::size_t seen_bytes = std::min(received.size(), magic.size());
  return std::memcmp(received.data(), magic.data(), seen_bytes) == 0;
}

decode_error wrong_magic(std::span<const std::byte> received) {
  // A TLS connection begins with a handshake record, type 22.
  const bool is_tls = received[0] == std::byte{0x16};
  return {status::bad_magic,
          "these bytes are no frame of the kvs protocol; nothing was carried "
          "out and the connection is closed",
          true, !is_tls};
}

decode_error wrong_version(std::uint8_t version) {
  return {status::bad_version,
          "frame version " + std::to_string(version) + " is unknown, only "
            + std::to_string(frame_version)
            + " is spoken here; nothing was carried out and the connection is "
              "closed"};
}

} // namespace

std::variant<need_more, frame_header, decode_error>
parse_header(std::span<const std::byte> received,
             std::uint64_t frame_bytes_max) {
  if (received.empty())
    return need_more{header_bytes};
  if (!magic_matches(received)) [[unlikely]]
    return wrong_magic(received);
  if (received.size() >= 5 && received[4] != std::byte{frame_version})
    [[unlikely]]
    return wrong_version(static_cast<std::uint8_t>(received[4]));
  if (received.size() < header_bytes)
    return need_more{header_bytes - received.size()};
  if (load<std::uint16_t>(&received[6]) != 0) [[unlikely]]
    return decode_error{status::malformed,
                        "flags of a frame must be 0; the request was not "
                        "carried out and the connection is closed"};
  const frame_header header{static_cast<std::uint8_t>(received[5]),
                            request_id{load<std::uint64_t>(&received[8])},
                            load<std::uint64_t>(&received[16])};
  // Written so that no sum can overflow.
  if (frame_bytes_max < header_bytes
      || header.body_bytes > frame_bytes_max - header_bytes) [[unlikely]]
    return decode_error{
      status::too_big,
      "a frame with a body of " + std::to_string(header.body_bytes)
        + " bytes exceeds the limit of " + std::to_string(frame_bytes_max)
        + " bytes; the request was not carried out and the "
          "connection is closed"};
  return header;
}

void write_header(std::byte* out, const frame_header& header) {
  std::memcpy(out, magic.data(), magic.size());
  out[4] = std::byte{frame_version};
  out[5] = std::byte{header.type};
  out[6] = std::byte{0};
  out[7] = std::byte{0};
  std::memcpy(out + 8, &header.id, sizeof header.id);
  std::memcpy(out + 16, &header.body_bytes, sizeof header.body_bytes);
}

} // namespace kvs::protocol::native
