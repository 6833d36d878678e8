#pragma once

#include "storage/file_system.hpp"
#include "storage/record.hpp"
#include "storage/result.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvs::storage {

/// Bytes of the header at the start of every segment file: magic, format
/// version, kind, id, store id, identity, base sequence, CRC.
inline constexpr std::uint64_t segment_header_bytes = 64;

/// What the header of a segment file says.
struct segment_header {
  segment_id id{};
  record_context context;
  /// Which store the file belongs to.
  std::uint64_t store_id = 0;
};

/// "000007.log", "000008.reloc", "000007.hint".
std::string segment_file_name(segment_id id, segment_kind kind);
std::string hint_file_name(segment_id id);

/// An open segment file for reading: shared by whoever needs it, immutable as
/// an object. The file may still grow at its end while it is the active one.
/// An unlinked file stays readable as long as someone holds this object.
class segment {
public:
  segment(segment_header header, std::shared_ptr<file> file);

  segment_id id() const noexcept {
    return header_.id;
  }
  const record_context& context() const noexcept {
    return header_.context;
  }
  const file& bytes() const noexcept {
    return *file_;
  }
  const std::shared_ptr<file>& shared_file() const noexcept {
    return file_;
  }
  const segment_header& header() const noexcept {
    return header_;
  }

private:
  segment_header header_;
  std::shared_ptr<file> file_;
};

using segment_ptr = std::shared_ptr<const segment>;

/// Opens an existing segment file and checks its header.
/// Errors: not_found, corrupt, unknown_format, io_failed.
result<segment_ptr> open_segment(file_system& files, const std::string& path,
                                 open_mode mode);

/// Creates a segment file with its header, synced; the caller syncs the
/// directory. Space for `allocate_bytes` is reserved if that is not 0.
/// Errors: no_space, io_failed; no file is left behind.
result<segment_ptr> create_segment(file_system& files,
                                   const std::string& directory,
                                   const segment_header& header,
                                   std::uint64_t allocate_bytes);

/// Checks a complete record in memory: head, key and value checksum.
/// `record` is what lies at `offset_bytes` of `from`, `size_bytes` long.
/// Returns the value's place within `record`.
/// Errors: corrupt (names file and offset).
result<std::span<const std::byte>>
verify_record(const segment& from, std::uint64_t offset_bytes,
              std::span<const std::byte> record, std::string_view key);

/// Where in its record a value lies, and what it must add up to.
struct value_place {
  std::uint64_t offset_bytes = 0;
  std::uint64_t size_bytes = 0;
  std::uint32_t crc = 0;
};

/// The first half of `verify_record`, for a record that is read in pieces:
/// checks head and key. `front` is the record as far as it has been read, of
/// `size_bytes` in all; the value is what has to be checked then.
/// @pre front holds at least key_offset(true) + key.size() bytes, or all
/// Errors: corrupt (names file and offset).
result<value_place> verify_head(const segment& from, std::uint64_t offset_bytes,
                                std::uint64_t size_bytes,
                                std::span<const std::byte> front,
                                std::string_view key);

/// What a head with the wrong checksum is reported as.
error head_damaged(const segment& from, std::uint64_t offset_bytes);

/// What a value with the wrong checksum is reported as.
error value_damaged(const segment& from, std::uint64_t offset_bytes);

} // namespace kvs::storage
