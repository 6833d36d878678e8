// One rewrite of the COMPACTOR, step by step. Every step ends by asking
// somebody; the answer starts the next one.

#include "actors/compactor_state.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cassert>
#include <iterator>

namespace kvs::actors {
namespace {

/// Bytes of records that one chunk holds at most, so that a stop does not
/// wait long for a chunk of large values.
constexpr std::uint64_t chunk_bytes_max = 8 * storage::mebibyte;

/// Each shard reports twice a second at most.
constexpr std::uint32_t reports_after_failure = 20;

} // namespace

void compactor::begin(std::vector<storage::segment_id> victims,
                      std::vector<storage::segment_usage> usage) {
  run_.emplace();
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
    open_output();
  });
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
         && storage::tombstone_may_go(victim->entry.max_shadow_sequence,
                                      run_->victims, run_->usage,
                                      unsealed_base(run_->usage));
}

void compactor::next_chunk() {
  auto chunk = std::make_shared<judged_chunk>();
  std::uint64_t chunk_bytes = 0;
  while (run_->victim_index < run_->victims.size()
         && chunk->records.size() < storage::compaction_entries_max
         && chunk_bytes < chunk_bytes_max) {
    auto& victim = segments_.at(run_->victims[run_->victim_index]);
    if (!run_->scanner && drop_without_reading(victim.entry.id)) {
      ++run_->victim_index;
      continue;
    }
    if (!run_->scanner)
      run_->scanner = std::make_unique<storage::segment_scanner>(
        victim.handle, victim.entry.end_bytes,
        storage::segment_scanner::values::skip);
    auto found = run_->scanner->next();
    if (!found)
      return abandon("compactor.read-failed", to_failure(found.error()));
    if (*found) {
      add_to_chunk(*chunk, **found);
      chunk_bytes += (*found)->location.size_bytes;
      continue;
    }
    if (run_->scanner->end_bytes() != victim.entry.end_bytes) {
      victim.damaged = true;
      return abandon(
        "compactor.segment-damaged",
        make_failure(outcome::corrupt,
                     victim.handle->bytes().path()
                       + ": invalid record at offset "
                       + std::to_string(run_->scanner->end_bytes())));
    }
    run_->scanner.reset();
    ++run_->victim_index;
  }
  if (chunk->records.empty())
    return finish_output();
  ask_liveness(std::move(chunk));
}

void compactor::add_to_chunk(judged_chunk& chunk,
                             const storage::scanned_record& record) const {
  // Flushes and marks say nothing about single keys: the MANIFEST remembers
  // the flush as long as it matters.
  if (record.head.type != storage::record_type::put
      && record.head.type != storage::record_type::tombstone)
    return;
  judged_chunk::record wanted{record, std::string{record.key}};
  wanted.hash = args_.hasher(wanted.key);
  wanted.shard = storage::shard_of(wanted.hash,
                                   static_cast<std::uint32_t>(shards_.size()));
  chunk.records.push_back(std::move(wanted));
}

void compactor::ask_liveness(std::shared_ptr<judged_chunk> chunk) {
  chunk->expired_until = args_.clock->now();
  std::vector<query_liveness> queries(shards_.size());
  for (const auto& each : chunk->records)
    queries[each.shard].records.push_back(
      {each.hash, each.key, each.scanned.location});
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
      return abandon("compactor.copy-failed", to_failure(copied.error()));
    }
    run_->done_count += *copied ? 1 : 0;
    turn_bytes += std::min<std::uint64_t>(record.scanned.location.size_bytes,
                                          storage::turn_value_bytes_max);
  }
  run_->copying = nullptr;
  next_chunk();
}

