#include "storage/segment_window.hpp"

#include <algorithm>
#include <utility>

namespace kvs::storage {

segment_window::segment_window(segment_ptr from, std::uint64_t limit_bytes)
  : from_{std::move(from)}, limit_bytes_{limit_bytes} {
}

result<std::span<const std::byte>>
segment_window::view(std::uint64_t offset_bytes, std::size_t bytes) {
  if (offset_bytes >= limit_bytes_)
    return std::span<const std::byte>{};
  const std::uint64_t left = limit_bytes_ - offset_bytes;
  bytes = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, left));
  if (offset_bytes < begin_ || offset_bytes + bytes > begin_ + size_) {
    const auto wanted = static_cast<std::size_t>(
      std::min<std::uint64_t>(std::max(bytes, read_bytes), left));
    if (wanted > capacity_) {
      bytes_ = std::make_unique_for_overwrite<std::byte[]>(wanted);
      capacity_ = wanted;
    }
    size_ = 0;
    auto read = from_->bytes().read_at(offset_bytes, {bytes_.get(), wanted});
    if (!read)
      return read.error();
    begin_ = offset_bytes;
    size_ = *read;
  }
  const auto skip = static_cast<std::size_t>(offset_bytes - begin_);
  return std::span<const std::byte>{bytes_.get() + skip, size_ - skip};
}

} // namespace kvs::storage
