#pragma once

#include "storage/manifest.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Which files of a directory belong to a store, by their names.
namespace kvs::storage {

enum class store_file_kind {
  log,
  relocation,
  hint,
  /// Something that was being written and would have been renamed.
  temporary,
};

struct store_file {
  std::string name;
  store_file_kind kind = store_file_kind::temporary;
  /// Unless it is temporary.
  segment_id id{};
};

/// nullopt: no name that a store gives to a file it may delete.
std::optional<store_file> recognise(const std::string& name);

/// The files that `m` does not list: remains of a start, a compaction or a
/// rotation that was cut off. Hint files belong to their sealed segment.
std::vector<store_file> unlisted_files(const std::vector<std::string>& names,
                                       const manifest& m);

/// Checks that such a file may be deleted. A log that the MANIFEST does not
/// know yet (its id was never given out) must be without any valid record;
/// otherwise the MANIFEST is older than the data.
/// Errors: corrupt, io_failed.
result<ok> may_be_deleted(file_system& files, const std::string& directory,
                          const store_file& candidate, const manifest& m);

} // namespace kvs::storage
