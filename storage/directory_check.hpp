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

} // namespace kvs::storage
