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

result<std::optional<decoded_head>>
segment_window::head_at(std::uint64_t offset_bytes) {
  auto seen = view(offset_bytes, record_head_bytes);
  if (!seen)
    return seen.error();
  if (seen->size() < record_head_bytes)
    return std::optional<decoded_head>{};
  const std::uint64_t claimed = claimed_head_bytes(*seen);
  if (claimed > seen->size()) {
    if (claimed > limit_bytes_ - offset_bytes)
      return std::optional<decoded_head>{};
    seen = view(offset_bytes, static_cast<std::size_t>(claimed));
    if (!seen)
      return seen.error();
  }
  auto head = decode_head(*seen, from_->context(), offset_bytes);
  if (head && head->size_bytes() > limit_bytes_ - offset_bytes)
    head.reset();
  return head;
}

result<bool> segment_window::value_fits(std::uint64_t offset_bytes,
                                        const decoded_head& of) {
  const record_head head = of.head;
  const std::uint64_t record = of.size_bytes();
  std::uint64_t at = offset_bytes + of.value_offset();
  // A record of usual size is brought in as a whole, with one read.
  if (record <= read_bytes)
    if (auto seen = view(offset_bytes, static_cast<std::size_t>(record)); !seen)
      return seen.error();
  std::uint32_t found = 0;
  for (std::uint64_t left = head.value_bytes; left != 0;) {
    const auto step
      = static_cast<std::size_t>(std::min<std::uint64_t>(left, read_bytes));
    auto seen = view(at, step);
    if (!seen)
      return seen.error();
    if (seen->size() < step)
      return false;
    found = extend_value_checksum(found, seen->first(step));
    at += step;
    left -= step;
  }
  return found == head.value_crc;
}

} // namespace kvs::storage
