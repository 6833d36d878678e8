#pragma once

#include <cstddef>

namespace kvs::storage {

/// Memory of zeros which the kernel provides page by page when they are first
/// written to: a large table of which little is used costs little.
class zeroed_pages {
public:
  /// Throws std::bad_alloc.
  explicit zeroed_pages(std::size_t bytes);
  ~zeroed_pages();
  zeroed_pages(const zeroed_pages&) = delete;
  zeroed_pages& operator=(const zeroed_pages&) = delete;

  void* data() const noexcept {
    return data_;
  }

private:
  void* data_;
  std::size_t bytes_;
};

} // namespace kvs::storage
