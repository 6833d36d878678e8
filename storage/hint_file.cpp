#include "storage/hint_file.hpp"

#include "storage/crc32c.hpp"
#include "storage/little_endian.hpp"
#include "storage/manifest.hpp"

#include <array>
#include <cstring>

namespace kvs::storage {
namespace {

constexpr std::array<char, 8> magic = {'K', 'V', 'S', 'H', 'N', 'T', '1', '\n'};

// The head of the file; docs/log_format.md has the table.
constexpr std::size_t head_bytes = 64;
constexpr std::size_t id_at = 8;
constexpr std::size_t crc_at = 12;
constexpr std::size_t identity_at = 16;
constexpr std::size_t end_bytes_at = 32;
constexpr std::size_t count_at = 40;
constexpr std::size_t body_bytes_at = 48;

/// An entry before its key.
constexpr std::size_t fixed_bytes = 32;
constexpr unsigned type_shift = 28;
constexpr std::uint32_t key_length_mask = (1U << 25) - 1;

using file_head = std::array<std::byte, head_bytes>;

file_head encode_file_head(const segment_entry& entry, std::uint64_t count,
                           std::span<const std::byte> body) {
  file_head bytes{};
  std::byte* const at = bytes.data();
  std::memcpy(at, magic.data(), magic.size());
  store_le(at + id_at, static_cast<std::uint32_t>(entry.id));
  std::memcpy(at + identity_at, entry.identity.data(), entry.identity.size());
  store_le(at + end_bytes_at, entry.end_bytes);
  store_le(at + count_at, count);
  store_le(at + body_bytes_at, std::uint64_t{body.size()});
  // The field itself is still zero here.
  store_le(at + crc_at, extend_crc32c(extend_crc32c(0, bytes), body));
  return bytes;
}

/// Reads the file if its size is what its head says.
std::vector<std::byte> read_whole(file_system& files, const std::string& path) {
  std::vector<std::byte> bytes;
  auto opened = files.open(path, open_mode::read_only);
  if (!opened)
    return bytes;
  const auto size = (*opened)->size_bytes();
  file_head head{};
  const auto head_read = (*opened)->read_at(0, head);
  if (!size || !head_read || *head_read != head.size()
      || load_le<std::uint64_t>(head.data() + body_bytes_at)
           != *size - head.size())
    return bytes;
  bytes.resize(static_cast<std::size_t>(*size));
  const auto read = (*opened)->read_at(0, bytes);
  if (!read || *read != bytes.size())
    bytes.clear();
  return bytes;
}

/// Whether the file belongs to exactly this state of this segment.
bool fits(std::span<const std::byte> bytes, const segment_entry& entry) {
  const std::uint64_t count = load_le<std::uint64_t>(bytes.data() + count_at);
  const file_head expected
    = encode_file_head(entry, count, bytes.subspan(head_bytes));
  return std::memcmp(bytes.data(), expected.data(), head_bytes) == 0;
}

/// Takes one entry off `rest`. nullopt: it contradicts the segment.
std::optional<scanned_record> take_entry(std::span<const std::byte>& rest,
                                         const segment_entry& entry) {
  if (rest.size() < fixed_bytes)
    return std::nullopt;
  const std::byte* const at = rest.data();
  scanned_record record;
  record.head.sequence = load_le<std::uint64_t>(at);
  record.head.expires_at = load_le<std::uint64_t>(at + 8);
  record.location.segment = entry.id;
  record.location.offset_bytes
    = std::uint64_t{load_le<std::uint32_t>(at + 16)} * record_alignment;
  const auto layout = load_le<std::uint32_t>(at + 20);
  record.head.type = static_cast<record_type>(layout >> type_shift);
  record.head.key_bytes = layout & key_length_mask;
  record.head.value_bytes = load_le<std::uint32_t>(at + 24);
  record.head.value_crc = load_le<std::uint32_t>(at + 28);
  const std::uint64_t size
    = record_bytes(record.head.key_bytes, record.head.value_bytes,
                   record.head.expires_at != 0);
  if (rest.size() - fixed_bytes < record.head.key_bytes
      || record.location.offset_bytes < segment_header_bytes
      || record.location.offset_bytes + size > entry.end_bytes)
    return std::nullopt;
  record.location.size_bytes = static_cast<std::uint32_t>(size);
  record.key
    = {reinterpret_cast<const char*>(at + fixed_bytes), record.head.key_bytes};
  rest = rest.subspan(fixed_bytes + record.head.key_bytes);
  return record;
}

bool is_hinted(record_type type) noexcept {
  return type == record_type::put || type == record_type::tombstone
         || type == record_type::flush;
}

/// Whether the entries add up to what the MANIFEST says of the segment.
bool adds_up(std::span<const std::byte> body, std::uint64_t count,
             const segment_entry& entry) {
  segment_entry sum;
  for (; !body.empty(); --count) {
    const auto record = take_entry(body, entry);
    if (!record || count == 0 || !is_hinted(record->head.type))
      return false;
    count_record(sum, record->head, record->location.size_bytes);
  }
  return count == 0 && sum.record_count == entry.record_count
         && sum.tombstone_count == entry.tombstone_count
         && sum.tombstone_bytes == entry.tombstone_bytes
         && sum.min_sequence == entry.min_sequence
         && sum.max_sequence == entry.max_sequence;
}

} // namespace

void hint_builder::add(const scanned_record& record) {
  if (!is_hinted(record.head.type))
    return;
  const std::size_t begin = bytes_.size();
  bytes_.resize(begin + fixed_bytes + record.key.size());
  std::byte* const at = bytes_.data() + begin;
  store_le(at, record.head.sequence);
  store_le(at + 8, record.head.expires_at);
  store_le(at + 16, static_cast<std::uint32_t>(record.location.offset_bytes
                                               / record_alignment));
  store_le(at + 20, static_cast<std::uint32_t>(record.key.size())
                      | static_cast<std::uint32_t>(record.head.type)
                          << type_shift);
  store_le(at + 24, record.head.value_bytes);
  store_le(at + 28, record.head.value_crc);
  if (!record.key.empty())
    std::memcpy(at + fixed_bytes, record.key.data(), record.key.size());
  ++count_;
}

result<ok> hint_builder::write(file_system& files, const std::string& directory,
                               const segment_entry& entry) const {
  const std::string path = directory + "/" + hint_file_name(entry.id);
  const std::string temporary = path + ".tmp";
  if (auto gone = files.unlink(temporary);
      !gone && gone.error().code != errc::not_found)
    return gone;
  auto created = files.open(temporary, open_mode::create);
  if (!created)
    return created.error();
  const file_head head = encode_file_head(entry, count_, bytes_);
  const std::array<std::span<const std::byte>, 2> parts{head, bytes_};
  auto written = (*created)->write_at(0, parts);
  if (written)
    written = files.rename(temporary, path);
  if (!written)
    (void)files.unlink(temporary);
  return written;
}

bool read_hint_file(file_system& files, const std::string& directory,
                    const segment_entry& entry,
                    const std::function<void(const scanned_record&)>& visit) {
  const std::vector<std::byte> bytes
    = read_whole(files, directory + "/" + hint_file_name(entry.id));
  if (bytes.size() < head_bytes || !fits(bytes, entry))
    return false;
  std::span<const std::byte> body{bytes};
  body = body.subspan(head_bytes);
  if (!adds_up(body, load_le<std::uint64_t>(bytes.data() + count_at), entry))
    return false;
  while (!body.empty())
    if (const auto record = take_entry(body, entry))
      visit(*record);
  return true;
}

} // namespace kvs::storage