storage::result<bool>
compactor::copy_record(const judged_chunk::record& record,
                       storage::timestamp_ms expired_until) {
  if (run_->moving)
    return go_on_copying(record);
  auto scanned = record.scanned;
  scanned.key = record.key;
  auto may_go
    = storage::tombstone_may_go(scanned.head.sequence, run_->victims,
                                run_->usage, unsealed_base(run_->usage));
  auto verdict
    = storage::judge(scanned.head, record.found, expired_until, may_go);
  relocated_record moved{record.hash,
                         scanned.location,
                         {},
                         scanned.head.expires_at,
                         scanned.head.type == storage::record_type::tombstone};
  auto is_known = record.found == storage::liveness::live;
  // An expired record that a shard still finds leaves it with the segment.
  if (is_known && verdict != storage::verdict::copy)
    run_->moves[record.shard].push_back(moved);
  switch (verdict) {
    case storage::verdict::drop:
      return true;
    case storage::verdict::copy_as_tombstone: {
      auto place
        = run_->output->add_tombstone(record.key, scanned.head.sequence);
      if (!place)
        return place.error();
      return true;
    }
    case storage::verdict::copy:
      break;
  }
  run_->output->begin_copy(*segments_.at(scanned.location.segment).handle,
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

void compactor::finish_output() {
  if (run_->output->end_bytes() == storage::segment_header_bytes) {
    run_->output.reset();
    return tell_moves();
  }
  auto done = run_->output->finish();
  if (!done)
    return abandon("compactor.output-failed", to_failure(done.error()));
  run_->target = done->handle;
  auto entry = done->entry;
  run_->offered = true;
  caf_compat::ask(this, args_.catalog, install_segment{entry})
    .then(
      [this, entry](const catalog_updated& reply) {
        if (!run_)
          return;
        // After a final error either MANIFEST may be in force.
        run_->offered = reply.error.code == outcome::ok || reply.is_final;
        if (reply.error.code != outcome::ok)
          return abandon("compactor.install-failed", reply.error);
        track({entry, run_->target});
        tell_moves();
      },
      [this](const caf::error&) { run_.reset(); });
}

void compactor::tell_moves() {
  std::vector<std::pair<std::size_t, apply_moves>> messages;
  for (std::size_t shard = 0; shard < shards_.size(); ++shard) {
    auto& moves = run_->moves[shard];
    // Every shard gets the handle, also one that has nothing to move.
    if (run_->target == nullptr && moves.empty())
      continue;
    std::size_t at = 0;
    do {
      auto end = std::min(at + storage::compaction_entries_max, moves.size());
      apply_moves message{run_->target, {}};
      message.moves.assign(
        std::make_move_iterator(moves.begin() + static_cast<long>(at)),
        std::make_move_iterator(moves.begin() + static_cast<long>(end)));
      messages.emplace_back(shard, std::move(message));
      at = end;
    } while (at < moves.size());
  }
  run_->answers_left = messages.size();
  if (messages.empty())
    return make_deaths_durable();
  for (auto& [shard, message] : messages)
    caf_compat::ask(this, shards_[shard], std::move(message))
      .then(
        [this](const moves_applied&) {
          if (run_ && --run_->answers_left == 0)
            make_deaths_durable();
        },
        [this](const caf::error&) { run_.reset(); });
}

void compactor::make_deaths_durable() {
  // Counts that a shard sent before it applied the moves say nothing about
  // the output.
  if (run_->target != nullptr)
    segments_.at(run_->target->id()).live.assign(shards_.size(), {});
  // In the modes that acknowledge before the sync the newer version of a dead
  // record may be in memory only, and the old one is the durable one.
  caf_compat::ask(this, args_.writer, sync_log{})
    .then(
      [this](const log_made_durable& reply) {
        if (!run_)
          return;
        if (reply.error.code != outcome::ok)
          return abandon("compactor.sync-failed", reply.error);
        retire();
      },
      [this](const caf::error&) { run_.reset(); });
}

void compactor::retire() {
  caf_compat::ask(this, args_.catalog, retire_segments{run_->victims})
    .then(
      [this](const catalog_updated& reply) {
        if (!run_)
          return;
        if (reply.error.code != outcome::ok)
          return abandon("compactor.retire-failed", reply.error);
        forget_victims();
      },
      [this](const caf::error&) { run_.reset(); });
}

void compactor::forget_victims() {
  std::uint64_t freed = 0;
  for (auto id : run_->victims) {
    freed += segments_.at(id).entry.end_bytes;
    segments_.erase(id);
  }
  auto copied = run_->target == nullptr
                  ? 0
                  : segments_.at(run_->target->id()).entry.end_bytes;
  ++figures_.runs;
  figures_.segments += run_->victims.size();
  command_rewritten_ += run_->victims.size();
  figures_.freed_bytes += freed - std::min(freed, copied);
  spdlog::info("compactor.segments-rewritten segments={} bytes_before={} "
               "bytes_after={}",
               run_->victims.size(), freed, copied);
  run_->answers_left = shards_.size();
  for (const auto& each : shards_)
    caf_compat::ask(this, each, forget_segments{run_->victims})
      .then(
        [this](const segments_forgotten&) {
          if (!run_ || --run_->answers_left > 0)
            return;
          end_run();
        },
        [this](const caf::error&) { run_.reset(); });
}

void compactor::abandon(const char* event, const failure& why) {
  ++figures_.failures;
  spdlog::error("{} error=\"{}\"", event,
                why.detail ? *why.detail : std::string{"?"});
  // The victims stay as they are; a damaged one is not chosen again.
  if (run_->output && !run_->offered)
    run_->output->abandon();
  run_.reset();
  pause_count_ = reports_after_failure;
  if (command_limit_)
    end_command();
  else
    begin_next_command();
}

void compactor::end_run() {
  run_.reset();
  if (command_limit_)
    return recount([this] { consider(); });
  if (!commands_.empty())
    return begin_next_command();
  consider();
}

} // namespace kvs::actors
