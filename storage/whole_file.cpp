#include "storage/whole_file.hpp"

#include <cstdint>

namespace kvs::storage {
namespace {

/// The MANIFEST of a store that has as many segments as it can has 6 MB.
constexpr std::uint64_t file_bytes_max = std::uint64_t{1} << 30;

result<ok> write_new(file_system& files, const std::string& path,
                     std::span<const std::byte> bytes, durability wanted) {
  auto created = files.open(path, open_mode::create);
  if (!created)
    return created.error();
  auto done = (*created)->write_at(0, {&bytes, 1});
  if (done && wanted == durability::synced)
    done = (*created)->sync();
  if (!done)
    (void)files.unlink(path);
  return done;
}

} // namespace

result<std::vector<std::byte>> read_whole(const file& from) {
  auto size = from.size_bytes();
  if (!size)
    return size.error();
  if (*size > file_bytes_max)
    return error{errc::corrupt, 0,
                 from.path() + " offset 0: the file is too large"};
  std::vector<std::byte> bytes(static_cast<std::size_t>(*size));
  auto read = from.read_at(0, bytes);
  if (!read)
    return read.error();
  bytes.resize(*read);
  return bytes;
}

result<ok> stage_file(file_system& files, const std::string& path,
                      std::span<const std::byte> bytes, durability wanted) {
  if (auto gone = files.unlink(path);
      !gone && gone.error().code != errc::not_found)
    return gone;
  return write_new(files, path, bytes, wanted);
}

} // namespace kvs::storage
