#include "storage/manifest.hpp"

#include "storage/crc32c.hpp"
#include "storage/little_endian.hpp"
#include "storage/planted_bugs.hpp"
#include "storage/whole_file.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_set>
#include <utility>

namespace kvs::storage {
namespace {

constexpr std::array<char, 8> magic = {'K', 'V', 'S', 'M', 'A', 'N', '1', '\n'};
constexpr std::uint32_t format_version = 1;

constexpr std::size_t head_bytes = 64;
constexpr std::size_t entry_bytes = 96;
constexpr std::size_t crc_bytes = 4;

constexpr const char* file_name = "/MANIFEST";
constexpr const char* temporary_name = "/MANIFEST.tmp";

void encode_entry(std::byte* at, const segment_entry& entry) {
  store_le(at, static_cast<std::uint32_t>(entry.id));
  store_le(at + 4, static_cast<std::uint8_t>(entry.kind));
  store_le(at + 5, static_cast<std::uint8_t>(entry.sealed ? 1 : 0));
  std::memcpy(at + 8, entry.identity.data(), entry.identity.size());
  store_le(at + 24, entry.base_sequence);
  store_le(at + 32, entry.end_bytes);
  store_le(at + 40, entry.record_count);
  store_le(at + 48, entry.tombstone_count);
  store_le(at + 56, entry.tombstone_bytes);
  store_le(at + 64, entry.min_sequence);
  store_le(at + 72, entry.max_sequence);
  store_le(at + 80, entry.max_shadow_sequence);
  store_le(at + 88, entry.purged_at);
}

segment_entry decode_entry(const std::byte* at) {
  segment_entry entry;
  entry.id = static_cast<segment_id>(load_le<std::uint32_t>(at));
  entry.kind = static_cast<segment_kind>(load_le<std::uint8_t>(at + 4));
  entry.sealed = load_le<std::uint8_t>(at + 5) != 0;
  std::memcpy(entry.identity.data(), at + 8, entry.identity.size());
  entry.base_sequence = load_le<std::uint64_t>(at + 24);
  entry.end_bytes = load_le<std::uint64_t>(at + 32);
  entry.record_count = load_le<std::uint64_t>(at + 40);
  entry.tombstone_count = load_le<std::uint64_t>(at + 48);
  entry.tombstone_bytes = load_le<std::uint64_t>(at + 56);
  entry.min_sequence = load_le<std::uint64_t>(at + 64);
  entry.max_sequence = load_le<std::uint64_t>(at + 72);
  entry.max_shadow_sequence = load_le<std::uint64_t>(at + 80);
  entry.purged_at = load_le<std::uint64_t>(at + 88);
  return entry;
}

error damaged(const char* what) {
  return {errc::corrupt, 0, std::string{"MANIFEST offset 0: "} + what};
}

/// Whether the entries can be those of one store.
bool entries_fit(const manifest& m) {
  std::unordered_set<std::uint32_t> seen;
  return std::all_of(
    m.segments.begin(), m.segments.end(), [&](const segment_entry& entry) {
      return (entry.kind == segment_kind::log
              || entry.kind == segment_kind::relocation)
             && entry.id < m.next_segment
             && seen.insert(static_cast<std::uint32_t>(entry.id)).second;
    });
}

} // namespace

void count_record(segment_entry& entry, const record_head& head,
                  std::uint64_t size_bytes) noexcept {
  if (head.type == record_type::mark || head.type == record_type::seal
      || head.type == record_type::batch)
    return;
  if (entry.min_sequence == 0 || head.sequence < entry.min_sequence)
    entry.min_sequence = head.sequence;
  entry.max_sequence = std::max(entry.max_sequence, head.sequence);
  if (head.type == record_type::flush)
    return;
  ++entry.record_count;
  if (head.type == record_type::tombstone) {
    ++entry.tombstone_count;
    entry.tombstone_bytes += size_bytes;
  }
  if (head.type == record_type::tombstone || head.expires_at != 0)
    entry.max_shadow_sequence
      = std::max(entry.max_shadow_sequence, head.sequence);
}

std::vector<std::byte> encode_manifest(const manifest& m) {
  const std::size_t body = head_bytes + entry_bytes * m.segments.size();
  std::vector<std::byte> bytes(body + crc_bytes);
  std::byte* const at = bytes.data();
  std::memcpy(at, magic.data(), magic.size());
  store_le(at + 8, format_version);
  store_le(at + 12, static_cast<std::uint32_t>(m.segments.size()));
  store_le(at + 16, m.store_id);
  store_le(at + 24, m.generation);
  store_le(at + 32, m.hash_seed);
  store_le(at + 40, m.epoch);
  store_le(at + 44, static_cast<std::uint32_t>(m.next_segment));
  store_le(at + 48, m.persisted_time);
  store_le(at + 56, m.flushed_below);
  std::byte* entry_at = at + head_bytes;
  for (const segment_entry& entry : m.segments) {
    encode_entry(entry_at, entry);
    entry_at += entry_bytes;
  }
  store_le(entry_at, extend_crc32c(0, {at, body}));
  return bytes;
}

result<manifest> decode_manifest(std::span<const std::byte> bytes) {
  const std::byte* const at = bytes.data();
  if (bytes.size() < head_bytes + crc_bytes
      || std::memcmp(at, magic.data(), magic.size()) != 0)
    return damaged("not a MANIFEST");
  if (load_le<std::uint32_t>(at + 8) != format_version)
    return error{errc::unknown_format, 0,
                 "MANIFEST was written by another version of kvs"};
  const std::uint64_t count = load_le<std::uint32_t>(at + 12);
  const std::uint64_t body = head_bytes + entry_bytes * count;
  if (bytes.size() != body + crc_bytes)
    return damaged("the size is not what it says");
  if (load_le<std::uint32_t>(at + body)
      != extend_crc32c(0, {at, static_cast<std::size_t>(body)}))
    return damaged("the checksum is wrong");
  manifest m;
  m.store_id = load_le<std::uint64_t>(at + 16);
  m.generation = load_le<std::uint64_t>(at + 24);
  m.hash_seed = load_le<std::uint64_t>(at + 32);
  m.epoch = load_le<std::uint32_t>(at + 40);
  m.next_segment = static_cast<segment_id>(load_le<std::uint32_t>(at + 44));
  m.persisted_time = load_le<std::uint64_t>(at + 48);
  m.flushed_below = load_le<std::uint64_t>(at + 56);
  m.segments.reserve(static_cast<std::size_t>(count));
  for (std::uint64_t i = 0; i < count; ++i)
    m.segments.push_back(decode_entry(at + head_bytes + i * entry_bytes));
  if (!entries_fit(m))
    return damaged("its entries contradict each other");
  return m;
}

result<std::optional<manifest>> read_manifest(file_system& files,
                                              const std::string& directory) {
  auto opened = files.open(directory + file_name, open_mode::read_only);
  if (!opened) {
    if (opened.error().code == errc::not_found)
      return std::optional<manifest>{};
    return opened.error();
  }
  auto bytes = read_whole(**opened);
  if (!bytes)
    return bytes.error();
  auto decoded = decode_manifest(*bytes);
  if (!decoded) {
    error err = decoded.error();
    err.context = directory + "/" + err.context;
    return err;
  }
  return std::optional<manifest>{*std::move(decoded)};
}

result<ok> stage_manifest(file_system& files, const std::string& directory,
                          const manifest& m) {
  return stage_file(files, directory + temporary_name, encode_manifest(m),
                    is_planted(planted_bug::skip_manifest_sync)
                      ? durability::unsynced
                      : durability::synced);
}

result<ok> install_staged_manifest(file_system& files,
                                   const std::string& directory) {
  const std::string temporary = directory + temporary_name;
  if (auto renamed = files.rename(temporary, directory + file_name); !renamed)
    return renamed;
  if (is_planted(planted_bug::skip_directory_sync))
    return ok{};
  return files.sync_directory(directory);
}

result<ok> write_manifest(file_system& files, const std::string& directory,
                          const manifest& m) {
  if (auto staged = stage_manifest(files, directory, m); !staged)
    return staged;
  return install_staged_manifest(files, directory);
}

} // namespace kvs::storage
