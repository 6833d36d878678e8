#include "storage/tail_checksums.hpp"

#include "storage/crc32c.hpp"
#include "storage/little_endian.hpp"
#include "storage/segment_window.hpp"

#include <algorithm>
#include <array>
#include <cassert>

namespace kvs::storage {
namespace {

/// Small enough that reading one for every question does not matter, large
/// enough that the table of a tail of half a gigabyte has half a megabyte.
constexpr std::uint64_t piece_bytes = 4096;

error shrunk(const segment& from, std::uint64_t offset_bytes) {
  return {errc::io_failed, 0,
          "pread " + from.bytes().path() + " offset "
            + std::to_string(offset_bytes) + ": the file has shrunk"};
}

} // namespace

tail_checksums::tail_checksums(const segment& from, std::uint64_t begin_bytes,
                               std::uint64_t end_bytes)
  : from_{from}, begin_{begin_bytes}, end_{end_bytes} {
}

result<ok> tail_checksums::fill() {
  prefixes_.push_back(0);
  segment_window window{segment_ptr{segment_ptr{}, &from_}, end_};
  for (std::uint64_t at = begin_; at + piece_bytes <= end_; at += piece_bytes) {
    auto seen = window.view(at, piece_bytes);
    if (!seen)
      return seen.error();
    if (seen->size() < piece_bytes)
      return shrunk(from_, at);
    prefixes_.push_back(
      extend_crc32c(prefixes_.back(), seen->first(piece_bytes)));
  }
  return ok{};
}

/// Checksum of everything from the beginning to `end_bytes`.
result<std::uint32_t> tail_checksums::prefix(std::uint64_t end_bytes) const {
  const std::uint64_t pieces = (end_bytes - begin_) / piece_bytes;
  const std::uint64_t at = begin_ + pieces * piece_bytes;
  std::array<std::byte, piece_bytes> bytes;
  const std::span<std::byte> rest{bytes.data(),
                                  static_cast<std::size_t>(end_bytes - at)};
  auto read = from_.bytes().read_at(at, rest);
  if (!read)
    return read.error();
  if (*read < rest.size())
    return shrunk(from_, at);
  return extend_crc32c(prefixes_[static_cast<std::size_t>(pieces)], rest);
}

result<bool> tail_checksums::head_fits(std::uint64_t offset_bytes,
                                       std::uint64_t head_bytes) {
  assert(offset_bytes >= begin_ && offset_bytes + head_bytes <= end_);
  if (prefixes_.empty())
    if (auto filled = fill(); !filled)
      return filled.error();
  std::array<std::byte, head_crc_bytes> stored{};
  auto read = from_.bytes().read_at(offset_bytes, stored);
  if (!read)
    return read.error();
  auto before = prefix(offset_bytes + head_crc_bytes);
  if (!before)
    return before.error();
  auto behind = prefix(offset_bytes + head_bytes);
  if (!behind)
    return behind.error();
  const std::uint32_t place
    = place_checksum(from_.context().identity, offset_bytes);
  return load_le<std::uint32_t>(stored.data())
         == (shift_crc32c(place ^ *before, head_bytes - head_crc_bytes)
             ^ *behind);
}

} // namespace kvs::storage
