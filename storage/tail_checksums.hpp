#pragma once

#include "storage/segment.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace kvs::storage {

/// Checks heads with long keys in the tail of a segment without reading the
/// keys: from checksums of prefixes of the tail the one of any range follows.
/// Otherwise a torn value full of bytes that look like heads with keys of
/// 16 MiB would keep a start busy for hours.
class tail_checksums {
public:
  /// For ranges within [begin, end). Nothing is read before the first question.
  tail_checksums(const segment& from, std::uint64_t begin_bytes,
                 std::uint64_t end_bytes);

  /// Whether the head at `offset_bytes`, which says that it and its key are
  /// `head_bytes` long, has a checksum that fits. Errors: io_failed.
  result<bool> head_fits(std::uint64_t offset_bytes, std::uint64_t head_bytes);

private:
  result<ok> fill();
  result<std::uint32_t> prefix(std::uint64_t end_bytes) const;

  const segment& from_;
  std::uint64_t begin_;
  std::uint64_t end_;
  /// Element i is the checksum of the first i pieces.
  std::vector<std::uint32_t> prefixes_;
};

} // namespace kvs::storage
