// Reading the data files of Bitcask.

#include "apps/client/bitcask_file.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace kvs::apps {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t checksum_bytes = 4;
constexpr std::size_t header_bytes = 14;
constexpr std::string_view data_suffix = ".bitcask.data";

// Followed by nothing, by "1" or "2" and the number of a file in the three
// versions there are.
constexpr std::string_view tombstone_prefix = "bitcask_tombstone";

// The CRC-32 of zlib, reflected.
constexpr auto crc_table = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit)
      crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB88320 : 0);
    table[i] = crc;
  }
  return table;
}();

std::uint32_t crc32(std::uint32_t crc, std::string_view bytes) {
  crc = ~crc;
  for (const char each : bytes)
    crc = crc >> 8 ^ crc_table[(crc ^ static_cast<unsigned char>(each)) & 0xFF];
  return ~crc;
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char each : bytes)
    value = value << 8 | static_cast<unsigned char>(each);
  return value;
}

std::optional<std::uint64_t> data_file_number(const std::string& name) {
  if (!name.ends_with(data_suffix))
    return std::nullopt;
  const char* end = name.data() + name.size() - data_suffix.size();
  std::uint64_t number = 0;
  const auto [stop, error] = std::from_chars(name.data(), end, number);
  if (error != std::errc{} || stop != end)
    return std::nullopt;
  return number;
}

} // namespace

bool bitcask_record::is_tombstone() const {
  return value.starts_with(tombstone_prefix);
}

bool bitcask_reader::read(std::uint64_t count, std::uint64_t kept_bytes,
                          std::string& kept) {
  std::array<char, 64 * 1024> chunk;
  kept.clear();
  while (count > 0) {
    const auto wanted = std::min<std::uint64_t>(count, chunk.size());
    in_.read(chunk.data(), static_cast<std::streamsize>(wanted));
    const auto got = static_cast<std::size_t>(in_.gcount());
    const std::string_view piece{chunk.data(), got};
    checksum_ = crc32(checksum_, piece);
    kept.append(piece.substr(0, kept_bytes - kept.size()));
    position_ += got;
    if (got != wanted)
      return false;
    count -= got;
  }
  return true;
}

bitcask_reader::status bitcask_reader::next(bitcask_record& record) {
  offset_ = position_;
  record.offset = position_;
  if (position_ == file_bytes_)
    return status::end;
  std::string head;
  if (!read(checksum_bytes, checksum_bytes, head))
    return status::torn;
  const std::uint64_t expected = big_endian(head);
  checksum_ = 0;
  if (!read(header_bytes - checksum_bytes, header_bytes, head))
    return status::torn;
  const std::uint64_t key_bytes = big_endian(head.substr(4, 2));
  record.value_bytes = big_endian(head.substr(6, 4));
  if (key_bytes + record.value_bytes > file_bytes_ - position_
      || !read(key_bytes, key_bytes, record.key)
      || !read(record.value_bytes, value_bytes_kept_, record.value))
    return status::torn;
  if (checksum_ == expected) {
    after_damage_ = false;
    return status::record;
  }
  // The sizes of a damaged record are damaged themselves, or the one behind
  // it would be whole.
  if (after_damage_)
    return status::torn;
  after_damage_ = true;
  return status::damaged;
}

bitcask_directory list_bitcask_files(const std::string& directory) {
  bitcask_directory found;
  std::error_code error;
  fs::directory_iterator entries{directory, error};
  for (; !error && entries != fs::directory_iterator{};
       entries.increment(error)) {
    const fs::path& path = entries->path();
    const auto number = data_file_number(path.filename().string());
    if (!number)
      continue;
    const auto mode = entries->status(error).permissions();
    if (error)
      break;
    if ((mode & fs::perms::others_exec) != fs::perms::none)
      found.dead_files.push_back(path);
    else
      found.files.push_back({path, *number, entries->file_size(error)});
  }
  if (error)
    found.error = error.message();
  std::sort(found.files.begin(), found.files.end(),
            [](const auto& one, const auto& other) {
              return one.number < other.number;
            });
  return found;
}

} // namespace kvs::apps
