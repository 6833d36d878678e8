#include "storage/backup_place.hpp"

#include "storage/backup_listing.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace kvs::storage {
namespace {

constexpr const char* lock_name = "/LOCK";

error unusable(const std::string& directory, const char* why) {
  return {errc::unusable_directory, 0,
          directory + ": " + why + "; nothing was touched"};
}

std::string parent_of(const std::string& path) {
  const auto slash = path.find_last_of('/');
  if (slash == std::string::npos)
    return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool is_inside(const std::string& path, const std::string& directory) {
  const auto inner = std::filesystem::path{path}.lexically_normal();
  const auto outer = std::filesystem::path{directory + "/"}.lexically_normal();
  const auto below = (inner / "").lexically_relative(outer);
  return !below.empty() && *below.begin() != "..";
}

} // namespace

result<ok> check_backup_root(file_system& files, const std::string& root,
                             const std::string& store) {
  if (is_inside(root, store) || is_inside(store, root))
    return unusable(root, "backups can neither be made in the store nor around "
                          "it; choose another root");
  // Paths that look different may lead to the same place.
  auto found = files.status(root + "/MANIFEST");
  if (found)
    return unusable(root, "it is a store; choose another root");
  if (found.error().code != errc::not_found
      && found.error().code != errc::unusable_directory)
    return found.error();
  return ok{};
}

backup_place::backup_place(std::shared_ptr<file_system> files, std::string to)
  : files_{std::move(files)}, to_{std::move(to)}, at_{to_
                                                      + std::string{
                                                        incomplete_suffix}} {
}

result<std::unique_ptr<backup_place>>
backup_place::claim(std::shared_ptr<file_system> files, std::string to) {
  std::unique_ptr<backup_place> made{
    new backup_place{std::move(files), std::move(to)}};
  if (auto claimed = made->claim(); !claimed)
    return claimed.error();
  return made;
}

result<ok> backup_place::claim() {
  if (auto is_free = check_name(); !is_free)
    return is_free;
  // Also before anything is written, so that a refusal touches nothing.
  if (auto remains = list_remains();
      !remains && remains.error().code != errc::not_found)
    return remains.error();
  if (auto made = files_->create_directory(at_); !made)
    return made;
  auto locked = lock();
  if (!locked) {
    if (locked.error().code != errc::locked)
      (void)files_->remove_directory(at_);
    return locked.error();
  }
  lock_ = *std::move(locked);
  auto taken = take_over();
  if (!taken)
    leave();
  return taken;
}

result<std::unique_ptr<directory_lock>> backup_place::lock() {
  auto locked = files_->lock(at_ + lock_name);
  if (!locked && locked.error().code == errc::locked)
    return error{
      errc::locked, locked.error().os_error,
      to_ + ": a backup of this name is being made: " + locked.error().context};
  return locked;
}

/// Whoever had the lock before may have finished in the meantime; what is here
/// now is nobody's. Of the listing first: without it nothing looks whole.
result<ok> backup_place::take_over() {
  if (auto is_free = check_name(); !is_free)
    return is_free;
  auto remains = list_remains();
  if (!remains)
    return remains.error();
  std::stable_partition(remains->begin(), remains->end(),
                        [](const auto& name) { return name == "BACKUP"; });
  for (const std::string& name : *remains)
    if (auto gone = files_->unlink(at_ + "/" + name); !gone)
      return gone;
  return ok{};
}

/// The name must not exist in any form, not even as an empty directory.
result<ok> backup_place::check_name() const {
  auto there = files_->status(to_);
  if (there)
    return unusable(to_, files_->status(to_ + "/BACKUP")
                           ? "there is a backup already"
                           : "it exists already");
  if (there.error().code != errc::not_found)
    return there.error();
  return ok{};
}

/// Errors: not_found: there is no directory.
result<std::vector<std::string>> backup_place::list_remains() {
  auto there = files_->status(at_);
  if (!there)
    return there.error();
  if (there->what != path_status::kind::directory || !there->is_own)
    return unusable(at_, "it is no directory of this user");
  auto names = files_->list(at_);
  if (!names)
    return names.error();
  std::erase(*names, "LOCK");
  if (!std::all_of(names->begin(), names->end(), is_backup_remain))
    return unusable(at_, "it holds other files than those of a backup that "
                         "was cut off");
  return names;
}

result<ok> backup_place::publish() {
  if (auto is_free = check_name(); !is_free)
    return is_free;
  if (auto renamed = files_->rename(at_, to_); !renamed)
    return renamed;
  at_ = to_;
  if (auto synced = files_->sync_directory(parent_of(to_)); !synced)
    return synced;
  // It means nothing here, and is no harm where it stays.
  (void)files_->unlink(at_ + lock_name);
  lock_.reset();
  return ok{};
}

/// What cannot be removed is remains.
void backup_place::abandon() {
  // Of the listing first, as above.
  for (auto name = made_.rbegin(); name != made_.rend(); ++name)
    (void)files_->unlink(at_ + "/" + *name);
  made_.clear();
  leave();
}

void backup_place::leave() {
  (void)files_->unlink(at_ + lock_name);
  (void)files_->remove_directory(at_);
  lock_.reset();
}

} // namespace kvs::storage
