#include "storage/record.hpp"

#include "storage/crc32c.hpp"
#include "storage/little_endian.hpp"
#include "storage/planted_bugs.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <limits>

namespace kvs::storage {
namespace {

constexpr std::uint32_t key_length_mask = (1U << 25) - 1;
constexpr std::uint32_t expiry_bit = 1U << 25;
constexpr std::uint32_t reserved_bits = 3U << 26;
constexpr unsigned type_shift = 28;

constexpr std::size_t value_crc_at = 4;
constexpr std::size_t value_bytes_at = 8;
constexpr std::size_t layout_at = 12;
constexpr std::size_t sequence_at = 16;
constexpr std::size_t durable_to_at = 20;
constexpr std::size_t expires_at_at = 24;

bool type_is_known(std::uint32_t type) noexcept {
  return type >= static_cast<std::uint32_t>(record_type::put)
         && type <= static_cast<std::uint32_t>(record_type::seal);
}

/// Whether the lengths are what this type of record may have.
bool shape_fits(const record_head& head) noexcept {
  switch (head.type) {
    case record_type::put:
      return true;
    case record_type::tombstone:
      return head.value_bytes == 0 && head.expires_at == 0;
    case record_type::batch:
      return head.key_bytes == 0 && head.expires_at == 0;
    case record_type::flush:
    case record_type::mark:
    case record_type::seal:
      return head.key_bytes == 0 && head.value_bytes == 0
             && head.expires_at == 0;
  }
  return false;
}

/// Turns the relative numbers of a log segment into absolute ones. False:
/// they cannot have been written here.
bool read_numbers(const std::byte* bytes, const record_context& context,
                  std::uint64_t offset_bytes, record_head& head) noexcept {
  if (context.kind == segment_kind::relocation) {
    head.sequence = load_le<std::uint64_t>(bytes + sequence_at);
    head.durable_to = 0;
    return true;
  }
  const auto behind = load_le<std::uint32_t>(bytes + durable_to_at);
  if (behind > offset_bytes)
    return false;
  head.sequence
    = context.base_sequence + load_le<std::uint32_t>(bytes + sequence_at);
  head.durable_to = offset_bytes - behind;
  return true;
}

/// Reads everything but the key and the expiry; checks no checksum.
std::optional<record_head>
read_fixed_part(const std::byte* at, const record_context& context,
                std::uint64_t offset_bytes) noexcept {
  const auto layout = load_le<std::uint32_t>(at + layout_at);
  const std::uint32_t type = layout >> type_shift;
  if (!type_is_known(type) || (layout & reserved_bits) != 0)
    return std::nullopt;
  record_head head;
  head.type = static_cast<record_type>(type);
  head.key_bytes = layout & key_length_mask;
  head.value_bytes = load_le<std::uint32_t>(at + value_bytes_at);
  head.value_crc = load_le<std::uint32_t>(at + value_crc_at);
  // Only tells that there is one, until the real one is read.
  head.expires_at = (layout & expiry_bit) != 0 ? 1 : 0;
  if (head.key_bytes > key_bytes_format_max || !shape_fits(head)
      || !read_numbers(at, context, offset_bytes, head))
    return std::nullopt;
  if (record_bytes(head.key_bytes, head.value_bytes, head.expires_at != 0)
      > record_bytes_max)
    return std::nullopt;
  return head;
}

} // namespace

std::uint32_t place_checksum(const segment_identity& identity,
                             std::uint64_t offset_bytes) noexcept {
  std::array<std::byte, sizeof(segment_identity) + 8> place;
  std::memcpy(place.data(), identity.data(), identity.size());
  store_le(place.data() + identity.size(), offset_bytes);
  return extend_crc32c(0, place);
}

std::uint32_t value_checksum(std::span<const std::byte> value) noexcept {
  return extend_crc32c(0, value);
}

std::uint32_t extend_value_checksum(std::uint32_t so_far,
                                    std::span<const std::byte> part) noexcept {
  return extend_crc32c(so_far, part);
}

std::uint32_t join_value_checksums(std::uint32_t first, std::uint32_t second,
                                   std::uint64_t second_bytes) noexcept {
  return shift_crc32c(first, second_bytes) ^ second;
}

std::size_t encode_head(std::span<std::byte> target,
                        const record_context& context,
                        std::uint64_t offset_bytes, const record_head& head,
                        std::string_view key) noexcept {
  const bool has_expiry = head.expires_at != 0;
  const std::size_t key_at = key_offset(has_expiry);
  assert(target.size() >= key_at + key.size());
  assert(key.size() <= key_bytes_format_max);
  std::byte* const bytes = target.data();
  store_le(bytes + value_crc_at, head.value_crc);
  store_le(bytes + value_bytes_at, head.value_bytes);
  store_le(bytes + layout_at, static_cast<std::uint32_t>(key.size())
                                | (has_expiry ? expiry_bit : 0)
                                | static_cast<std::uint32_t>(head.type)
                                    << type_shift);
  if (context.kind == segment_kind::relocation) {
    store_le(bytes + sequence_at, head.sequence);
  } else {
    assert(head.sequence >= context.base_sequence);
    assert(head.sequence - context.base_sequence
           <= std::numeric_limits<std::uint32_t>::max());
    assert(head.durable_to <= offset_bytes);
    assert(offset_bytes - head.durable_to
           <= std::numeric_limits<std::uint32_t>::max());
    store_le(bytes + sequence_at,
             static_cast<std::uint32_t>(head.sequence - context.base_sequence));
    store_le(bytes + durable_to_at,
             static_cast<std::uint32_t>(offset_bytes - head.durable_to));
  }
  if (has_expiry)
    store_le(bytes + expires_at_at, head.expires_at);
  if (!key.empty())
    std::memcpy(bytes + key_at, key.data(), key.size());
  const std::size_t end = key_at + key.size();
  store_le(bytes,
           extend_crc32c(place_checksum(context.identity, offset_bytes),
                         {bytes + head_crc_bytes, end - head_crc_bytes}));
  return end;
}

bool head_is_plausible(std::span<const std::byte> bytes,
                       const record_context& context,
                       std::uint64_t offset_bytes) noexcept {
  assert(bytes.size() >= record_head_bytes);
  return read_fixed_part(bytes.data(), context, offset_bytes).has_value();
}

std::optional<decoded_head> decode_head(std::span<const std::byte> bytes,
                                        const record_context& context,
                                        std::uint64_t offset_bytes) noexcept {
  if (bytes.size() < record_head_bytes)
    return std::nullopt;
  const std::byte* const at = bytes.data();
  // These checks only save work; it is the checksum that decides.
  const auto fixed = read_fixed_part(at, context, offset_bytes);
  if (!fixed)
    return std::nullopt;
  decoded_head found{*fixed, {}};
  const bool has_expiry = fixed->expires_at != 0;
  const std::size_t key_at = key_offset(has_expiry);
  const std::size_t end = key_at + fixed->key_bytes;
  if (bytes.size() < end)
    return std::nullopt;
  if (load_le<std::uint32_t>(at)
        != extend_crc32c(place_checksum(context.identity, offset_bytes),
                         {at + head_crc_bytes, end - head_crc_bytes})
      && !is_planted(planted_bug::trust_length))
    return std::nullopt;
  if (has_expiry) {
    found.head.expires_at = load_le<std::uint64_t>(at + expires_at_at);
    if (found.head.expires_at == 0)
      return std::nullopt;
  }
  found.key = {reinterpret_cast<const char*>(at + key_at), fixed->key_bytes};
  return found;
}

std::uint64_t claimed_head_bytes(std::span<const std::byte> bytes) noexcept {
  assert(bytes.size() >= record_head_bytes);
  const auto layout = load_le<std::uint32_t>(bytes.data() + layout_at);
  const std::uint64_t key_bytes
    = std::min<std::uint64_t>(layout & key_length_mask, key_bytes_format_max);
  return key_offset((layout & expiry_bit) != 0) + key_bytes;
}

} // namespace kvs::storage
