#include "storage/file_copy.hpp"

#include "storage/crc32c.hpp"

#include <algorithm>
#include <memory>

namespace kvs::storage {
namespace {

constexpr std::uint64_t piece_bytes = std::uint64_t{512} * 1024;

/// Hands the first `end_bytes` to `take`, piece by piece.
template <class Take>
result<ok> read_pieces(const file& from, std::uint64_t end_bytes, Take take) {
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(
    static_cast<std::size_t>(std::min(piece_bytes, end_bytes)));
  for (std::uint64_t at = 0; at < end_bytes;) {
    const std::span<std::byte> piece{
      buffer.get(),
      static_cast<std::size_t>(std::min(piece_bytes, end_bytes - at))};
    auto read = from.read_at(at, piece);
    if (!read)
      return read.error();
    if (*read != piece.size())
      return error{errc::corrupt, 0,
                   from.path() + " offset " + std::to_string(at + *read)
                     + ": the file ends too early"};
    if (auto taken = take(at, std::span<const std::byte>{piece}); !taken)
      return taken;
    at += piece.size();
  }
  return ok{};
}

} // namespace

result<std::uint32_t> checksum_of_file(const file& from,
                                       std::uint64_t end_bytes) {
  std::uint32_t checksum = 0;
  auto read = read_pieces(from, end_bytes,
                          [&](std::uint64_t, std::span<const std::byte> piece) {
                            checksum = extend_crc32c(checksum, piece);
                            return result<ok>{ok{}};
                          });
  if (!read)
    return read.error();
  return checksum;
}

result<ok> copy_file(file_system& files, const std::string& from,
                     const std::string& to, std::uint64_t end_bytes) {
  auto source = files.open(from, open_mode::read_only);
  if (!source)
    return source.error();
  auto target = files.open(to, open_mode::create);
  if (!target)
    return target.error();
  auto copied
    = read_pieces(**source, end_bytes,
                  [&](std::uint64_t at, std::span<const std::byte> piece) {
                    return (*target)->write_at(at, {&piece, 1});
                  });
  if (copied)
    copied = (*target)->sync();
  if (!copied)
    (void)files.unlink(to);
  return copied;
}

} // namespace kvs::storage
