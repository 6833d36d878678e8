#include "tests/storage/mini_store.hpp"

#include "storage/checkpoint.hpp"
#include "storage/hint_file.hpp"
#include "storage/random.hpp"
#include "storage/record_match.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace kvs::storage::testing {

namespace {

/// Reads as much as it takes to compare the key. The length in a record is not
/// believed yet, but the file has to hold as much.
result<record_match> match_at(const segment& from, std::uint64_t offset_bytes,
                              const std::string& key) {
  std::vector<std::byte> front(match_bytes(key));
  while (true) {
    auto read = from.bytes().read_at(offset_bytes, front);
    if (!read)
      return read.error();
    const bool ended = *read < front.size();
    front.resize(*read);
    auto match = match_record(from, offset_bytes, front, key);
    if (!match || match->what != record_match::kind::incomplete)
      return match;
    if (ended)
      return head_damaged(from, offset_bytes);
    front.resize(static_cast<std::size_t>(claimed_head_bytes(front)));
  }
}

} // namespace

segment_ptr make_log_segment(file_system& files,
                             sequence_number base_sequence) {
  if (!files.create_directory("d"))
    return nullptr;
  segment_header header;
  header.id = segment_id{1};
  header.context.identity.fill(std::byte{7});
  header.context.base_sequence = base_sequence;
  auto created = create_segment(files, "d", header, 0);
  return created ? *created : nullptr;
}

result<std::unique_ptr<mini_store>>
mini_store::open(std::shared_ptr<file_system> files, const options& chosen) {
  recovery_options how;
  how.directory = chosen.directory;
  how.shard_count = chosen.shard_count;
  how.segment_bytes = chosen.segment_bytes;
  how.wall_clock = chosen.now;
  how.hash_bits = chosen.hash_bits;
  auto opened = open_store(files, how);
  if (!opened)
    return opened.error();
  return std::unique_ptr<mini_store>{
    new mini_store{std::move(files), chosen, *std::move(opened)}};
}

mini_store::mini_store(std::shared_ptr<file_system> files, options chosen,
                       recovered_store store)
  : files_{std::move(files)}, options_{std::move(chosen)}, store_{
                                                             std::move(store)} {
  for (const segment_ptr& sealed : store_.sealed)
    segments_[sealed->id()] = sealed;
  segments_[store_.active->id()] = store_.active;
  segments_[store_.next->id()] = store_.next;
  writer_ = std::make_unique<log_writer>(store_.active, segment_header_bytes);
}

recovered_shard& mini_store::shard_of_key(key_hash hash) {
  return store_.shards[shard_of(hash, options_.shard_count)];
}

result<std::optional<index_entry>> mini_store::find(const std::string& key) {
  const key_hash hash = store_.hasher(key);
  std::vector<index_candidate> candidates;
  shard_of_key(hash).keys.find(hash, candidates);
  for (const index_candidate& each : candidates) {
    const segment& from = *segments_.at(each.location.segment);
    auto match = match_at(from, each.location.offset_bytes, key);
    if (!match)
      return match.error();
    if (match->what == record_match::kind::same_key)
      return std::optional<index_entry>{match->entry};
  }
  return std::optional<index_entry>{};
}

/// Before a newer record of the key is published.
result<ok> mini_store::forget_older(const std::string& key) {
  auto older = find(key);
  if (!older)
    return older.error();
  const key_hash hash = store_.hasher(key);
  if (*older)
    shard_of_key(hash).keys.remove(hash, (*older)->location);
  return ok{};
}

segment_entry& mini_store::entry_of(segment_id id) {
  return *std::find_if(
    store_.state.segments.begin(), store_.state.segments.end(),
    [id](const segment_entry& entry) { return entry.id == id; });
}

