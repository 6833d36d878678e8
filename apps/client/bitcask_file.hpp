// The data files of Bitcask, the store behind Riak.

#pragma once

#include <cstdint>
#include <filesystem>
#include <istream>
#include <string>
#include <string_view>
#include <vector>

namespace kvs::apps {

struct bitcask_record {
  std::string key;
  /// As much of the value as the reader was told to keep.
  std::string value;
  std::uint64_t value_bytes{0};
  /// Where it begins in its file.
  std::uint64_t offset{0};

  /// Whether it says that the key was erased. Bitcask takes every value that
  /// begins like its marks for one.
  bool is_tombstone() const;
};

/// Reads the records of a data file in their order:
///
///     u32 CRC-32 of all that follows, u32 seconds since 1970,
///     u16 size of the key, u32 size of the value, key, value
///
/// with the highest byte first. A size is compared with what is left of the
/// file before anything is allocated for it.
class bitcask_reader {
public:
  enum class status {
    record,
    /// A record with a wrong checksum. The next call tries the one behind it.
    damaged,
    /// What is left is no record: the end of a write that was interrupted, or
    /// rubbish behind a damaged record. Reading is over.
    torn,
    end,
  };

  /// At most `value_bytes_kept` bytes of each value are kept.
  bitcask_reader(std::istream& in, std::uint64_t file_bytes,
                 std::uint64_t value_bytes_kept)
    : in_(in), file_bytes_(file_bytes), value_bytes_kept_(value_bytes_kept) {
  }

  status next(bitcask_record& record);

  /// Where the record or the damage begins that was found last.
  std::uint64_t offset() const {
    return offset_;
  }

  std::uint64_t read_bytes() const {
    return position_;
  }

private:
  bool read(std::uint64_t count, std::uint64_t kept_bytes, std::string& kept);

  std::istream& in_;
  std::uint64_t file_bytes_;
  std::uint64_t value_bytes_kept_;
  std::uint64_t position_{0};
  std::uint64_t offset_{0};
  std::uint32_t checksum_{0};
  bool after_damage_{false};
};

struct bitcask_data_file {
  std::filesystem::path path;
  std::uint64_t number{0};
  std::uint64_t size_bytes{0};
};

struct bitcask_directory {
  /// By rising number: what stands in a later file is newer.
  std::vector<bitcask_data_file> files;
  /// Files that a merge has made superfluous and Bitcask not yet deleted: it
  /// marks them as executable for others and never reads them again.
  std::vector<std::filesystem::path> dead_files;
  /// Not empty: why the directory cannot be read.
  std::string error;
};

/// Finds the data files, which are named like `12.bitcask.data`.
bitcask_directory list_bitcask_files(const std::string& directory);

} // namespace kvs::apps
