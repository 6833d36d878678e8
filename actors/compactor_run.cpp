// One rewrite of the COMPACTOR, step by step. Every step ends by asking
// somebody; the answer starts the next one.

#include "actors/compactor_state.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>

namespace kvs::actors {
namespace {

/// Bytes of victims that one chunk goes through at most, so that a stop does
/// not wait long for a chunk of large values, or of few records far apart.
constexpr std::uint64_t chunk_bytes_max = 8 * storage::mebibyte;

} // namespace

void compactor::begin(std::vector<storage::segment_id> victims,
                      std::vector<storage::segment_usage> usage) {
  run_.emplace();
  if (std::exchange(alone_, false))
    victims.resize(1);
  run_->number = ++last_run_;
  run_->victims = std::move(victims);
  run_->usage = std::move(usage);
  run_->moves.resize(shards_.size());
  run_->shards_to_mark = shards_.size();
  caf_compat::tell(this, args_.writer, mark_published{});
}

void compactor::marked(const applied_marked& message) {
  if (!run_ || run_->shards_to_mark == 0)
    return;
  run_->purged_at = message.sequence;
  if (--run_->shards_to_mark > 0)
    return;
  // Counts that came earlier may lack records that were published but not yet
  // applied; every decision of this run rests on counts from behind the mark.
  recount([this] {
    if (!run_)
      return;
    run_->usage = usage();
    begin_copying();
  });
}

void compactor::begin_copying() {
  const storage::tombstone_rule rule{run_->usage, unsealed_base(run_->usage)};
  run_->tombstone_horizon = rule.horizon(run_->victims);
  for (auto id : run_->victims)
    run_->victim_bytes += segments_.at(id).entry.end_bytes;
  // What is dead as a whole needs no output, and so no space on the disk.
  if (std::all_of(run_->victims.begin(), run_->victims.end(),
                  [this](auto id) { return drop_without_reading(id); }))
    return tell_moves();
  locate_live_records();
}

void compactor::open_output() {
  caf_compat::ask(this, args_.catalog, allocate_segment_id{})
    .then(
      [this](const segment_id_allocated& reply) {
        if (!run_)
          return;
        auto output = storage::relocation_writer::create(
          args_.files, args_.directory, reply.id, args_.store_id,
          run_->purged_at, args_.hasher);
        if (!output)
          return abandon("compactor.output-failed", to_failure(output.error()));
        run_->output = std::move(*output);
        next_chunk();
      },
      [this](const caf::error&) { run_.reset(); });
}

bool compactor::drop_without_reading(storage::segment_id id) const {
  auto victim
    = std::find_if(run_->usage.begin(), run_->usage.end(),
                   [id](const auto& each) { return each.entry.id == id; });
  assert(victim != run_->usage.end());
  return victim->live_records == 0 && is_counted(id)
         && victim->entry.max_shadow_sequence < run_->tombstone_horizon;
}

compactor::duration compactor::rest_after_chunk() const {
  // A node that is told to compact, or about to refuse writes, hurries, too.
  if (need() >= storage::compaction_need::shortage || run_->hurries
      || space_wanted_)
    return {};
  return pace_.rest_after(this->clock().now() - run_->chunk_began,
                          static_cast<double>(run_->chunk_bytes)
                            / static_cast<double>(run_->victim_bytes));
}

void compactor::rest_then_next_chunk() {
  const auto rest = rest_after_chunk();
  if (rest == duration{})
    return next_chunk();
  caf_compat::tell_after(this, this, rest, chunk_due{run_->number});
}

void compactor::next_chunk() {
  run_->chunk_began = this->clock().now();
  auto chunk = std::make_shared<judged_chunk>();
  chunk->records.reserve(storage::compaction_entries_max);
  if (auto filled = fill(*chunk); !filled) {
    if (filled.error().code != storage::errc::corrupt)
      return abandon("compactor.read-failed", to_failure(filled.error()));
    segments_.at(run_->victims[run_->victim_index]).damaged = true;
    return abandon("compactor.segment-damaged", to_failure(filled.error()));
  }
  const auto passed
    = run_->finished_bytes + (run_->reader ? run_->reader->passed_bytes() : 0);
  run_->chunk_bytes = passed - std::exchange(run_->passed_bytes, passed);
  figures_.judged_records += chunk->records.size();
  if (!chunk->records.empty())
    return ask_liveness(std::move(chunk));
  if (run_->victim_index == run_->victims.size())
    return finish_output();
  // Nothing but flushes and marks so far: the victims go on behind them.
  caf_compat::tell(this, this, chunk_due{run_->number});
}

std::uint64_t compactor::reader_bytes() const {
  return run_->reader ? run_->reader->passed_bytes() : 0;
}

storage::result<storage::ok> compactor::fill(judged_chunk& chunk) {
  // What is dropped without reading costs nothing.
  auto read_before = reader_bytes();
  std::uint64_t read_bytes = 0;
  while (run_->victim_index < run_->victims.size()
         && chunk.records.size() < storage::compaction_entries_max
         && read_bytes + reader_bytes() - read_before < chunk_bytes_max) {
    const auto& victim = segments_.at(run_->victims[run_->victim_index]);
    if (!run_->reader && !drop_without_reading(victim.entry.id))
      open_victim(victim);
    if (run_->reader) {
      auto found = run_->reader->next();
      if (!found)
        return found.error();
      if (*found) {
        add_to_chunk(chunk, **found);
        continue;
      }
      read_bytes += reader_bytes() - std::exchange(read_before, 0);
      run_->reader.reset();
    }
    run_->finished_bytes += victim.entry.end_bytes;
    ++run_->victim_index;
  }
  return storage::ok{};
}

void compactor::add_to_chunk(judged_chunk& chunk,
                             const storage::scanned_record& record) const {
  // Flushes and marks say nothing about single keys: the MANIFEST remembers
  // the flush as long as it matters.
  if (record.head.type != storage::record_type::put
      && record.head.type != storage::record_type::tombstone)
    return;
  judged_chunk::record wanted{record};
  wanted.scanned.key = {};
  wanted.hash = args_.hasher(record.key);
  wanted.shard = storage::shard_of(wanted.hash,
                                   static_cast<std::uint32_t>(shards_.size()));
  chunk.records.push_back(wanted);
  chunk.keys += record.key;
}

void compactor::point_at_keys(judged_chunk& chunk) {
  auto rest = std::string_view{chunk.keys};
  for (auto& each : chunk.records) {
    each.scanned.key = rest.substr(0, each.scanned.head.key_bytes);
    rest.remove_prefix(each.scanned.key.size());
  }
}

void compactor::ask_liveness(std::shared_ptr<judged_chunk> chunk) {
  chunk->expired_until = args_.clock->now();
  point_at_keys(*chunk);
  std::vector<query_liveness> queries(shards_.size());
  for (auto& each : queries) {
    each.records.reserve(chunk->records.size());
    each.keys = {chunk, &chunk->keys};
  }
  for (const auto& each : chunk->records) {
    auto& asked = queries[each.shard].records.emplace_back(
      liveness_query{each.hash, each.scanned.location, {}});
    if (storage::depends_on_newer(each.scanned.head))
      asked.key = each.scanned.key;
  }
  run_->answers_left = static_cast<std::size_t>(
    std::count_if(queries.begin(), queries.end(),
                  [](const auto& query) { return !query.records.empty(); }));
  for (std::uint32_t shard = 0; shard < queries.size(); ++shard) {
    if (queries[shard].records.empty())
      continue;
    caf_compat::ask(this, shards_[shard], std::move(queries[shard]))
      .then(
        [this, chunk, shard](const liveness_found& found) {
          if (!run_)
            return;
          chunk->expired_until
            = std::min(chunk->expired_until, found.persisted_time);
          std::size_t at = 0;
          for (auto& each : chunk->records)
            if (each.shard == shard)
              each.found = found.verdicts[at++];
          if (--run_->answers_left > 0)
            return;
          run_->copying = chunk;
          run_->done_count = 0;
          copy_on();
        },
        [this](const caf::error&) { run_.reset(); });
  }
}

void compactor::copy_on() {
  const auto& records = run_->copying->records;
  std::uint64_t turn_bytes = 0;
  while (run_->done_count < records.size()) {
    if (turn_bytes >= storage::turn_value_bytes_max)
      return caf_compat::tell(this, this, copy_due{run_->number});
    const auto& record = records[run_->done_count];
    auto copied = copy_record(record, run_->copying->expired_until);
    if (!copied) {
      if (copied.error().code == storage::errc::corrupt)
        segments_.at(record.scanned.location.segment).damaged = true;
      // What several leave behind does not fit one output.
      alone_ = copied.error().code == storage::errc::too_large;
      return abandon("compactor.copy-failed", to_failure(copied.error()));
    }
    run_->done_count += *copied ? 1 : 0;
    turn_bytes += std::min<std::uint64_t>(record.scanned.location.size_bytes,
                                          storage::turn_value_bytes_max);
  }
  run_->copying = nullptr;
  rest_then_next_chunk();
}

storage::result<bool>
compactor::copy_record(const judged_chunk::record& record,
                       storage::timestamp_ms expired_until) {
  if (run_->moving)
    return go_on_copying(record);
  const auto& scanned = record.scanned;
  auto may_go = scanned.head.sequence < run_->tombstone_horizon;
  auto verdict
    = storage::judge(scanned.head, record.found, expired_until, may_go);
  relocated_record moved{
    record.hash, scanned.location, {}, scanned.head.expires_at};
  auto is_known = record.found == storage::liveness::live;
  // An expired record that a shard still finds leaves it with the segment.
  if (is_known && verdict != storage::verdict::copy)
    run_->moves[record.shard].push_back(moved);
  switch (verdict) {
    case storage::verdict::drop:
      return true;
    case storage::verdict::copy_as_tombstone: {
      auto place
        = run_->output->add_tombstone(scanned.key, scanned.head.sequence);
      if (!place)
        return place.error();
      run_->has_early_shadows |= scanned.head.expires_at > expired_until;
      return true;
    }
    case storage::verdict::copy:
      break;
  }
  run_->output->begin_copy(segments_.at(scanned.location.segment).handle,
                           scanned);
  run_->moving = moved;
  return go_on_copying(record);
}

storage::result<bool>
compactor::go_on_copying(const judged_chunk::record& record) {
  auto place = run_->output->copy_on();
  if (!place)
    return place.error();
  if (!*place)
    return false;
  figures_.copied_bytes += (*place)->size_bytes;
  run_->moving->to = **place;
  if (record.found == storage::liveness::live)
    run_->moves[record.shard].push_back(*run_->moving);
  run_->moving.reset();
  return true;
}

} // namespace kvs::actors
