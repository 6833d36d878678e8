#include "tests/support/memory_file.hpp"

#include "storage/limits.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace kvs::test_support {
namespace {

using storage::ok;
using storage::result;
using kind = pending_change::kind;
using guard = std::lock_guard<std::mutex>;

/// Bytes that a memory disk keeps at one place, as it keeps all.
class memory_mapping final : public storage::mapped_bytes {
public:
  /// @pre the caller holds the mutex of the disk
  memory_mapping(std::shared_ptr<memory_disk> disk, inode_number inode,
                 std::span<const std::byte> bytes, std::string path)
    : disk_{std::move(disk)}, inode_{inode}, bytes_{bytes}, path_{
                                                              std::move(path)} {
    ++disk_->mappings;
    disk_->add_user(inode_);
  }
  ~memory_mapping() override {
    const guard lock{disk_->mutex};
    --disk_->mappings;
    disk_->remove_user(inode_);
  }
  std::span<const std::byte> bytes() const noexcept override {
    return bytes_;
  }
  result<ok> lock(std::uint64_t) override {
    const guard lock{disk_->mutex};
    if (const int failure = disk_->begin(disk_call::map))
      return failed("mlock", path_, failure);
    return ok{};
  }

private:
  std::shared_ptr<memory_disk> disk_;
  inode_number inode_;
  std::span<const std::byte> bytes_;
  std::string path_;
};

class memory_file final : public storage::file {
public:
  /// @pre the caller holds the mutex of the disk
  memory_file(std::shared_ptr<memory_disk> disk, inode_number inode,
              std::string path)
    : disk_{std::move(disk)}, inode_{inode}, path_{std::move(path)} {
    disk_->add_user(inode_);
  }
  ~memory_file() override {
    const guard lock{disk_->mutex};
    disk_->remove_user(inode_);
  }

  result<std::size_t> read_at(std::uint64_t offset_bytes,
                              std::span<std::byte> target) const override {
    const guard lock{disk_->mutex};
    if (const int failure = disk_->begin(disk_call::read))
      return failed("pread", path_, failure);
    const content& bytes = disk_->cached[inode_];
    if (offset_bytes >= bytes.size())
      return std::size_t{0};
    const std::size_t count
      = std::min<std::size_t>(target.size(), bytes.size() - offset_bytes);
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset_bytes),
                count, target.begin());
    return count;
  }

  result<std::size_t>
  read_resident_at(std::uint64_t offset_bytes,
                   std::span<std::byte> target) const override {
    {
      const guard lock{disk_->mutex};
      if (!disk_->is_resident)
        return std::size_t{0};
    }
    return read_at(offset_bytes, target);
  }

  /// @pre nobody writes far behind `size_bytes` afterwards
  result<std::shared_ptr<storage::mapped_bytes>>
  map(std::uint64_t size_bytes) const override {
    const guard lock{disk_->mutex};
    if (const int failure = disk_->begin(disk_call::map))
      return failed("mmap", path_, failure);
    content& bytes = disk_->cached[inode_];
    // The last record of a segment reaches behind its size.
    bytes.reserve(size_bytes + storage::mebibyte);
    return std::shared_ptr<storage::mapped_bytes>{
      std::make_shared<memory_mapping>(
        disk_, inode_, std::span<const std::byte>{bytes.data(), size_bytes},
        path_)};
  }

  result<ok>
  write_at(std::uint64_t offset_bytes,
           std::span<const std::span<const std::byte>> parts) override {
    disk_->announce_change();
    const guard lock{disk_->mutex};
    int failure = disk_->begin(disk_call::write);
    const bool power_is_off = disk_->changes >= disk_->power_off_at;
    pending_change change;
    change.what = kind::write;
    change.inode = inode_;
    change.offset_bytes = offset_bytes;
    for (const auto part : parts)
      change.bytes.insert(change.bytes.end(), part.begin(), part.end());
    if (failure == 0 && grows_beyond_space(change))
      failure = ENOSPC;
    // A power cut may have let all of it through; the crash decides.
    if (disk_->changes > disk_->power_off_at)
      change.bytes.clear();
    else if (failure != 0 && !power_is_off)
      change.bytes.resize(change.bytes.size() / 2);
    if (!change.bytes.empty())
      record(std::move(change));
    if (failure != 0)
      return failed("pwritev", path_, failure);
    return ok{};
  }

  result<ok> sync() override {
    disk_->announce_change();
    const guard lock{disk_->mutex};
    if (const int failure = disk_->begin(disk_call::sync)) {
      if (disk_->changes < disk_->power_off_at)
        disk_->forget_pending(inode_);
      return failed("fdatasync", path_, failure);
    }
    disk_->sync_inode(inode_);
    return ok{};
  }

  result<ok> truncate(std::uint64_t size_bytes) override {
    disk_->announce_change();
    const guard lock{disk_->mutex};
    if (const int failure = disk_->begin(disk_call::truncate))
      return failed("ftruncate", path_, failure);
    pending_change change;
    change.what = kind::truncate;
    change.inode = inode_;
    change.offset_bytes = size_bytes;
    record(std::move(change));
    return ok{};
  }

  result<ok> allocate(std::uint64_t size_bytes) override {
    disk_->announce_change();
    const guard lock{disk_->mutex};
    if (const int failure = disk_->begin(disk_call::allocate))
      return failed("fallocate", path_, failure);
    if (disk_->cached[inode_].size() >= size_bytes)
      return ok{};
    pending_change change;
    change.what = kind::truncate;
    change.inode = inode_;
    change.offset_bytes = size_bytes;
    record(std::move(change));
    return ok{};
  }

  result<std::uint64_t> size_bytes() const override {
    const guard lock{disk_->mutex};
    return std::uint64_t{disk_->cached[inode_].size()};
  }

  const std::string& path() const override {
    return path_;
  }

private:
  bool grows_beyond_space(const pending_change& change) const {
    const std::uint64_t size = disk_->cached[inode_].size();
    const std::uint64_t end = change.offset_bytes + change.bytes.size();
    return end > size
           && disk_->used_bytes() + (end - size) > disk_->space_bytes;
  }

  void record(pending_change change) {
    apply_to_content(disk_->cached[inode_], change);
    disk_->pending.push_back(std::move(change));
  }

  std::shared_ptr<memory_disk> disk_;
  inode_number inode_;
  std::string path_;
};

} // namespace

storage::error failed(const char* call, const std::string& path, int os_error) {
  storage::errc code = storage::errc::io_failed;
  if (os_error == ENOSPC)
    code = storage::errc::no_space;
  else if (os_error == ENOENT)
    code = storage::errc::not_found;
  else if (os_error == ENOMEM)
    code = storage::errc::no_memory;
  else if (os_error == EMFILE)
    code = storage::errc::too_many_files;
  return {code, os_error, std::string{call} + " " + path};
}

std::shared_ptr<storage::file>
make_memory_file(std::shared_ptr<memory_disk> disk, inode_number inode,
                 std::string path) {
  return std::make_shared<memory_file>(std::move(disk), inode, std::move(path));
}

} // namespace kvs::test_support
