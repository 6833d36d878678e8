#include "storage/segment_loader.hpp"

#include "storage/planted_bugs.hpp"
#include "storage/segment_survey.hpp"
#include "storage/segment_window.hpp"

#include <algorithm>
#include <utility>

namespace kvs::storage {
namespace {

error damaged(const std::string& path, std::uint64_t offset_bytes,
              const char* what) {
  return {errc::corrupt, 0,
          path + " offset " + std::to_string(offset_bytes) + ": " + what};
}

/// Remembers the key, for the message if the next record is damaged.
void note_key(std::optional<std::string>& last, const scanned_record& record) {
  if (record.head.type != record_type::put
      && record.head.type != record_type::tombstone)
    return;
  if (!last)
    last.emplace();
  last->assign(record.key);
}

bool same_counts(const segment_entry& a, const segment_entry& b) noexcept {
  return a.record_count == b.record_count
         && a.tombstone_count == b.tombstone_count
         && a.min_sequence == b.min_sequence
         && a.max_sequence == b.max_sequence;
}

/// Writes the bytes [begin, end) of a segment to the same place of `target`.
result<ok> copy_bytes(const segment& from, std::uint64_t begin,
                      std::uint64_t end, file& target) {
  segment_window window{segment_ptr{segment_ptr{}, &from}, end};
  while (begin < end) {
    auto seen = window.view(begin, segment_window::read_bytes);
    if (!seen)
      return seen.error();
    if (seen->empty())
      return damaged(from.bytes().path(), begin, "the file has shrunk");
    const std::span<const std::byte> part = *seen;
    auto written = target.write_at(begin, {&part, 1});
    if (!written)
      return written;
    begin += part.size();
  }
  return ok{};
}

/// Whether an index has a place for a record: see segment_bytes_max.
bool is_addressable(const scanned_record& record) noexcept {
  const bool has_key = record.head.type == record_type::put
                       || record.head.type == record_type::tombstone;
  return !has_key || record.location.offset_bytes < segment_bytes_max;
}

error not_addressable(const segment& from, const scanned_record& record) {
  return damaged(from.bytes().path(), record.location.offset_bytes,
                 "no record of a key may begin here");
}

/// Puts a synced copy of what is valid in the place of the file.
result<segment_ptr> replace_by_copy(file_system& files,
                                    const unsealed_tail& tail) {
  const std::string& path = tail.handle->bytes().path();
  const std::string temporary = path + ".tmp";
  if (auto gone = files.unlink(temporary);
      !gone && gone.error().code != errc::not_found)
    return gone.error();
  auto created = files.open(temporary, open_mode::create);
  if (!created)
    return created.error();
  auto done = copy_bytes(*tail.handle, 0, tail.entry.end_bytes, **created);
  if (done && !is_planted(planted_bug::skip_tail_sync))
    done = (*created)->sync();
  if (done)
    done = files.rename(temporary, path);
  if (!done) {
    (void)files.unlink(temporary);
    return done.error();
  }
  return open_segment(files, path, open_mode::read_only);
}

/// Needs no space. After a failed sync the kernel may show bytes that it no
/// longer means to write; syncing them again would not make them durable,
/// writing them does.
result<ok> write_again(const unsealed_tail& tail) {
  file& target = *tail.handle->shared_file();
  if (tail.file_bytes > tail.entry.end_bytes)
    if (auto cut = target.truncate(tail.entry.end_bytes); !cut)
      return cut;
  if (auto again
      = copy_bytes(*tail.handle, tail.durable_to, tail.entry.end_bytes, target);
      !again)
    return again;
  return target.sync();
}

} // namespace

result<segment_ptr> open_listed(file_system& files,
                                const std::string& directory,
                                std::uint64_t store_id,
                                const segment_entry& entry, open_mode mode) {
  const std::string path
    = directory + "/" + segment_file_name(entry.id, entry.kind);
  auto opened = open_segment(files, path, mode);
  if (!opened) {
    if (opened.error().code == errc::not_found)
      return damaged(path, 0, "the MANIFEST lists it, but it is missing");
    return opened;
  }
  const segment_header& header = (*opened)->header();
  if (header.store_id != store_id || header.id != entry.id
      || header.context.kind != entry.kind
      || header.context.identity != entry.identity
      || header.context.base_sequence != entry.base_sequence)
    return damaged(path, 0, "the header is not that of the MANIFEST");
  auto size = (*opened)->bytes().size_bytes();
  if (!size)
    return size.error();
  if (entry.sealed && *size < entry.end_bytes)
    return damaged(path, *size, "the file ends too early");
  return opened;
}

result<loaded_hints> load_sealed(file_system& files,
                                 const std::string& directory,
                                 const segment_ptr& from,
                                 const segment_entry& entry,
                                 const key_hasher& hasher) {
  if (auto hints = open_hint_file(files, directory, entry))
    return loaded_hints{std::move(hints), true};
  segment_scanner scanner{from, entry.end_bytes, segment_scanner::values::skip};
  hint_builder hint{hasher};
  segment_entry found;
  std::optional<std::string> last_key;
  while (true) {
    auto record = scanner.next();
    if (!record)
      return record.error();
    if (!*record)
      break;
    if (!is_addressable(**record))
      return not_addressable(*from, **record);
    count_record(found, (*record)->head, (*record)->location.size_bytes);
    hint.add(**record);
    note_key(last_key, **record);
  }
  if (scanner.end_bytes() != entry.end_bytes)
    return damaged_range(*from, scanner.end_bytes(), entry.end_bytes,
                         "a record of a sealed segment is damaged", last_key);
  if (!same_counts(found, entry))
    return damaged(from->bytes().path(), 0,
                   "it does not hold what the MANIFEST says");
  // A file that cannot be written makes the next start slower, nothing else.
  if (hint.write(files, directory, entry))
    if (auto hints = open_hint_file(files, directory, entry))
      return loaded_hints{std::move(hints), false};
  return loaded_hints{hint.source(), false};
}

result<unsealed_tail> load_unsealed(const segment_ptr& from,
                                    const segment_entry& entry,
                                    const key_hasher& hasher) {
  unsealed_tail tail{from, {}, hint_builder{hasher}};
  tail.entry.id = entry.id;
  tail.entry.kind = entry.kind;
  tail.entry.identity = entry.identity;
  tail.entry.base_sequence = entry.base_sequence;
  auto size = from->bytes().size_bytes();
  if (!size)
    return size.error();
  tail.file_bytes = *size;
  segment_scanner scanner{from, *size, segment_scanner::values::verify};
  while (true) {
    auto record = scanner.next();
    if (!record)
      return record.error();
    if (!*record)
      break;
    if (!is_addressable(**record))
      return not_addressable(*from, **record);
    const record_head& head = (*record)->head;
    count_record(tail.entry, head, (*record)->location.size_bytes);
    tail.hint.add(**record);
    note_key(tail.last_key, **record);
    tail.durable_to = std::max(tail.durable_to, head.durable_to);
    tail.complete = head.type == record_type::seal;
  }
  tail.entry.sealed = true;
  tail.entry.end_bytes = scanner.end_bytes();
  auto verdict = judge_tail(*from, tail.entry.end_bytes, tail.file_bytes);
  if (!verdict)
    return verdict.error();
  if (verdict->acknowledged_data_lost)
    return damaged_range(*from, tail.entry.end_bytes, tail.file_bytes,
                         "a record that was acknowledged is damaged",
                         tail.last_key);
  tail.torn_bytes = verdict->torn_bytes;
  return tail;
}

result<segment_ptr> settle_tail(file_system& files, const unsealed_tail& tail) {
  if (is_planted(planted_bug::trust_page_cache))
    return tail.handle;
  auto copied = replace_by_copy(files, tail);
  if (copied || copied.error().code != errc::no_space)
    return copied;
  if (auto written = write_again(tail); !written)
    return written.error();
  return tail.handle;
}

} // namespace kvs::storage
