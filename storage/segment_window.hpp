#pragma once

#include "storage/segment.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace kvs::storage {

/// A piece of a segment file in memory that moves forward with its reader.
class segment_window {
public:
  /// Bytes read at once: large enough that the call costs nothing beside the
  /// copying, small enough for a cache.
  static constexpr std::size_t read_bytes = 512 * 1024;

  /// Shows nothing at or behind `limit_bytes`.
  segment_window(segment_ptr from, std::uint64_t limit_bytes);

  /// The bytes at `offset_bytes`: at least `bytes` of them unless the file or
  /// the limit comes first, and more if they happen to be there. Valid until
  /// the next call.
  result<std::span<const std::byte>> view(std::uint64_t offset_bytes,
                                          std::size_t bytes);

  /// The valid head at `offset_bytes` whose record ends before the limit;
  /// nullopt: there is none. Its key is valid until the next call.
  result<std::optional<decoded_head>> head_at(std::uint64_t offset_bytes);
  /// Whether the value of a record has its checksum. Moves the window.
  result<bool> value_fits(std::uint64_t offset_bytes, const decoded_head& of);

  const segment& from() const noexcept {
    return *from_;
  }
  std::uint64_t limit_bytes() const noexcept {
    return limit_bytes_;
  }

private:
  segment_ptr from_;
  std::uint64_t limit_bytes_;
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t capacity_ = 0;
  std::uint64_t begin_ = 0;
  std::size_t size_ = 0;
};

} // namespace kvs::storage
