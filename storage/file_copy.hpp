#pragma once

#include "storage/file_system.hpp"

#include <cstdint>
#include <string>

/// Whole files, in pieces.
namespace kvs::storage {

/// CRC over the first `end_bytes` of a file.
/// Errors: corrupt: the file is shorter; io_failed.
result<std::uint32_t> checksum_of_file(const file& from,
                                       std::uint64_t end_bytes);

/// Copies the first `end_bytes` to a new file and syncs that; the caller syncs
/// the directory. An error leaves no file, unless it was there before.
/// Errors: not_found, corrupt: the file is shorter; no_space, too_many_files,
/// io_failed.
result<ok> copy_file(file_system& files, const std::string& from,
                     const std::string& to, std::uint64_t end_bytes);

} // namespace kvs::storage
