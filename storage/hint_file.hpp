#pragma once

#include "storage/segment_scanner.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace kvs::storage {

struct segment_entry;

/// A hint file lists the puts, tombstones and flushes of one sealed segment
/// without their values, so that start-up need not read the values. It is
/// rebuildable and never trusted: anything that does not fit (checksum,
/// identity, end of the segment, counts) makes recovery ignore it and scan the
/// segment.
class hint_builder {
public:
  /// Takes puts, tombstones and flushes; ignores everything else.
  void add(const scanned_record& record);
  /// Writes "<id>.hint" (tmp file, rename); it is not synced, since it may be
  /// lost. `entry` is the sealed segment's entry.
  result<ok> write(file_system& files, const std::string& directory,
                   const segment_entry& entry) const;

private:
  /// The entries as they lie in the file.
  std::vector<std::byte> bytes_;
  std::uint64_t count_ = 0;
};

/// Calls `visit` for each record if the hint file exists and fits `entry`.
/// False: it does not; `visit` was not called at all.
bool read_hint_file(file_system& files, const std::string& directory,
                    const segment_entry& entry,
                    const std::function<void(const scanned_record&)>& visit);

} // namespace kvs::storage
