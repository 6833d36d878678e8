#include "tests/support/memory_file_system.hpp"

#include "tests/support/memory_disk.hpp"
#include "tests/support/memory_file.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

namespace kvs::test_support {
namespace {

using storage::errc;
using storage::error;
using storage::ok;
using storage::result;
using kind = pending_change::kind;
using guard = std::lock_guard<std::mutex>;

class memory_lock final : public storage::directory_lock {
public:
  memory_lock(std::shared_ptr<memory_disk> disk, std::string path)
    : disk_{std::move(disk)}, path_{std::move(path)} {
  }
  ~memory_lock() override {
    const guard lock{disk_->mutex};
    disk_->locked.erase(path_);
  }

private:
  std::shared_ptr<memory_disk> disk_;
  std::string path_;
};

/// Everything that outlives a process, with empty counters and no failures.
std::shared_ptr<memory_disk> copy_of(const memory_disk& disk) {
  auto copy = std::make_shared<memory_disk>();
  copy->cached = disk.cached;
  copy->durable = disk.durable;
  copy->names = disk.names;
  copy->durable_names = disk.durable_names;
  copy->directories = disk.directories;
  copy->durable_directories = disk.durable_directories;
  copy->pending = disk.pending;
  copy->space_bytes = disk.space_bytes;
  copy->fault = disk.fault;
  return copy;
}

/// Records a change of names unless the power is off for good.
void record_name(memory_disk& disk, pending_change change) {
  if (disk.changes > disk.power_off_at)
    return;
  apply_to_names(disk.names, change);
  apply_to_directories(disk.directories, change);
  disk.pending.push_back(std::move(change));
}

bool is_empty(const memory_disk& disk, const std::string& directory) {
  return std::none_of(disk.names.begin(), disk.names.end(),
                      [&](const auto& each) {
                        return directory_of(each.first) == directory;
                      })
         && std::none_of(disk.directories.begin(), disk.directories.end(),
                         [&](const auto& each) {
                           return each != directory
                                  && directory_of(each) == directory;
                         });
}

/// The error of a rename to this name of a directory; 0: none.
int obstacle_at(const memory_disk& disk, const std::string& to) {
  if (disk.names.contains(to))
    return ENOTDIR;
  return disk.directories.contains(to) && !is_empty(disk, to) ? ENOTEMPTY : 0;
}

bool power_went_now(const memory_disk& disk) {
  return disk.changes == disk.power_off_at;
}

} // namespace

std::shared_ptr<memory_file_system> memory_file_system::make() {
  return std::make_shared<memory_file_system>(std::make_shared<memory_disk>());
}

memory_file_system::memory_file_system(std::shared_ptr<memory_disk> disk)
  : disk_{std::move(disk)} {
}

result<std::shared_ptr<storage::file>>
memory_file_system::open(const std::string& path, storage::open_mode mode) {
  if (mode == storage::open_mode::create)
    disk_->announce_change();
  const guard lock{disk_->mutex};
  const bool creates = mode == storage::open_mode::create;
  const int failure
    = disk_->begin(creates ? disk_call::create : disk_call::open);
  if (failure != 0 && !(creates && power_went_now(*disk_)))
    return failed("open", path, failure);
  const auto found = disk_->names.find(path);
  if (creates && found != disk_->names.end())
    return failed("open", path, EEXIST);
  if (!creates && found == disk_->names.end())
    return failed("open", path, ENOENT);
  inode_number inode = 0;
  if (creates) {
    if (!disk_->directories.contains(directory_of(path)))
      return failed("open", path, ENOENT);
    inode = disk_->cached.size();
    disk_->cached.emplace_back();
    disk_->durable.emplace_back();
    record_name(*disk_, {kind::link, inode, 0, {}, path, {}});
    if (failure != 0)
      return failed("open", path, failure);
  } else {
    inode = found->second;
  }
  return make_memory_file(disk_, inode, path);
}

result<storage::path_status>
memory_file_system::status(const std::string& path) {
  using what = storage::path_status::kind;
  const guard lock{disk_->mutex};
  if (const int failure = disk_->begin(disk_call::status))
    return failed("lstat", path, failure);
  const bool is_file = disk_->names.contains(path);
  if (!is_file && !disk_->directories.contains(path))
    return failed("lstat", path, ENOENT);
  return storage::path_status{is_file ? what::file : what::directory, 0, true,
                              true};
}

result<ok> memory_file_system::link(const std::string& from,
                                    const std::string& to) {
  const guard lock{disk_->mutex};
  const int failure = disk_->begin(disk_call::link);
  const auto found = disk_->names.find(from);
  if (found == disk_->names.end())
    return failed("link", from, ENOENT);
  if (disk_->names.contains(to))
    return failed("link", to, EEXIST);
  if (failure == 0 || power_went_now(*disk_))
    record_name(*disk_, {kind::link, found->second, 0, {}, to, {}});
  if (failure != 0)
    return failed("link", from, failure);
  return ok{};
}

result<ok> memory_file_system::rename(const std::string& from,
                                      const std::string& to) {
  disk_->announce_change();
  const guard lock{disk_->mutex};
  const int failure = disk_->begin(disk_call::rename);
  const auto found = disk_->names.find(from);
  const bool is_directory = disk_->directories.contains(from);
  if (found == disk_->names.end() && !is_directory)
    return failed("rename", from, ENOENT);
  if (const int obstacle = is_directory ? obstacle_at(*disk_, to) : 0)
    return failed("rename", to, obstacle);
  if (failure == 0 || power_went_now(*disk_))
    record_name(
      *disk_, is_directory
                ? pending_change{kind::rename_directory, 0, 0, {}, from, to}
                : pending_change{kind::rename, found->second, 0, {}, from, to});
  if (failure != 0)
    return failed("rename", from, failure);
  return ok{};
}

result<ok> memory_file_system::unlink(const std::string& path) {
  disk_->announce_change();
  const guard lock{disk_->mutex};
  const int failure = disk_->begin(disk_call::unlink);
  const auto found = disk_->names.find(path);
  if (found == disk_->names.end())
    return failed("unlink", path, ENOENT);
  if (failure == 0 || power_went_now(*disk_))
    record_name(*disk_, {kind::unlink, found->second, 0, {}, path, {}});
  if (failure != 0)
    return failed("unlink", path, failure);
  return ok{};
}

result<ok> memory_file_system::sync_directory(const std::string& directory) {
  disk_->announce_change();
  const guard lock{disk_->mutex};
  if (const int failure = disk_->begin(disk_call::sync_directory))
    return failed("fsync", directory, failure);
  disk_->sync_names(directory);
  return ok{};
}

result<std::vector<std::string>>
memory_file_system::list(const std::string& directory) {
  const guard lock{disk_->mutex};
  if (const int failure = disk_->begin(disk_call::list))
    return failed("opendir", directory, failure);
  std::vector<std::string> found;
  for (const auto& [name, inode] : disk_->names)
    if (directory_of(name) == directory)
      found.push_back(name.substr(directory.size() + 1));
  return found;
}

result<ok> memory_file_system::create_directory(const std::string& directory) {
  const guard lock{disk_->mutex};
  for (std::string path = directory; !path.empty() && path != ".";
       path = path.find('/') == std::string::npos ? "" : directory_of(path))
    if (disk_->directories.insert(path).second)
      disk_->durable_directories.insert(path);
  return ok{};
}

result<ok> memory_file_system::remove_directory(const std::string& directory) {
  const guard lock{disk_->mutex};
  if (const int failure = disk_->begin(disk_call::remove_directory))
    return failed("rmdir", directory, failure);
  if (!is_empty(*disk_, directory))
    return failed("rmdir", directory, ENOTEMPTY);
  if (disk_->directories.erase(directory) == 0)
    return failed("rmdir", directory, ENOENT);
  disk_->durable_directories.erase(directory);
  return ok{};
}

result<std::unique_ptr<storage::directory_lock>>
memory_file_system::lock(const std::string& path) {
  const guard lock{disk_->mutex};
  if (const int failure = disk_->begin(disk_call::lock))
    return failed("flock", path, failure);
  if (!disk_->locked.insert(path).second)
    return error{errc::locked, EWOULDBLOCK, path + " is held by process 1"};
  return std::unique_ptr<storage::directory_lock>{
    std::make_unique<memory_lock>(disk_, path)};
}

result<std::uint64_t> memory_file_system::free_bytes(const std::string&) {
  const guard lock{disk_->mutex};
  const std::uint64_t used = disk_->used_bytes();
  return disk_->space_bytes > used ? disk_->space_bytes - used
                                   : std::uint64_t{0};
}

void memory_file_system::fail(disk_call call, std::uint64_t nth, int os_error,
                              bool for_ever) {
  const guard lock{disk_->mutex};
  disk_->failures[call] = {disk_->calls[call] + nth, os_error, for_ever};
}

void memory_file_system::fail_any(std::uint64_t nth, int os_error,
                                  bool for_ever) {
  const guard lock{disk_->mutex};
  disk_->fault = {nth, os_error, for_ever, false};
}

bool memory_file_system::has_failed() const {
  const guard lock{disk_->mutex};
  return disk_->fault.has_happened;
}

void memory_file_system::stop_failing() {
  const guard lock{disk_->mutex};
  disk_->failures.clear();
  disk_->fault = {};
}

void memory_file_system::power_off_at(std::uint64_t nth) {
  const guard lock{disk_->mutex};
  disk_->power_off_at = disk_->changes + nth;
}

void memory_file_system::before_each_change(std::function<void()> look) {
  disk_->before_change = std::move(look);
}

void memory_file_system::limit_space(std::uint64_t bytes) {
  const guard lock{disk_->mutex};
  disk_->space_bytes = bytes;
}

void memory_file_system::resident(bool everything) {
  const guard lock{disk_->mutex};
  disk_->is_resident = everything;
}

std::uint64_t memory_file_system::calls(disk_call call) const {
  const guard lock{disk_->mutex};
  return disk_->calls[call];
}

std::uint64_t memory_file_system::changes() const {
  const guard lock{disk_->mutex};
  return disk_->changes;
}

std::uint64_t memory_file_system::used_bytes() const {
  const guard lock{disk_->mutex};
  return disk_->used_bytes();
}

std::size_t memory_file_system::mappings() const {
  const guard lock{disk_->mutex};
  return disk_->mappings;
}

std::shared_ptr<memory_file_system>
memory_file_system::crash(crash_policy policy, std::uint64_t seed) const {
  const guard lock{disk_->mutex};
  std::mt19937_64 random{seed};
  const auto kept = survivors(*disk_, policy, random);
  name_table names = disk_->durable_names;
  for (const pending_change& change : kept)
    apply_to_names(names, change);
  auto after = std::make_shared<memory_disk>();
  after->directories = disk_->durable_directories;
  for (const pending_change& change : kept)
    apply_to_directories(after->directories, change);
  after->durable_directories = after->directories;
  after->space_bytes = disk_->space_bytes;
  std::map<inode_number, inode_number> renumbered;
  for (const auto& [name, inode] : names) {
    const auto [known, is_new]
      = renumbered.try_emplace(inode, after->durable.size());
    after->names[name] = known->second;
    if (!is_new)
      continue;
    test_support::content& bytes
      = after->durable.emplace_back(disk_->durable[inode]);
    for (const pending_change& change : kept)
      if (change.inode == inode)
        apply_to_content(bytes, change);
  }
  after->durable_names = after->names;
  after->cached = after->durable;
  return std::make_shared<memory_file_system>(std::move(after));
}

std::shared_ptr<memory_file_system> memory_file_system::restart() const {
  const guard lock{disk_->mutex};
  return std::make_shared<memory_file_system>(copy_of(*disk_));
}

std::uint64_t memory_file_system::fingerprint() const {
  const guard lock{disk_->mutex};
  std::uint64_t sum = 0;
  for (const auto& [name, inode] : disk_->names) {
    const auto& bytes = disk_->cached[inode];
    sum = XXH3_64bits_withSeed(name.data(), name.size(), sum);
    sum = XXH3_64bits_withSeed(bytes.data(), bytes.size(), sum);
  }
  return sum;
}

bool memory_file_system::exists(const std::string& path) const {
  const guard lock{disk_->mutex};
  return disk_->names.contains(path);
}

std::vector<std::byte>
memory_file_system::content(const std::string& path) const {
  const guard lock{disk_->mutex};
  const auto found = disk_->names.find(path);
  return found == disk_->names.end() ? std::vector<std::byte>{}
                                     : disk_->cached[found->second];
}

void memory_file_system::put_content(const std::string& path,
                                     std::vector<std::byte> bytes) {
  const guard lock{disk_->mutex};
  const auto found = disk_->names.find(path);
  inode_number inode = disk_->cached.size();
  if (found != disk_->names.end()) {
    inode = found->second;
  } else {
    disk_->cached.emplace_back();
    disk_->durable.emplace_back();
    disk_->names[path] = inode;
    disk_->durable_names[path] = inode;
  }
  disk_->forget_pending(inode);
  disk_->durable[inode] = bytes;
  disk_->cached[inode] = std::move(bytes);
}

void memory_file_system::flip_bit(const std::string& path,
                                  std::uint64_t offset_bytes, unsigned bit) {
  auto bytes = content(path);
  assert(offset_bytes < bytes.size());
  bytes[offset_bytes] ^= std::byte{1} << bit;
  put_content(path, std::move(bytes));
}

} // namespace kvs::test_support
