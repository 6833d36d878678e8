#pragma once

#include "storage/file_system.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

/// Small files that are read and written as a whole.
namespace kvs::storage {

/// Errors: corrupt: it is larger than any such file, and nobody allocates
/// memory for it; io_failed.
result<std::vector<std::byte>> read_whole(const file& from);

/// Whether a new file is to survive a power cut.
enum class durability { synced, unsynced };

/// Writes a new file, in place of what an attempt that was cut off has left at
/// `path`; the caller renames it. An error leaves no file: on a full disk half
/// of one would only take more space.
/// Errors: no_space, too_many_files, io_failed.
result<ok> stage_file(file_system& files, const std::string& path,
                      std::span<const std::byte> bytes,
                      durability wanted = durability::synced);

} // namespace kvs::storage