result<ok> mini_store::publish(const record_head& head, const std::string& key,
                               const record_location& place) {
  count_record(entry_of(place.segment), head, place.size_bytes);
  if (auto forgotten = forget_older(key); !forgotten)
    return forgotten;
  const key_hash hash = store_.hasher(key);
  if (head.type != record_type::put)
    return ok{};
  shard_of_key(hash).keys.insert(hash, place);
  if (head.expires_at != 0)
    shard_of_key(hash).expiring.add({hash, place, head.expires_at});
  return ok{};
}

result<ok> mini_store::make_room() {
  if (writer_->fits(store_.last_sequence + 1, options_.segment_bytes))
    return ok{};
  return rotate();
}

result<ok> mini_store::append(record_type type, const std::string& key,
                              const std::string& value,
                              timestamp_ms expires_at) {
  if (auto room = make_room(); !room)
    return room;
  record_head head;
  head.type = type;
  head.sequence = ++store_.last_sequence;
  head.expires_at = expires_at;
  const auto place
    = writer_->add(type, head.sequence, expires_at, key, bytes_of(value),
                   value_checksum(bytes_of(value)));
  auto written
    = writer_->write_staged(std::numeric_limits<std::uint64_t>::max());
  if (!written)
    return written.error();
  return publish(head, key, place);
}

result<ok> mini_store::put(const std::string& key, const std::string& value,
                           timestamp_ms expires_at) {
  return append(record_type::put, key, value, expires_at);
}

result<ok> mini_store::erase(const std::string& key) {
  return append(record_type::tombstone, key, {}, 0);
}

result<ok> mini_store::batch(const std::vector<batch_operation>& operations) {
  if (auto room = make_room(); !room)
    return room;
  std::vector<std::pair<record_head, record_location>> places;
  writer_->begin_batch(store_.last_sequence + 1);
  for (const batch_operation& each : operations) {
    record_head head;
    head.type = each.value ? record_type::put : record_type::tombstone;
    head.sequence = ++store_.last_sequence;
    const auto value = bytes_of(each.value ? *each.value : std::string_view{});
    places.emplace_back(head,
                        writer_->add(head.type, head.sequence, 0, each.key,
                                     value, value_checksum(value)));
  }
  writer_->end_batch();
  auto written
    = writer_->write_staged(std::numeric_limits<std::uint64_t>::max());
  if (!written)
    return written.error();
  for (std::size_t i = 0; i < operations.size(); ++i)
    if (auto published
        = publish(places[i].first, operations[i].key, places[i].second);
        !published)
      return published;
  return ok{};
}

result<ok> mini_store::flush() {
  if (auto room = make_room(); !room)
    return room;
  record_head head;
  head.type = record_type::flush;
  head.sequence = ++store_.last_sequence;
  const auto place = writer_->add_bare(head.type, head.sequence);
  auto written
    = writer_->write_staged(std::numeric_limits<std::uint64_t>::max());
  if (!written)
    return written.error();
  count_record(entry_of(place.segment), head, place.size_bytes);
  for (recovered_shard& shard : store_.shards) {
    shard.keys.clear();
    shard.expiring.clear();
  }
  // Listed with the next MANIFEST; until then the record itself tells.
  store_.state.flushed_below = head.sequence;
  return ok{};
}

result<ok> mini_store::mark() {
  writer_->add_bare(record_type::mark, store_.last_sequence);
  auto written
    = writer_->write_staged(std::numeric_limits<std::uint64_t>::max());
  if (!written)
    return written.error();
  return ok{};
}

result<ok> mini_store::rotate() {
  if (leaving_)
    if (auto settled = settle_rotation(); !settled)
      return settled;
  writer_->add_bare(record_type::seal, store_.last_sequence);
  auto written
    = writer_->write_staged(std::numeric_limits<std::uint64_t>::max());
  if (!written)
    return written.error();
  segment_entry& old = entry_of(store_.active->id());
  old.end_bytes = writer_->end_bytes();
  leaving_ = old.id;
  store_.active = std::exchange(store_.next, nullptr);
  writer_ = std::make_unique<log_writer>(store_.active, segment_header_bytes);
  return ok{};
}

