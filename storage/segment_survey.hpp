#pragma once

#include "storage/segment_scanner.hpp"
#include "storage/segment_window.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Reads damaged segments: what in them verifies, and what does not.
namespace kvs::storage {

/// Bytes of a file that do not verify.
struct damage {
  std::string file;
  /// [begin, end): up to the next valid record or the end of the segment.
  std::uint64_t begin_bytes = 0;
  std::uint64_t end_bytes = 0;
  std::string what;
  /// The one key that is affected, if its head is valid.
  std::optional<std::string> key{};
  /// Otherwise the keys around it, in the order of the log.
  std::optional<std::string> key_before{};
  std::optional<std::string> key_behind{};
};

/// "FILE offset 80 to 112: WHAT; …" with the keys, shortened and escaped.
std::string to_string(const damage& d);

/// What a refusal names: the damage that begins at `begin_bytes`, up to the
/// next valid record before `limit_bytes`.
/// Errors: corrupt, always, unless reading fails.
error damaged_range(const segment& from, std::uint64_t begin_bytes,
                    std::uint64_t limit_bytes, const char* what,
                    std::optional<std::string> key_before);

/// A record of a damaged segment. `key` dies with the next call.
struct surveyed_record {
  record_head head;
  record_location location;
  std::string_view key;
  /// Its value has its checksum; otherwise the damage is on the list.
  bool is_whole = true;
};

/// Goes through a segment from its beginning and gets over what is damaged.
///
/// Below `synced_bytes` everything must be there: what does not verify is
/// damage, and the survey goes on behind it; records of a batch are given out
/// one by one although the batch as a whole may not verify. From there on the
/// rules of recovery hold: the first invalid record ends the survey, and a
/// batch counts as a whole.
class segment_survey {
public:
  /// `limit_bytes`: where the segment ends, or the size of the file if that is
  /// less or it is not sealed.
  segment_survey(segment_ptr from, std::uint64_t synced_bytes,
                 std::uint64_t limit_bytes);

  /// All types but batches, whose records come one by one.
  /// Errors: io_failed.
  result<std::optional<surveyed_record>> next();

  /// So far.
  const std::vector<damage>& damages() const noexcept {
    return damages_;
  }
  /// Where it has ended.
  std::uint64_t end_bytes() const noexcept {
    return at_;
  }
  /// The last record was a seal.
  bool is_complete() const noexcept {
    return complete_;
  }

private:
  result<std::optional<decoded_head>> valid_head();
  result<bool> get_over_damage();
  bool rises(const record_head& head) const noexcept;
  void note_key_behind(std::string_view key);

  segment_window window_;
  std::uint64_t synced_bytes_;
  std::uint64_t at_ = segment_header_bytes;
  sequence_number last_sequence_ = 0;
  std::optional<std::string> last_key_;
  bool complete_ = false;
  bool finished_ = false;
  std::vector<damage> damages_;
};

} // namespace kvs::storage
