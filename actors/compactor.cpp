// What the COMPACTOR knows of the segments, and when it rewrites some.

#include "actors/compactor_state.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace kvs::actors {

compactor::compactor(caf::actor_config& config,
                     caf_compat::execution_base* thread, compactor_args args)
  : pinnable{config, thread}, args_{std::move(args)} {
}

compactor::behavior_type compactor::make_behavior() {
  return {
    [this](const live_counted& message) {
      note_live(message);
      if (pause_count_ > 0)
        --pause_count_;
      else
        consider();
    },
    [this](const applied_marked& message) { marked(message); },
    [this](const segment_sealed& message) {
      track(message);
      missing_hints_.push_back(message.entry.id);
      if (missing_hints_.size() == 1)
        caf_compat::tell(this, this, hint_due{});
    },
    [this](const compact_store& command) {
      commands_.push_back(command);
      if (!run_)
        begin_next_command();
    },
    [this](const collect_figures& request) {
      figures_collected reply;
      reply.ref = request.ref;
      reply.figures = {
        {"segments", segments_.size()},
        {"sealed_bytes", store_bytes()},
        {"compactions", figures_.runs},
        {"compactions_failed", figures_.failures},
        {"compacted_segments", figures_.segments},
        {"compaction_copied_bytes", figures_.copied_bytes},
        {"compaction_freed_bytes", figures_.freed_bytes},
      };
      caf_compat::tell(this, request.from, std::move(reply));
    },
    [this](const connect_compactor& message) {
      shards_ = message.shards;
      for (const auto& each : args_.sealed)
        track(each);
      args_.sealed.clear();
    },
    [this](const stop_compactor&) { return stop(); },
    [this](const copy_due& due) {
      if (run_ && run_->number == due.run)
        copy_on();
    },
    [this](const hint_due&) {
      write_hint();
      if (!missing_hints_.empty())
        caf_compat::tell(this, this, hint_due{});
    },
  };
}

void compactor::track(const segment_sealed& sealed) {
  tracked_segment fresh;
  fresh.entry = sealed.entry;
  fresh.handle = sealed.segment;
  fresh.live.resize(shards_.size());
  segments_.insert_or_assign(sealed.entry.id, std::move(fresh));
}

void compactor::note_live(const live_counted& message) {
  for (auto& [id, segment] : segments_)
    segment.live[message.shard] = storage::live_share{};
  for (const auto& [id, share] : message.segments)
    if (auto it = segments_.find(id); it != segments_.end())
      it->second.live[message.shard] = share;
}

std::vector<storage::segment_usage> compactor::usage() const {
  std::vector<storage::segment_usage> all;
  all.reserve(segments_.size());
  for (const auto& [id, segment] : segments_) {
    storage::segment_usage each{segment.entry, 0, 0};
    for (const auto& share : segment.live) {
      each.live_records += share ? share->records : 0;
      each.live_bytes += share ? share->bytes : 0;
    }
    if (!is_counted(id)) {
      // Nothing to gain, as far as anybody knows. One dead record is assumed
      // so that the tombstones of others stay.
      each.live_bytes = segment.entry.end_bytes - segment.entry.tombstone_bytes;
      each.live_records
        = segment.entry.record_count == 0
            ? 0
            : segment.entry.record_count - segment.entry.tombstone_count - 1;
    }
    all.push_back(each);
  }
  return all;
}

storage::sequence_number
compactor::unsealed_base(const std::vector<storage::segment_usage>& all) {
  // Whatever is not sealed was written after all that is.
  storage::sequence_number highest = 0;
  for (const auto& each : all)
    highest = std::max(highest, each.entry.max_sequence);
  return highest + 1;
}

