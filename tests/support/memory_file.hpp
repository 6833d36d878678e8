#pragma once

#include "tests/support/memory_disk.hpp"

#include <memory>
#include <string>

namespace kvs::test_support {

/// What the real file system would report of a failed call.
storage::error failed(const char* call, const std::string& path, int os_error);

/// An open file of a memory disk.
std::shared_ptr<storage::file>
make_memory_file(std::shared_ptr<memory_disk> disk, inode_number inode,
                 std::string path);

} // namespace kvs::test_support
