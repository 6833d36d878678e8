#include "storage/compaction.hpp"
#include "storage/hint_file.hpp"
#include "storage/random.hpp"
#include "storage/segment_window.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

namespace kvs::storage {
namespace {

/// Written at once; large enough that the calls cost nothing beside the bytes.
constexpr std::size_t buffer_bytes = mebibyte;
/// Records of at most so many bytes are read many at once: a call for each of
/// them would cost more than the bytes of those in between that are dead.
constexpr std::uint32_t windowed_bytes_max = 16 * 1024;

error damaged(const segment& from, std::uint64_t offset_bytes) {
  return {errc::corrupt, 0,
          from.bytes().path() + " offset " + std::to_string(offset_bytes)
            + ": the record's value is damaged"};
}

} // namespace

struct relocation_writer::state {
  explicit state(const key_hasher& hasher) : hint{hasher} {
  }

  std::shared_ptr<file_system> files;
  std::string directory;
  segment_ptr target;
  segment_entry entry;
  hint_builder hint;
  /// What is not written yet; it ends at `end`.
  std::vector<std::byte> buffer;
  std::uint64_t end = segment_header_bytes;
  /// Where records are copied from now.
  segment_ptr source;
  std::optional<segment_window> window;
  bool finished = false;
  bool abandoned = false;

  /// A record on its way.
  struct copy_under_way {
    scanned_record record;
    std::uint64_t begins_at = 0;
    /// Of its value.
    std::uint64_t done = 0;
    std::uint32_t crc = 0;
  };
  std::optional<copy_under_way> copying;

