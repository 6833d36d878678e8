#include "storage/backup_listing.hpp"

#include "storage/crc32c.hpp"
#include "storage/little_endian.hpp"
#include "storage/store_files.hpp"
#include "storage/whole_file.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace kvs::storage {
namespace {

constexpr std::array<char, 8> magic = {'K', 'V', 'S', 'B', 'A', 'K', '1', '\n'};
constexpr std::uint32_t format_version = 1;

// Offsets of the head; docs/backup.md has the table.
constexpr std::size_t version_at = 8;
constexpr std::size_t count_at = 12;
constexpr std::size_t made_at_at = 16;
constexpr std::size_t sequence_at = 24;
constexpr std::size_t manifest_bytes_at = 32;
constexpr std::size_t head_bytes = 64;
constexpr std::size_t crc_bytes = 4;

constexpr const char* file_name = "/BACKUP";
constexpr const char* temporary_name = "/BACKUP.tmp";

error damaged(const char* what) {
  return {errc::corrupt, 0, std::string{"BACKUP offset 0: "} + what};
}

bool all_sealed(const manifest& state) {
  return std::all_of(state.segments.begin(), state.segments.end(),
                     [](const segment_entry& each) { return each.sealed; });
}

} // namespace

std::vector<std::byte> encode_backup(const backup_listing& listing) {
  const auto state = encode_manifest(listing.state);
  const std::size_t count = listing.checksums.size();
  std::vector<std::byte> bytes(head_bytes + state.size() + count * crc_bytes
                               + crc_bytes);
  std::byte* const at = bytes.data();
  std::memcpy(at, magic.data(), magic.size());
  store_le(at + version_at, format_version);
  store_le(at + count_at, static_cast<std::uint32_t>(count));
  store_le(at + made_at_at, listing.made_at);
  store_le(at + sequence_at, listing.version);
  store_le(at + manifest_bytes_at, std::uint64_t{state.size()});
  std::memcpy(at + head_bytes, state.data(), state.size());
  std::byte* crc_at = at + head_bytes + state.size();
  for (const std::uint32_t checksum : listing.checksums) {
    store_le(crc_at, checksum);
    crc_at += crc_bytes;
  }
  store_le(crc_at, extend_crc32c(0, {at, bytes.size() - crc_bytes}));
  return bytes;
}

result<backup_listing> decode_backup(std::span<const std::byte> bytes) {
  const std::byte* const at = bytes.data();
  if (bytes.size() < head_bytes + crc_bytes
      || std::memcmp(at, magic.data(), magic.size()) != 0)
    return damaged("not the listing of a backup");
  // The version comes before the checksum: another format may place or
  // compute its checksum differently.
  if (load_le<std::uint32_t>(at + version_at) != format_version)
    return error{errc::unknown_format, 0,
                 "BACKUP was written by another version of kvs"};
  const std::size_t body = bytes.size() - crc_bytes;
  if (load_le<std::uint32_t>(at + body) != extend_crc32c(0, {at, body}))
    return damaged("the checksum is wrong");
  const std::uint64_t count = load_le<std::uint32_t>(at + count_at);
  const auto manifest_bytes = load_le<std::uint64_t>(at + manifest_bytes_at);
  const std::uint64_t rest = body - head_bytes;
  if (count * crc_bytes > rest || manifest_bytes != rest - count * crc_bytes)
    return damaged("the size is not what it says");
  auto state = decode_manifest(
    bytes.subspan(head_bytes, static_cast<std::size_t>(manifest_bytes)));
  if (!state)
    return state.error();
  if (state->segments.size() != count || !all_sealed(*state))
    return damaged("its entries contradict each other");
  backup_listing listing;
  listing.made_at = load_le<std::uint64_t>(at + made_at_at);
  listing.version = load_le<std::uint64_t>(at + sequence_at);
  listing.state = *std::move(state);
  const std::byte* const crcs = at + head_bytes + manifest_bytes;
  for (std::uint64_t i = 0; i < count; ++i)
    listing.checksums.push_back(load_le<std::uint32_t>(crcs + i * crc_bytes));
  return listing;
}

result<backup_listing> read_backup(file_system& files,
                                   const std::string& directory) {
  auto opened = files.open(directory + file_name, open_mode::read_only);
  if (!opened) {
    if (opened.error().code == errc::not_found)
      return error{errc::not_found, 0,
                   directory
                     + ": it has no BACKUP, so it is no backup or one that was "
                       "not finished"};
    return opened.error();
  }
  auto bytes = read_whole(**opened);
  if (!bytes)
    return bytes.error();
  auto decoded = decode_backup(*bytes);
  if (!decoded) {
    error err = decoded.error();
    err.context = directory + "/" + err.context;
    return err;
  }
  return decoded;
}

result<ok> write_backup(file_system& files, const std::string& directory,
                        const backup_listing& listing) {
  const std::string temporary = directory + temporary_name;
  auto done = stage_file(files, temporary, encode_backup(listing));
  if (done)
    done = files.rename(temporary, directory + file_name);
  if (!done) {
    (void)files.unlink(temporary);
    return done;
  }
  return files.sync_directory(directory);
}

bool is_backup_remain(const std::string& name) {
  if (name == "BACKUP" || name == "BACKUP.tmp")
    return true;
  const auto known = recognise(name);
  return known
         && (known->kind == store_file_kind::log
             || known->kind == store_file_kind::relocation);
}

} // namespace kvs::storage
