#pragma once

#include "storage/segment_scanner.hpp"
#include "storage/segment_window.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kvs::storage {

/// Records of a sealed segment that is to be rewritten, in their order: all of
/// them, or those that somebody knows to matter. What is dead is skipped
/// that way, and nobody has to judge it.
class victim_reader {
public:
  /// All records. `end_bytes`: as the MANIFEST says.
  victim_reader(segment_ptr from, std::uint64_t end_bytes);
  /// Those at `places` only. @pre they rise
  victim_reader(segment_ptr from, std::uint64_t end_bytes,
                std::vector<std::uint64_t> places);

  /// Nullopt: that was all; all that was asked for has a valid head. The key
  /// dies with the next call.
  /// Errors: io_failed; corrupt (names file and offset): no valid record.
  result<std::optional<scanned_record>> next();

  /// Everything before it is done with.
  std::uint64_t passed_bytes() const noexcept;

private:
  result<std::optional<scanned_record>> next_of_all();
  result<std::optional<scanned_record>> next_place();
  error invalid_at(std::uint64_t offset_bytes) const;

  segment_ptr from_;
  std::uint64_t end_bytes_;
  /// Of all records, or …
  std::optional<segment_scanner> scanner_;
  /// … of the places, and how many of them are done with.
  std::optional<segment_window> window_;
  std::vector<std::uint64_t> places_;
  std::size_t done_count_ = 0;
};

} // namespace kvs::storage
