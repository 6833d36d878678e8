#pragma once

#include "tests/support/memory_file_system.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

/// What the fuzz targets of the readers of files share.
namespace kvs::fuzz {

inline void require(bool is_true) {
  if (!is_true)
    std::abort();
}

/// An input that is spent from its front; zeros follow its end.
class input {
public:
  input(const std::uint8_t* data, std::size_t size)
    : left_{std::as_bytes(std::span{data, size})} {
  }

  std::uint8_t byte() {
    if (left_.empty())
      return 0;
    const auto first = static_cast<std::uint8_t>(left_.front());
    left_ = left_.subspan(1);
    return first;
  }

  std::vector<std::byte> rest() const {
    return {left_.begin(), left_.end()};
  }

private:
  std::span<const std::byte> left_;
};

/// A disk that holds one file.
inline std::shared_ptr<test_support::memory_file_system>
disk_with(const std::string& path, std::vector<std::byte> bytes) {
  auto disk = test_support::memory_file_system::make();
  (void)disk->create_directory("d");
  disk->put_content(path, std::move(bytes));
  return disk;
}

} // namespace kvs::fuzz