result<ok> mini_store::settle_rotation() {
  if (auto synced = segments_[*leaving_]->shared_file()->sync(); !synced)
    return synced;
  segment_header header;
  header.id = store_.state.next_segment;
  header.store_id = store_.state.store_id;
  header.context.identity = random_identity();
  header.context.base_sequence = store_.last_sequence + 1;
  auto created = create_segment(*files_, options_.directory, header, 0);
  if (!created)
    return created.error();
  if (auto synced = files_->sync_directory(options_.directory); !synced)
    return synced;
  entry_of(*leaving_).sealed = true;
  segment_entry entry;
  entry.id = header.id;
  entry.identity = header.context.identity;
  entry.base_sequence = header.context.base_sequence;
  store_.state.segments.push_back(entry);
  store_.state.next_segment
    = segment_id{static_cast<std::uint32_t>(header.id) + 1};
  ++store_.state.generation;
  store_.next = *created;
  segments_[header.id] = *created;
  leaving_.reset();
  return write_manifest(*files_, options_.directory, store_.state);
}

result<ok> mini_store::sync() {
  if (leaving_)
    if (auto settled = settle_rotation(); !settled)
      return settled;
  if (auto synced = store_.active->shared_file()->sync(); !synced)
    return synced;
  writer_->durable_to(writer_->end_bytes());
  return ok{};
}

result<ok> mini_store::close() {
  if (entry_of(store_.active->id()).max_sequence != 0)
    if (auto rotated = rotate(); !rotated)
      return rotated;
  if (auto synced = sync(); !synced)
    return synced;
  checkpoint_shards shards;
  for (const recovered_shard& each : store_.shards)
    shards.emplace_back(checkpoint_shards::value_type{}, &each);
  return write_checkpoint(*files_, options_.directory, store_.state, shards,
                          store_.state.flushed_below);
}

/// Before an expiry is reported: no later start may believe an earlier time.
result<ok> mini_store::persist_time() {
  store_.state.persisted_time = store_.now;
  ++store_.state.generation;
  return write_manifest(*files_, options_.directory, store_.state);
}

result<std::optional<std::string>> mini_store::get(const std::string& key) {
  auto located = find(key);
  if (!located)
    return located.error();
  const auto& found = *located;
  if (!found)
    return std::optional<std::string>{};
  if (found->expired_at(store_.now)) {
    if (found->expires_at > store_.state.persisted_time)
      if (auto persisted = persist_time(); !persisted)
        return persisted.error();
    return std::optional<std::string>{};
  }
  const segment& from = *segments_.at(found->location.segment);
  std::vector<std::byte> record(found->location.size_bytes);
  auto read = from.bytes().read_at(found->location.offset_bytes, record);
  if (!read)
    return read.error();
  record.resize(*read);
  auto value = verify_record(from, found->location.offset_bytes, record, key);
  if (!value)
    return value.error();
  return std::optional<std::string>{text_of(*value)};
}

result<contents> mini_store::all() {
  std::vector<record_location> places;
  for (const recovered_shard& shard : store_.shards)
    shard.keys.scan(shard.keys.first_partition(),
                    std::numeric_limits<size_t>::max(),
                    [&](std::uint64_t, const index_candidate& record) {
                      places.push_back(record.location);
                    });
  std::vector<std::string> keys;
  for (const record_location& place : places) {
    const segment& from = *segments_.at(place.segment);
    std::vector<std::byte> front(place.size_bytes);
    auto read = from.bytes().read_at(place.offset_bytes, front);
    if (!read)
      return read.error();
    front.resize(*read);
    const auto head = decode_head(front, from.context(), place.offset_bytes);
    if (!head)
      return head_damaged(from, place.offset_bytes);
    keys.emplace_back(head->key);
  }
  contents found;
  for (const std::string& key : keys) {
    auto value = get(key);
    if (!value)
      return value.error();
    if (*value)
      found[key] = **value;
  }
  return found;
}

} // namespace kvs::storage::testing
