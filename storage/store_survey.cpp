#include "storage/store_survey.hpp"

#include "storage/store_files.hpp"

#include <algorithm>
#include <utility>

namespace kvs::storage {
namespace {

damage at_beginning(std::string file, const char* what) {
  return {std::move(file), 0, 0, what};
}

/// A version that is not known is a flipped bit, too: the MANIFEST, which has
/// a version of its own, was read or is lost.
bool is_damaged(const error& header) noexcept {
  return header.code == errc::corrupt || header.code == errc::unknown_format;
}

/// Without a MANIFEST: whatever has the name and the header of a segment.
result<ok> take_what_there_is(file_system& files, surveyed_store& store) {
  auto names = files.list(store.directory);
  if (!names)
    return names.error();
  for (const std::string& name : *names) {
    const auto known = recognise(name);
    if (!known
        || (known->kind != store_file_kind::log
            && known->kind != store_file_kind::relocation))
      continue;
    const std::string path = store.directory + "/" + name;
    auto opened = open_segment(files, path, open_mode::read_only);
    if (!opened && !is_damaged(opened.error()))
      return opened.error();
    if (!opened) {
      store.damages.push_back(at_beginning(
        path, "the header does not verify, and there is no MANIFEST"));
      continue;
    }
    const segment_header& header = (*opened)->header();
    segment_entry entry;
    entry.id = known->id;
    entry.kind = header.context.kind;
    entry.identity = header.context.identity;
    entry.base_sequence = header.context.base_sequence;
    store.segments.push_back(entry);
  }
  return ok{};
}

bool is_of(const segment_header& header, const segment_entry& entry,
           const std::optional<manifest>& state) {
  return header.id == entry.id && header.context.kind == entry.kind
         && header.context.identity == entry.identity
         && header.context.base_sequence == entry.base_sequence
         && (!state || header.store_id == state->store_id);
}

/// One look at a segment that is not sealed, or not known to be.
result<segment_extent> look_at(const segment_ptr& of, bool is_listed) {
  auto size = of->bytes().size_bytes();
  if (!size)
    return size.error();
  segment_extent found;
  found.limit_bytes = *size;
  segment_scanner scanner{of, *size, segment_scanner::values::verify};
  while (true) {
    auto record = scanner.next();
    if (!record)
      return record.error();
    if (!*record)
      break;
    const record_head& head = (*record)->head;
    found.synced_bytes = std::max(found.synced_bytes, head.durable_to);
    found.is_complete = head.type == record_type::seal;
    if (head.type == record_type::put || head.type == record_type::tombstone)
      found.last_key = std::string{(*record)->key};
  }
  found.end_bytes = scanner.end_bytes();
  auto verdict = judge_tail(*of, found.end_bytes, *size);
  if (!verdict)
    return verdict.error();
  found.synced_bytes = std::max(found.synced_bytes, verdict->durable_to);
  if (!is_listed)
    found.synced_bytes = std::max(found.synced_bytes, verdict->seal_end_bytes);
  if (found.synced_bytes <= found.end_bytes)
    found.torn_bytes = verdict->torn_bytes;
  return found;
}

} // namespace

result<surveyed_store> find_store(file_system& files,
                                  const std::string& directory) {
  surveyed_store store;
  store.directory = directory;
  const std::string path = directory + "/MANIFEST";
  auto read = read_manifest(files, directory);
  if (!read && read.error().code != errc::corrupt)
    return read.error();
  if (read && *read) {
    store.state = **std::move(read);
    store.segments = store.state->segments;
  } else {
    store.damages.push_back(
      at_beginning(path, read ? "it is missing" : "it does not verify"));
    if (auto taken = take_what_there_is(files, store); !taken)
      return taken.error();
    if (read && store.segments.empty() && store.damages.size() == 1)
      return error{errc::not_found, 0, directory + ": there is no store"};
  }
  std::sort(
    store.segments.begin(), store.segments.end(),
    [](const segment_entry& a, const segment_entry& b) { return a.id < b.id; });
  return store;
}

result<segment_ptr> open_for_survey(file_system& files,
                                    const surveyed_store& store,
                                    const segment_entry& entry,
                                    std::vector<damage>& damages) {
  const std::string path
    = store.directory + "/" + segment_file_name(entry.id, entry.kind);
  auto opened = open_segment(files, path, open_mode::read_only);
  if (opened && is_of((*opened)->header(), entry, store.state))
    return opened;
  if (!opened && opened.error().code == errc::not_found)
    return segment_ptr{};
  if (!opened && !is_damaged(opened.error()))
    return opened;
  damages.push_back(
    at_beginning(path, opened ? "the header is not that of the MANIFEST"
                              : "the header does not verify"));
  auto file = files.open(path, open_mode::read_only);
  if (!file)
    return file.error();
  segment_header header;
  header.id = entry.id;
  header.store_id = store.state ? store.state->store_id : 0;
  header.context = {entry.identity, entry.kind, entry.base_sequence};
  return segment_ptr{std::make_shared<segment>(header, *std::move(file))};
}

result<segment_extent> extent_of(const segment_ptr& of,
                                 const segment_entry& entry, bool is_listed) {
  if (!entry.sealed && entry.kind == segment_kind::log)
    return look_at(of, is_listed);
  auto size = of->bytes().size_bytes();
  if (!size)
    return size.error();
  segment_extent found;
  // Without a MANIFEST nobody knows where a relocation ends.
  found.synced_bytes = entry.sealed ? entry.end_bytes : *size;
  found.limit_bytes = std::min(found.synced_bytes, *size);
  found.end_bytes = found.synced_bytes;
  return found;
}

} // namespace kvs::storage
