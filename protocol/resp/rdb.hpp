// Strings in the format of Redis' snapshots: single values and whole files.

#pragma once

#include "protocol/pacer.hpp"

#include <cstdint>
#include <functional>
#include <istream>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace kvs::protocol::resp {

/// The version that is written: that of Redis 7.0. Younger ones are refused.
inline constexpr int rdb_version = 10;

/// The reply to DUMP for the string `value`. Long work is paced.
std::string dump_string(std::string_view value, pacer& pace);

struct restored_string {
  enum class outcome {
    value,
    /// Not a dump of this version, or its checksum is wrong.
    bad_checksum,
    /// A dump of something that is no string, or that is malformed.
    bad_format,
  };
  outcome result{outcome::bad_format};
  std::string value;
};

/// The value that RESTORE is given. One that is longer than `value_bytes_max`
/// counts as malformed. Long work is paced.
restored_string restore_string(std::string_view dump,
                               std::uint64_t value_bytes_max, pacer& pace);

/// A string of a snapshot. The views die when the callback returns.
struct rdb_entry {
  std::string_view key;
  /// Empty if it is longer than what the reader was told to take.
  std::string_view value;
  /// Its size, also if it was not taken.
  std::uint64_t value_bytes{0};
  /// Milliseconds since 1970; 0 means never. It may have passed.
  std::int64_t expires_at_ms{0};
  /// The number of the database it belongs to.
  std::uint64_t database{0};
  /// Bytes of the file read so far, this entry included.
  std::uint64_t offset{0};
};

struct rdb_summary {
  std::uint64_t string_count{0};
  /// What was skipped: by database, the number of keys of a type.
  std::map<std::uint64_t, std::map<std::string, std::uint64_t>> skipped;
  int version{0};
  /// Bytes read so far: with `error`, where it was found.
  std::uint64_t offset{0};
  /// Not empty: why reading ended before the end of the file. Entries that
  /// were reported before are right as far as they could be checked, but the
  /// checksum of the file was not.
  std::string error;
};

/// Takes an entry; false ends the reading with an error.
using rdb_visitor = std::function<bool(const rdb_entry&)>;

/// Reads a snapshot of version 1 to `rdb_version` to its end and checks its
/// checksum. A key longer than `string_bytes_max` is an error, a value longer
/// than that is reported without its bytes; nothing is allocated for bytes that
/// are not there.
rdb_summary read_rdb(std::istream& in, const rdb_visitor& visit,
                     std::uint64_t string_bytes_max = 512ULL * 1024 * 1024);

} // namespace kvs::protocol::resp