void compactor::consider() {
  if (run_ || stopping_ || shards_.empty())
    return;
  auto all = usage();
  auto policy = args_.policy;
  policy.unsealed_base = unsealed_base(all);
  for (const auto& [id, segment] : segments_)
    if (segment.damaged || (command_limit_ && id >= *command_limit_))
      policy.excluded.push_back(id);
  auto victims
    = storage::choose_victims(all, policy, command_limit_.has_value());
  if (!victims.empty())
    return begin(std::move(victims), std::move(all));
  if (command_limit_)
    end_command();
}

void compactor::begin_next_command() {
  if (commands_.empty() || command_begun_)
    return;
  command_begun_ = true;
  command_bytes_before_ = store_bytes();
  command_rewritten_ = 0;
  caf_compat::ask(this, args_.writer, seal_active{})
    .then(
      [this](const log_made_durable&) {
        // What is sealed from here on is not the business of this command.
        command_bytes_before_ = store_bytes();
        auto last = segments_.empty()
                      ? 0U
                      : static_cast<std::uint32_t>(segments_.rbegin()->first);
        command_limit_ = storage::segment_id{last + 1};
        recount([this] { consider(); });
      },
      [this](const caf::error&) { end_command(); });
}

void compactor::recount(std::function<void()> then) {
  auto left = std::make_shared<std::size_t>(shards_.size());
  for (const auto& each : shards_)
    caf_compat::ask(this, each, count_live{})
      .then(
        [this, left, then](const live_counted& message) {
          note_live(message);
          if (--*left == 0)
            then();
        },
        [this](const caf::error&) { run_.reset(); });
}

bool compactor::is_counted(storage::segment_id id) const {
  const auto& segment = segments_.at(id);
  return !segment.damaged
         && std::all_of(segment.live.begin(), segment.live.end(),
                        [](const auto& share) { return share.has_value(); });
}

void compactor::end_command() {
  command_limit_.reset();
  command_begun_ = false;
  if (commands_.empty())
    return;
  figures_collected reply;
  reply.ref = commands_.front().ref;
  reply.figures = {
    {"segments_rewritten", command_rewritten_},
    {"bytes_before", command_bytes_before_},
    {"bytes_after", store_bytes()},
  };
  caf_compat::tell(this, commands_.front().from, std::move(reply));
  commands_.pop_front();
  begin_next_command();
}

std::uint64_t compactor::store_bytes() const {
  std::uint64_t total = 0;
  for (const auto& [id, segment] : segments_)
    total += segment.entry.end_bytes;
  return total;
}

void compactor::write_hint() {
  if (missing_hints_.empty())
    return;
  auto id = missing_hints_.front();
  missing_hints_.pop_front();
  auto it = segments_.find(id);
  if (it == segments_.end()) // It was compacted away in the meantime.
    return;
  const auto& entry = it->second.entry;
  storage::hint_builder hints{args_.hasher};
  storage::segment_scanner scanner{it->second.handle, entry.end_bytes,
                                   storage::segment_scanner::values::skip};
  for (;;) {
    auto found = scanner.next();
    if (!found || !*found)
      break;
    hints.add(**found);
  }
  // A hint file that is missing or incomplete only costs time at start.
  if (auto done = hints.write(*args_.files, args_.directory, entry); !done)
    spdlog::warn("compactor.hint-failed error=\"{}\"",
                 storage::to_string(done.error()));
}

caf::result<compactor_stopped> compactor::stop() {
  stopping_ = true;
  // An output that is not installed is deleted with its writer; one that is
  // installed holds copies of what the victims still hold.
  run_.reset();
  while (!missing_hints_.empty())
    write_hint();
  while (!commands_.empty())
    end_command();
  auto promise = this->make_response_promise<compactor_stopped>();
  promise.deliver(compactor_stopped{});
  this->quit();
  return promise;
}

void compactor::on_exit() {
  run_.reset();
  shards_.clear();
  segments_.clear();
  args_ = {};
}

compactor_actor spawn_compactor(caf::actor_system& system, compactor_args args,
                                caf_compat::execution_base* thread) {
  return system.spawn<compactor>(thread, std::move(args));
}

} // namespace kvs::actors
