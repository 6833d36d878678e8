#pragma once

#include "storage/file_system.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace kvs::storage {

/// See file::map. `path` is for messages.
result<std::shared_ptr<mapped_bytes>>
map_descriptor(int descriptor, std::uint64_t size_bytes, std::string path);

} // namespace kvs::storage
