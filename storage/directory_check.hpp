#pragma once

#include "storage/file_system.hpp"
#include "storage/result.hpp"

#include <string>

namespace kvs::storage {

/// Whether a start may use a directory as its own, found out without touching
/// anything in it, not even its lock: nothing there, or the store of this user
/// and of this format, and no file of another store among its files. Passes
/// while another process serves the directory.
///
/// Errors: unusable_directory: it, or a file in it, is a symbolic link, belongs
/// to somebody else or cannot be written; unknown_format; corrupt: segments
/// without a MANIFEST, a damaged MANIFEST, a segment of another store;
/// io_failed.
result<ok> check_directory(file_system& files, const std::string& directory);

/// Whether a new store may be made in a directory: nothing is there, or a
/// directory of this user that is empty but for a lock file. Touches nothing.
/// To be asked again under the lock.
///
/// Errors: unusable_directory: as for `check_directory`, or it is not empty;
/// io_failed.
result<ok> check_new_directory(file_system& files,
                               const std::string& directory);

} // namespace kvs::storage
