#include "storage/victims.hpp"
#include "tests/storage/mini_store.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace kvs::storage::testing {

std::vector<segment_usage> mini_store::usage() {
  std::vector<segment_usage> all;
  for (const segment_entry& entry : store_.state.segments) {
    if (!entry.sealed)
      continue;
    segment_usage found{entry, 0, 0};
    for (const recovered_shard& shard : store_.shards) {
      const live_share share = shard.keys.live_in(entry.id);
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
  const auto victims = choose_victims(
    usage(), policy, force ? compaction_need::command : compaction_need::load);
  return compact(victims);
}

result<std::uint64_t> mini_store::compact_one(std::uint64_t number) {
  const auto sealed = usage();
  if (sealed.empty())
    return std::uint64_t{0};
  return compact({sealed[number % sealed.size()].entry.id});
}

result<std::uint64_t>
mini_store::compact(const std::vector<segment_id>& victims) {
  if (victims.empty())
    return std::uint64_t{0};
  std::uint64_t before = 0;
  for (const segment_id id : victims)
    before += entry_of(id).end_bytes;
  const segment_id id = store_.state.next_segment;
  store_.state.next_segment = segment_id{static_cast<std::uint32_t>(id) + 1};
  auto output = relocation_writer::create(files_, options_.directory, id,
                                          store_.state.store_id,
                                          store_.last_sequence, store_.hasher);
  if (!output)
    return output.error();
  moves_.clear();
  if (auto rewritten = rewrite(victims, **output); !rewritten)
    return rewritten.error();
  std::optional<relocation_writer::finished> finished;
  if ((*output)->end_bytes() > segment_header_bytes) {
    auto done = (*output)->finish();
    if (!done)
      return done.error();
    finished = *std::move(done);
  }
  output->reset();
  if (auto replaced = replace(victims, finished); !replaced)
    return replaced.error();
  return before - (finished ? finished->entry.end_bytes : 0);
}

result<ok> mini_store::rewrite(const std::vector<segment_id>& victims,
                               relocation_writer& output) {
  for (const segment_id id : victims)
    if (auto done = rewrite_one(segments_[id], entry_of(id), victims, output);
        !done)
      return done;
  return ok{};
}

result<ok> mini_store::rewrite_one(const segment_ptr& from,
                                   const segment_entry& entry,
                                   const std::vector<segment_id>& victims,
                                   relocation_writer& output) {
  segment_scanner scanner{from, entry.end_bytes, segment_scanner::values::skip};
  const auto horizon
    = tombstone_rule{usage(), unsealed_base()}.horizon(victims);
  while (true) {
    auto next = scanner.next();
    if (!next)
      return next.error();
    if (!*next)
      return ok{};
    const scanned_record& record = **next;
    const std::string key{record.key};
    auto known = find(key);
    if (!known)
      return known.error();
    const liveness found = !*known ? liveness::absent
                           : (*known)->location == record.location
                             ? liveness::live
                             : liveness::superseded;
    const bool may_drop = record.head.sequence < horizon;
    const verdict decided
      = judge(record.head, found, store_.state.persisted_time, may_drop);
    // An expired record leaves the index with its segment.
    if (decided != verdict::copy && found == liveness::live)
      moves_.push_back({key, record.location, {}, 0});
    switch (decided) {
      case verdict::drop:
        break;
      case verdict::copy: {
        auto place = output.copy(from, record);
        if (!place)
          return place.error();
        moves_.push_back(
          {key, record.location, *place, record.head.expires_at});
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

result<ok>
mini_store::replace(const std::vector<segment_id>& victims,
                    const std::optional<relocation_writer::finished>& output) {
  // What made the old records dead has to be durable before they go.
  if (auto synced = sync(); !synced)
    return synced;
  std::erase_if(store_.state.segments, [&](const segment_entry& entry) {
    return std::find(victims.begin(), victims.end(), entry.id) != victims.end();
  });
  if (output) {
    store_.state.segments.push_back(output->entry);
    segments_[output->entry.id] = output->handle;
  }
  for (const move& each : moves_) {
    const key_hash hash = store_.hasher(each.key);
    recovered_shard& shard = shard_of_key(hash);
    if (each.to.size_bytes == 0)
      shard.keys.remove(hash, each.from);
    else if (shard.keys.move(hash, each.from, each.to) && each.expires_at != 0)
      shard.expiring.add({hash, each.to, each.expires_at});
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

} // namespace kvs::storage::testing
