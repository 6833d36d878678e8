#pragma once

#include "storage/file_system.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace kvs::storage {

/// What follows the name of a backup while it is being made.
inline constexpr std::string_view incomplete_suffix = ".incomplete";

/// Whether backups may be made below `root`: it is no store, and neither inside
/// the other as their paths are written.
/// Errors: unusable_directory, io_failed.
result<ok> check_backup_root(file_system& files, const std::string& root,
                             const std::string& store);

/// The directory in which a backup comes to be (docs/backup.md):
/// NAME.incomplete with the kernel's lock on a file in it, so that two never
/// work in one directory; `publish` makes it NAME.
///
/// Safety: removes nothing but what `add` was told, and remains of a backup
/// whose lock nobody holds.
class backup_place {
public:
  /// Errors: unusable_directory: there is something called `to`, or something
  /// other than remains where it would be made; locked: it is being made by
  /// somebody else; no_space, too_many_files, io_failed. Nothing is left
  /// behind.
  static result<std::unique_ptr<backup_place>>
  claim(std::shared_ptr<file_system> files, std::string to);

  /// Where its files are.
  const std::string& directory() const noexcept {
    return at_;
  }
  /// A file of this name was made here, or is about to be.
  void add(std::string name) {
    made_.push_back(std::move(name));
  }
  /// Gives it its name, which survives a power cut then.
  /// Errors: unusable_directory: there is something of that name by now;
  /// io_failed.
  result<ok> publish();
  /// Removes what was made, published or not, and the directory.
  void abandon();

private:
  backup_place(std::shared_ptr<file_system> files, std::string to);

  result<ok> claim();
  result<ok> take_over();
  result<ok> check_name() const;
  result<std::vector<std::string>> list_remains();
  result<std::unique_ptr<directory_lock>> lock();
  void leave();

  std::shared_ptr<file_system> files_;
  std::string to_;
  std::string at_;
  std::vector<std::string> made_;
  std::unique_ptr<directory_lock> lock_;
};

} // namespace kvs::storage