  result<ok> flush();
  std::byte* extend(std::size_t bytes);
  void begin_record(const record_head& head, std::string_view key);
  record_location end_record(const record_head& head, std::string_view key);
  result<std::size_t> read_source(std::uint64_t offset_bytes,
                                  std::span<std::byte> target);
  result<ok> copy_piece();
};

result<ok> relocation_writer::state::flush() {
  if (buffer.empty())
    return ok{};
  const std::span<const std::byte> part = buffer;
  auto written
    = target->shared_file()->write_at(end - buffer.size(), {&part, 1});
  buffer.clear();
  return written;
}

/// Makes room at the end of the buffer, which the caller fills.
std::byte* relocation_writer::state::extend(std::size_t bytes) {
  const std::size_t before = buffer.size();
  buffer.resize(before + bytes);
  end += bytes;
  return buffer.data() + before;
}

void relocation_writer::state::begin_record(const record_head& head,
                                            std::string_view key) {
  const std::uint64_t offset_bytes = end;
  const std::size_t bytes = key_offset(head.expires_at != 0) + key.size();
  std::byte* const at = extend(bytes);
  encode_head({at, bytes}, target->context(), offset_bytes, head, key);
}

/// Pads the record and notes it in the entry and the hint.
record_location relocation_writer::state::end_record(const record_head& head,
                                                     std::string_view key) {
  const bool has_expiry = head.expires_at != 0;
  const std::uint64_t size
    = record_bytes(head.key_bytes, head.value_bytes, has_expiry);
  const std::uint64_t unpadded
    = unpadded_record_bytes(head.key_bytes, head.value_bytes, has_expiry);
  extend(static_cast<std::size_t>(size - unpadded));
  const record_location place{target->id(), end - size,
                              static_cast<std::uint32_t>(size)};
  count_record(entry, head, size);
  hint.add({head, place, key});
  return place;
}

/// Bytes of the record that is being copied. How many there are.
result<std::size_t>
relocation_writer::state::read_source(std::uint64_t offset_bytes,
                                      std::span<std::byte> target) {
  if (copying->record.location.size_bytes > windowed_bytes_max)
    return source->bytes().read_at(offset_bytes, target);
  auto seen = window->view(offset_bytes, target.size());
  if (!seen)
    return seen.error();
  const std::size_t there = std::min(seen->size(), target.size());
  if (there != 0)
    std::memcpy(target.data(), seen->data(), there);
  return there;
}

/// Appends the next piece of the value and checks it on the way.
result<ok> relocation_writer::state::copy_piece() {
  const record_head& head = copying->record.head;
  const auto step = static_cast<std::size_t>(
    std::min<std::uint64_t>(head.value_bytes - copying->done, buffer_bytes));
  const std::uint64_t value_at = copying->record.location.offset_bytes
                                 + key_offset(head.expires_at != 0)
                                 + head.key_bytes;
  const std::span<std::byte> piece{extend(step), step};
  auto read = read_source(value_at + copying->done, piece);
  if (!read)
    return read.error();
  const std::uint64_t record_at = copying->record.location.offset_bytes;
  if (*read != step)
    return damaged(*source, record_at);
  copying->crc = extend_value_checksum(copying->crc, piece);
  copying->done += step;
  if (copying->done == head.value_bytes && copying->crc != head.value_crc)
    return damaged(*source, record_at);
  return ok{};
}

result<std::unique_ptr<relocation_writer>> relocation_writer::create(
  std::shared_ptr<file_system> files, std::string directory, segment_id id,
  std::uint64_t store_id, sequence_number purged_at, const key_hasher& hasher) {
  segment_header header;
  header.id = id;
  header.store_id = store_id;
  header.context.kind = segment_kind::relocation;
  header.context.identity = random_identity();
  auto created = create_segment(*files, directory, header, 0);
  if (!created)
    return created.error();
  auto s = std::make_unique<state>(hasher);
  s->files = std::move(files);
  s->directory = std::move(directory);
  s->target = *std::move(created);
  s->entry.id = id;
  s->entry.kind = segment_kind::relocation;
  s->entry.identity = header.context.identity;
  s->entry.purged_at = purged_at;
  return std::unique_ptr<relocation_writer>{
    new relocation_writer{std::move(s)}};
}

relocation_writer::relocation_writer(std::unique_ptr<state> s)
  : state_{std::move(s)} {
}

error relocation_writer::full(const state& s) {
  return {errc::too_large, 0,
          s.target->bytes().path() + ": a record would begin behind "
            + std::to_string(segment_bytes_max) + " bytes"};
}

relocation_writer::~relocation_writer() {
  if (!state_->finished)
    abandon();
}

result<record_location> relocation_writer::copy(const segment_ptr& from,
                                                const scanned_record& record) {
  begin_copy(from, record);
  while (true) {
    auto place = copy_on();
    if (!place)
      return place.error();
    if (*place)
      return **place;
  }
}

void relocation_writer::begin_copy(const segment_ptr& from,
                                   const scanned_record& record) {
  state& s = *state_;
  assert(!s.finished && !s.abandoned && !s.copying);
  if (s.source != from) {
    s.source = from;
    s.window.emplace(from, std::numeric_limits<std::uint64_t>::max());
  }
  s.copying = state::copy_under_way{record};
  s.copying->record.head.durable_to = 0;
  s.copying->begins_at = s.end;
  s.begin_record(s.copying->record.head, record.key);
}

result<std::optional<record_location>> relocation_writer::copy_on() {
  state& s = *state_;
  assert(s.copying);
  if (s.copying->begins_at >= segment_bytes_max)
    return full(s);
  if (s.buffer.size() >= buffer_bytes)
    if (auto flushed = s.flush(); !flushed)
      return flushed.error();
  if (auto copied = s.copy_piece(); !copied)
    return copied.error();
  const auto record = s.copying->record;
  if (s.copying->done < record.head.value_bytes)
    return std::optional<record_location>{};
  s.copying.reset();
  return std::optional{s.end_record(record.head, record.key)};
}

result<record_location>
relocation_writer::add_tombstone(std::string_view key,
                                 sequence_number sequence) {
  state& s = *state_;
  assert(!s.finished && !s.abandoned);
  if (s.end >= segment_bytes_max)
    return full(s);
  record_head head;
  head.type = record_type::tombstone;
  head.sequence = sequence;
  head.key_bytes = static_cast<std::uint32_t>(key.size());
  if (s.buffer.size() >= buffer_bytes)
    if (auto flushed = s.flush(); !flushed)
      return flushed.error();
  s.begin_record(head, key);
  return s.end_record(head, key);
}

std::uint64_t relocation_writer::end_bytes() const noexcept {
  return state_->end;
}

result<relocation_writer::finished> relocation_writer::finish() {
  state& s = *state_;
  assert(!s.finished && !s.abandoned);
  // A victim gives its space back when nobody has it open any more.
  s.window.reset();
  s.source.reset();
  if (auto flushed = s.flush(); !flushed)
    return flushed.error();
  if (auto synced = s.target->shared_file()->sync(); !synced)
    return synced.error();
  if (auto synced = s.files->sync_directory(s.directory); !synced)
    return synced.error();
  s.entry.sealed = true;
  s.entry.end_bytes = s.end;
  // Without it the next start is slower, nothing else.
  (void)s.hint.write(*s.files, s.directory, s.entry);
  s.finished = true;
  return finished{s.target, s.entry};
}

void relocation_writer::abandon() noexcept {
  state& s = *state_;
  if (s.abandoned)
    return;
  s.abandoned = true;
  s.finished = true;
  s.window.reset();
  s.source.reset();
  // What cannot be deleted now is deleted by the next start.
  const std::string path = s.directory + "/";
  (void)s.files->unlink(path + segment_file_name(s.entry.id, s.entry.kind));
  (void)s.files->unlink(path + hint_file_name(s.entry.id));
}

} // namespace kvs::storage
