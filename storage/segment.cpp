#include "storage/segment.hpp"

#include "storage/crc32c.hpp"
#include "storage/little_endian.hpp"
#include "storage/planted_bugs.hpp"

#include <array>
#include <cassert>
#include <cstdio>
#include <cstring>
#include <utility>

namespace kvs::storage {
namespace {

constexpr std::array<char, 8> magic = {'K', 'V', 'S', 'S', 'E', 'G', '1', '\n'};
constexpr std::uint32_t format_version = 1;

// Offsets of the header's fields; docs/log_format.md has the table.
constexpr std::size_t version_at = 8;
constexpr std::size_t kind_at = 12;
constexpr std::size_t id_at = 16;
constexpr std::size_t store_id_at = 24;
constexpr std::size_t identity_at = 32;
constexpr std::size_t base_sequence_at = 48;
constexpr std::size_t crc_at = 60;

using header_bytes = std::array<std::byte, segment_header_bytes>;

std::string numbered(segment_id id, const char* suffix) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%06u%s", static_cast<unsigned>(id),
                suffix);
  return text.data();
}

header_bytes encode_header(const segment_header& header) {
  header_bytes bytes{};
  std::byte* const at = bytes.data();
  std::memcpy(at, magic.data(), magic.size());
  store_le(at + version_at, format_version);
  store_le(at + kind_at, static_cast<std::uint32_t>(header.context.kind));
  store_le(at + id_at, static_cast<std::uint32_t>(header.id));
  store_le(at + store_id_at, header.store_id);
  std::memcpy(at + identity_at, header.context.identity.data(),
              header.context.identity.size());
  store_le(at + base_sequence_at, header.context.base_sequence);
  store_le(at + crc_at, extend_crc32c(0, {at, crc_at}));
  return bytes;
}

error broken(errc code, const std::string& path, const char* what) {
  return {code, 0, path + " offset 0: " + what};
}

result<segment_header> decode_header(const header_bytes& bytes,
                                     const std::string& path) {
  const std::byte* const at = bytes.data();
  if (std::memcmp(at, magic.data(), magic.size()) != 0)
    return broken(errc::corrupt, path, "not a segment file");
  // The version comes before the checksum: another format may place or
  // compute its checksum differently.
  if (load_le<std::uint32_t>(at + version_at) != format_version)
    return broken(errc::unknown_format, path,
                  "written by another version of kvs");
  const auto kind = load_le<std::uint32_t>(at + kind_at);
  if (load_le<std::uint32_t>(at + crc_at) != extend_crc32c(0, {at, crc_at})
      || (kind != static_cast<std::uint32_t>(segment_kind::log)
          && kind != static_cast<std::uint32_t>(segment_kind::relocation)))
    return broken(errc::corrupt, path, "the header is damaged");
  segment_header header;
  header.id = static_cast<segment_id>(load_le<std::uint32_t>(at + id_at));
  header.context.kind = static_cast<segment_kind>(kind);
  header.store_id = load_le<std::uint64_t>(at + store_id_at);
  std::memcpy(header.context.identity.data(), at + identity_at,
              header.context.identity.size());
  header.context.base_sequence = load_le<std::uint64_t>(at + base_sequence_at);
  return header;
}

result<ok> fill_new_file(file& target, const segment_header& header,
                         std::uint64_t allocate_bytes) {
  const header_bytes bytes = encode_header(header);
  const std::span<const std::byte> part = bytes;
  if (auto written = target.write_at(0, {&part, 1}); !written)
    return written;
  // Reserved before the sync, so that the size of the file, which later
  // fdatasync calls rely on, is already on disk.
  if (allocate_bytes != 0)
    if (auto reserved = target.allocate(allocate_bytes); !reserved)
      return reserved;
  return target.sync();
}

error mismatch(const segment& from, std::uint64_t offset_bytes,
               const char* what) {
  return {errc::corrupt, 0,
          from.bytes().path() + " offset " + std::to_string(offset_bytes) + ": "
            + what};
}

} // namespace

std::string segment_file_name(segment_id id, segment_kind kind) {
  return numbered(id, kind == segment_kind::log ? ".log" : ".reloc");
}

std::string hint_file_name(segment_id id) {
  return numbered(id, ".hint");
}

segment::segment(segment_header header, std::shared_ptr<file> file)
  : header_{header}, file_{std::move(file)} {
}

result<segment_ptr> open_segment(file_system& files, const std::string& path,
                                 open_mode mode) {
  assert(mode != open_mode::create);
  auto opened = files.open(path, mode);
  if (!opened)
    return opened.error();
  header_bytes bytes{};
  auto read = (*opened)->read_at(0, bytes);
  if (!read)
    return read.error();
  if (*read != bytes.size())
    return broken(errc::corrupt, path, "the file ends inside its header");
  auto header = decode_header(bytes, path);
  if (!header)
    return header.error();
  return segment_ptr{std::make_shared<segment>(*header, *std::move(opened))};
}

result<segment_ptr> create_segment(file_system& files,
                                   const std::string& directory,
                                   const segment_header& header,
                                   std::uint64_t allocate_bytes) {
  const std::string path
    = directory + "/" + segment_file_name(header.id, header.context.kind);
  auto created = files.open(path, open_mode::create);
  if (!created)
    return created.error();
  if (auto filled = fill_new_file(**created, header, allocate_bytes); !filled) {
    // If this fails too, the leftover has no records and recovery deletes it.
    (void)files.unlink(path);
    return filled.error();
  }
  return segment_ptr{std::make_shared<segment>(header, *std::move(created))};
}

result<value_place> verify_head(const segment& from, std::uint64_t offset_bytes,
                                std::uint64_t size_bytes,
                                std::span<const std::byte> front,
                                std::string_view key) {
  const auto found = decode_head(front, from.context(), offset_bytes);
  if (!found)
    return head_damaged(from, offset_bytes);
  if (found->size_bytes() != size_bytes)
    return mismatch(from, offset_bytes, "the record has another size");
  if (found->key != key)
    return mismatch(from, offset_bytes, "the record is of another key");
  return value_place{found->value_offset(), found->head.value_bytes,
                     found->head.value_crc};
}

error head_damaged(const segment& from, std::uint64_t offset_bytes) {
  return mismatch(from, offset_bytes, "the record's head is damaged");
}

error value_damaged(const segment& from, std::uint64_t offset_bytes) {
  return mismatch(from, offset_bytes, "the record's value is damaged");
}

result<std::span<const std::byte>>
verify_record(const segment& from, std::uint64_t offset_bytes,
              std::span<const std::byte> record, std::string_view key) {
  const auto place
    = verify_head(from, offset_bytes, record.size(), record, key);
  if (!place)
    return place.error();
  const auto value = record.subspan(place->offset_bytes, place->size_bytes);
  if (value_checksum(value) != place->crc
      && !is_planted(planted_bug::trust_value))
    return value_damaged(from, offset_bytes);
  return value;
}

} // namespace kvs::storage
