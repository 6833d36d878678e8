#pragma once

#include "storage/segment.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace kvs::storage {

/// A record found by a scan. `key` points into the scanner's buffer and dies
/// with the next call. Records of a batch come one by one, each as if it
/// stood alone, after the whole batch has proven intact.
struct scanned_record {
  record_head head;
  record_location location;
  std::string_view key;
};

/// Reads a segment from its beginning, sequentially and in large pieces, and
/// verifies every head and, if asked to, every value.
///
/// `next` has three outcomes: a record, "nothing more" (nullopt), or an
/// error. Nothing more means: up to `end_bytes()` every record is valid.
class segment_scanner {
public:
  enum class values { verify, skip };

  /// `limit_bytes`: where the segment ends (its entry in the MANIFEST), or the
  /// size of the file for one that is not sealed.
  segment_scanner(segment_ptr from, std::uint64_t limit_bytes, values checked);
  ~segment_scanner();

  /// All record types, bare ones included.
  /// Errors: io_failed. An invalid record is "nothing more", not an error.
  result<std::optional<scanned_record>> next();

  /// End of the last valid record so far.
  std::uint64_t end_bytes() const noexcept;

private:
  struct state;
  std::unique_ptr<state> state_;
};

/// What lies behind the end of the valid part of an unsealed log segment.
struct tail_verdict {
  /// Some later valid record vouches for bytes at or behind the end: synced,
  /// hence acknowledged, data is damaged. Otherwise the tail is torn.
  bool acknowledged_data_lost = false;
  /// Highest sequence number of any valid head found there.
  sequence_number max_sequence = 0;
  /// Everything before it was synced, as the valid heads found there say.
  std::uint64_t durable_to = 0;
  /// End of a valid seal found there; 0: none.
  std::uint64_t seal_end_bytes = 0;
  /// Bytes until the last byte that is not zero.
  std::uint64_t torn_bytes = 0;
};

/// Searches the rest of an unsealed log segment for valid heads.
result<tail_verdict> judge_tail(const segment& from, std::uint64_t end_bytes,
                                std::uint64_t file_bytes);

/// Where the first valid head at or behind `begin` lies; nullopt: there is
/// none before `end_bytes`.
result<std::optional<std::uint64_t>>
find_head(const segment& from, std::uint64_t begin, std::uint64_t end_bytes);

} // namespace kvs::storage
