#include "tests/storage/mini_store.hpp"

#include "storage/hint_file.hpp"
#include "storage/random.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace kvs::storage::testing {

result<std::unique_ptr<mini_store>>
mini_store::open(std::shared_ptr<file_system> files, const options& chosen) {
  recovery_options how;
  how.directory = chosen.directory;
  how.shard_count = chosen.shard_count;
  how.segment_bytes = chosen.segment_bytes;
  how.wall_clock = chosen.now;
  auto opened = open_store(files, how);
  if (!opened)
    return opened.error();
  return std::unique_ptr<mini_store>{
    new mini_store{std::move(files), chosen, *std::move(opened)}};
}

mini_store::mini_store(std::shared_ptr<file_system> files, options chosen,
                       recovered_store store)
  : files_{std::move(files)}, options_{std::move(chosen)},
    store_{std::move(store)}, hasher_{store_.state.hash_seed} {
  for (const segment_ptr& sealed : store_.sealed)
    segments_[sealed->id()] = sealed;
  segments_[store_.active->id()] = store_.active;
  segments_[store_.next->id()] = store_.next;
  writer_ = std::make_unique<log_writer>(store_.active, segment_header_bytes);
}

index& mini_store::shard_of_key(key_hash hash) {
  return store_.shards[shard_of(hash, options_.shard_count)];
}

segment_entry& mini_store::entry_of(segment_id id) {
  return *std::find_if(
    store_.state.segments.begin(), store_.state.segments.end(),
    [id](const segment_entry& entry) { return entry.id == id; });
}

void mini_store::publish(const record_head& head, const std::string& key,
                         const record_location& place) {
  count_record(entry_of(place.segment), head, place.size_bytes);
  const key_hash hash = hasher_(key);
  if (head.type == record_type::put)
    shard_of_key(hash).put(hash, key, {place, head.sequence, head.expires_at});
  else if (head.type == record_type::tombstone)
    shard_of_key(hash).erase(hash, key, head.sequence);
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
  publish(head, key, place);
  return ok{};
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
    publish(places[i].first, operations[i].key, places[i].second);
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
  for (index& shard : store_.shards)
    shard.erase_below(head.sequence);
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

std::vector<segment_usage> mini_store::usage() {
  std::vector<segment_usage> all;
  for (const segment_entry& entry : store_.state.segments) {
    if (!entry.sealed)
      continue;
    segment_usage found{entry, 0, 0};
    for (const index& shard : store_.shards) {
      const live_share share = shard.live_in(entry.id);
      found.live_records += share.records;
      found.live_bytes += share.bytes;
    }
    all.push_back(found);
  }
  return all;
}

sequence_number mini_store::unsealed_base() const {
  auto base = std::numeric_limits<sequence_number>::max();
  for (const segment_entry& entry : store_.state.segments)
    if (!entry.sealed)
      base = std::min(base, entry.base_sequence);
  return base;
}

result<std::uint64_t> mini_store::compact(bool force) {
  compaction_policy policy;
  policy.segment_bytes = options_.segment_bytes;
  policy.unsealed_base = unsealed_base();
  const auto victims = choose_victims(usage(), policy, force);
  if (victims.empty())
    return std::uint64_t{0};
  std::uint64_t before = 0;
  for (const segment_id id : victims)
    before += entry_of(id).end_bytes;
  const segment_id id = store_.state.next_segment;
  store_.state.next_segment = segment_id{static_cast<std::uint32_t>(id) + 1};
  auto output
    = relocation_writer::create(files_, options_.directory, id,
                                store_.state.store_id, store_.last_sequence);
  if (!output)
    return output.error();
  moves_.clear();
  if (auto rewritten = rewrite(victims, **output); !rewritten)
    return rewritten.error();
  auto finished = (*output)->finish();
  if (!finished)
    return finished.error();
  if (auto replaced = replace(victims, *finished); !replaced)
    return replaced.error();
  return before - finished->entry.end_bytes;
}

result<ok> mini_store::rewrite(const std::vector<segment_id>& victims,
                               relocation_writer& output) {
  for (const segment_id id : victims)
    if (auto done = rewrite_one(*segments_[id], entry_of(id), victims, output);
        !done)
      return done;
  return ok{};
}

result<ok> mini_store::rewrite_one(const segment& from,
                                   const segment_entry& entry,
                                   const std::vector<segment_id>& victims,
                                   relocation_writer& output) {
  segment_scanner scanner{segments_[from.id()], entry.end_bytes,
                          segment_scanner::values::skip};
  const auto all = usage();
  while (true) {
    auto next = scanner.next();
    if (!next)
      return next.error();
    if (!*next)
      return ok{};
    const scanned_record& record = **next;
    const key_hash hash = hasher_(record.key);
    const index_entry* const known = shard_of_key(hash).find(hash, record.key);
    const liveness found = known == nullptr ? liveness::absent
                           : known->location == record.location
                             ? liveness::live
                             : liveness::superseded;
    const bool may_drop
      = tombstone_may_go(record.head.sequence, victims, all, unsealed_base());
    const std::string key{record.key};
    switch (judge(record.head, found, options_.now, may_drop)) {
      case verdict::drop:
        break;
      case verdict::copy: {
        auto place = output.copy(from, record);
        if (!place)
          return place.error();
        moves_.push_back({key, record.location, *place});
        break;
      }
      case verdict::copy_as_tombstone:
        if (auto place = output.add_tombstone(key, record.head.sequence);
            !place)
          return place.error();
        break;
    }
  }
}

result<ok> mini_store::replace(const std::vector<segment_id>& victims,
                               const relocation_writer::finished& output) {
  // What made the old records dead has to be durable before they go.
  if (auto synced = sync(); !synced)
    return synced;
  std::erase_if(store_.state.segments, [&](const segment_entry& entry) {
    return std::find(victims.begin(), victims.end(), entry.id) != victims.end();
  });
  store_.state.segments.push_back(output.entry);
  segments_[output.entry.id] = output.handle;
  for (const move& each : moves_) {
    const key_hash hash = hasher_(each.key);
    shard_of_key(hash).move(hash, each.key, each.from, each.to);
  }
  ++store_.state.generation;
  if (auto written = write_manifest(*files_, options_.directory, store_.state);
      !written)
    return written;
  for (const segment_id id : victims) {
    const segment_ptr old = segments_[id];
    segments_.erase(id);
    if (auto gone = files_->unlink(old->bytes().path()); !gone)
      return gone;
    (void)files_->unlink(options_.directory + "/" + hint_file_name(id));
  }
  return ok{};
}

result<std::optional<std::string>> mini_store::get(const std::string& key) {
  const key_hash hash = hasher_(key);
  const index_entry* const found = shard_of_key(hash).find(hash, key);
  if (found == nullptr || found->expired_at(options_.now))
    return std::optional<std::string>{};
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
  std::vector<std::string> keys;
  for (const index& shard : store_.shards)
    shard.scan(shard.first_partition(), std::numeric_limits<size_t>::max(),
               [&](std::string_view key, const index_entry&) {
                 keys.emplace_back(key);
               });
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
