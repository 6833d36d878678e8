#include "storage/store_files.hpp"

#include "storage/segment_scanner.hpp"

#include <algorithm>
#include <charconv>

namespace kvs::storage {
namespace {

bool is_listed(const store_file& candidate, const manifest& m) {
  return std::any_of(m.segments.begin(), m.segments.end(),
                     [&](const segment_entry& entry) {
                       if (entry.id != candidate.id)
                         return false;
                       switch (candidate.kind) {
                         case store_file_kind::log:
                           return entry.kind == segment_kind::log;
                         case store_file_kind::relocation:
                           return entry.kind == segment_kind::relocation;
                         case store_file_kind::hint:
                           return entry.sealed;
                         case store_file_kind::temporary:
                           return false;
                       }
                       return false;
                     });
}

/// Whether anything but zero bytes follows the place of the header.
result<bool> holds_bytes(file_system& files, const std::string& path) {
  auto opened = files.open(path, open_mode::read_only);
  if (!opened)
    return opened.error();
  auto size = (*opened)->size_bytes();
  if (!size)
    return size.error();
  // With a header that fits nothing no head is valid, but the search also
  // tells where the last byte is that is not zero.
  const segment stranger{segment_header{}, *opened};
  auto verdict = judge_tail(stranger, segment_header_bytes, *size);
  if (!verdict)
    return verdict.error();
  return verdict->torn_bytes != 0;
}

result<bool> holds_records(file_system& files, const std::string& path) {
  auto opened = open_segment(files, path, open_mode::read_only);
  if (!opened) {
    if (opened.error().code == errc::corrupt)
      return holds_bytes(files, path);
    return opened.error();
  }
  auto size = (*opened)->bytes().size_bytes();
  if (!size)
    return size.error();
  auto verdict = judge_tail(**opened, segment_header_bytes, *size);
  if (!verdict)
    return verdict.error();
  return verdict->max_sequence != 0;
}

} // namespace

std::optional<store_file> recognise(const std::string& name) {
  if (name == "MANIFEST.tmp" || name == "CHECKPOINT.tmp")
    return store_file{name, store_file_kind::temporary, {}};
  std::uint32_t number = 0;
  const char* const begin = name.data();
  const auto parsed = std::from_chars(begin, begin + name.size(), number);
  if (parsed.ec != std::errc{})
    return std::nullopt;
  const segment_id id{number};
  if (name == segment_file_name(id, segment_kind::log))
    return store_file{name, store_file_kind::log, id};
  if (name == segment_file_name(id, segment_kind::relocation))
    return store_file{name, store_file_kind::relocation, id};
  if (name == hint_file_name(id))
    return store_file{name, store_file_kind::hint, id};
  if (name == hint_file_name(id) + ".tmp"
      || name == segment_file_name(id, segment_kind::log) + ".tmp")
    return store_file{name, store_file_kind::temporary, {}};
  return std::nullopt;
}

std::vector<store_file> unlisted_files(const std::vector<std::string>& names,
                                       const manifest& m) {
  std::vector<store_file> unlisted;
  for (const std::string& name : names)
    if (auto found = recognise(name); found && !is_listed(*found, m))
      unlisted.push_back(*std::move(found));
  return unlisted;
}

result<ok> may_be_deleted(file_system& files, const std::string& directory,
                          const store_file& candidate, const manifest& m) {
  if (candidate.kind != store_file_kind::log || candidate.id < m.next_segment)
    return ok{};
  const std::string path = directory + "/" + candidate.name;
  auto records = holds_records(files, path);
  if (!records)
    return records.error();
  if (*records)
    return error{errc::corrupt, 0,
                 path + " offset " + std::to_string(segment_header_bytes)
                   + ": it holds records, but the MANIFEST does not know it"};
  return ok{};
}

} // namespace kvs::storage
