// What the COMPACTOR knows of the segments, and when it rewrites some.

#include "actors/compactor_state.hpp"
#include "actors/logging.hpp"

#include <algorithm>

namespace kvs::actors {
namespace {

constexpr std::chrono::seconds look_period{1};
/// The store rests after so many looks at which little was written.
constexpr std::uint32_t quiet_looks_min = 5;
/// Little: less than this part of a segment between two looks.
constexpr std::uint64_t quiet_segment_part = 256;
/// A store that rests is counted anew after so many looks: keys expire.
constexpr std::uint32_t looks_per_count = 60;

} // namespace

compactor::compactor(caf::actor_config& config,
                     caf_compat::execution_base* thread, compactor_args args)
  : pinnable{config, thread}, args_{std::move(args)} {
}

compactor::behavior_type compactor::make_behavior() {
  return {
    [this](const live_counted& message) {
      note_live(message, 0);
      if (looks_to_pause_ == 0)
        consider();
    },
    [this](const applied_marked& message) { marked(message); },
    [this](const segment_sealed& message) {
      give_back_unused(message);
      note_sealed(message);
      await_hint(message.entry.id);
    },
    [this](const writes_slowed&) {
      if (run_)
        run_->hurries = true;
    },
    [this](const make_space&) { return search_space(); },
    [this](const compact_store& command) {
      commands_.push_back(command);
      if (!run_)
        begin_next_command();
    },
    [this](const collect_figures& request) { tell_figures(request); },
    [this](const connect_compactor& message) {
      shards_ = message.shards;
      for (const auto& each : args_.sealed)
        track(each);
      args_.sealed.clear();
      pace_.start(this->clock().now());
      caf_compat::tell_after(this, this, look_period, look_due{});
    },
    [this](const stop_compactor&) { return stop(); },
    [this](const copy_due& due) {
      if (run_ && run_->number == due.run)
        copy_on();
    },
    [this](const chunk_due& due) {
      if (run_ && run_->number == due.run)
        next_chunk();
    },
    [this](const look_due&) { look(); },
    [this](const hint_due&) {
      write_hint();
      hint_requested_ = false;
      request_hint();
    },
  };
}

void compactor::tell_figures(const collect_figures& request) {
  storage::live_share live;
  std::uint64_t dead_records = 0;
  for (const auto& each : usage()) {
    live.records += each.live_records;
    live.bytes += each.live_bytes;
    dead_records += storage::dead_puts(each);
  }
  figures_collected reply;
  reply.ref = request.ref;
  reply.figures = {
    {"segments", segments_.size()},
    {"sealed_bytes", store_bytes()},
    {"sealed_live_records", live.records},
    {"sealed_live_bytes", live.bytes},
    {"sealed_dead_records", dead_records},
    {"compactions", figures_.runs},
    {"compactions_failed", figures_.failures},
    {"compacted_segments", figures_.segments},
    {"compaction_judged_records", figures_.judged_records},
    {"compaction_copied_bytes", figures_.copied_bytes},
    {"compaction_freed_bytes", figures_.freed_bytes},
  };
  caf_compat::tell(this, request.from, std::move(reply));
}

void compactor::track(const segment_sealed& sealed) {
  tracked_segment fresh;
  fresh.entry = sealed.entry;
  fresh.handle = sealed.segment;
  fresh.live.resize(shards_.size());
  fresh.number = ++tracked_count_;
  segments_.insert_or_assign(sealed.entry.id, std::move(fresh));
}

void compactor::give_back_unused(const segment_sealed& sealed) {
  // A segment that is sealed early, for a backup or a stop, has most of its
  // space only reserved.
  auto cut = sealed.segment->shared_file()->truncate(sealed.entry.end_bytes);
  if (!cut)
    logging::warn("compactor.cut-failed segment={} error=\"{}\"",
                  static_cast<std::uint32_t>(sealed.entry.id),
                  storage::to_string(cut.error()));
}

void compactor::note_sealed(const segment_sealed& sealed) {
  track(sealed);
  pace_.note_sealed(this->clock().now());
  last_log_ = std::max(last_log_, sealed.entry.id);
  set_debt(debt_bytes_ + static_cast<std::int64_t>(sealed.entry.end_bytes));
  if (run_)
    run_->hurries = true;
  count_and_consider();
}

void compactor::note_live(const live_counted& message,
                          std::uint64_t asked_about) {
  applied_ = std::max(applied_, message.applied_up_to);
  if (message.is_exact)
    inexact_shards_.erase(message.shard);
  else
    inexact_shards_.insert(message.shard);
  for (auto& [id, segment] : segments_)
    if (segment.is_covered_by(message, asked_about))
      segment.live[message.shard] = storage::live_share{};
  // A shard may speak before the COMPACTOR has been told of the shards.
  unsealed_live_.resize(
    std::max<std::size_t>(unsealed_live_.size(), message.shard + 1));
  auto& unsealed = unsealed_live_[message.shard];
  unsealed = 0;
  for (const auto& [id, share] : message.segments)
    if (auto it = segments_.find(id); it == segments_.end())
      unsealed += share.bytes;
    else if (it->second.is_covered_by(message, asked_about))
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
compactor::unsealed_base(const std::vector<storage::segment_usage>& all) const {
  // No tombstone may go while a segment may hold more that is dead than counts.
  if (!inexact_shards_.empty())
    return 0;
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
  for (auto bytes : unsealed_live_)
    policy.unsealed_live_bytes += bytes;
  for (const auto& [id, segment] : segments_)
    if (segment.damaged || (command_limit_ && id >= *command_limit_))
      policy.excluded.push_back(id);
  auto victims = storage::choose_victims(all, policy, need());
  auto excess
    = storage::excess_under_load(storage::space_of(all, policy), policy);
  // What nobody can free is no reason to slow anybody down, nor is a store
  // that grows.
  auto is_stuck = victims.empty() && excess > storage::tolerated(policy);
  set_debt(is_stuck || excess <= 0 ? no_debt : excess);
  if (!victims.empty())
    return begin(std::move(victims), std::move(all));
  if (command_limit_)
    end_command();
}

void compactor::count_and_consider() {
  if (run_ || counting_ || stopping_ || shards_.empty() || command_begun_
      || looks_to_pause_ > 0)
    return;
  counting_ = true;
  wanted_since_count_ = false;
  recount([this] {
    counting_ = false;
    consider();
    if (!run_)
      nothing_found();
  });
}

caf::result<space_made> compactor::search_space() {
  end_search(false);
  auto promise = this->make_response_promise<space_made>();
  space_wanted_ = promise;
  wanted_since_count_ = counting_;
  count_and_consider();
  // It is no use to wait for a command that waits for the WRITER, nor for a
  // pause after a failure.
  if (!run_ && !counting_ && !command_limit_)
    end_search(false);
  return promise;
}

void compactor::nothing_found() {
  // Segments that came meanwhile are not counted.
  if (wanted_since_count_ || counted_ != tracked_count_)
    count_and_consider();
  if (!counting_)
    end_search(false);
}

void compactor::end_search(bool is_freed) {
  if (space_wanted_)
    space_wanted_->deliver(space_made{is_freed});
  space_wanted_.reset();
}

storage::compaction_need compactor::need() const {
  using enum storage::compaction_need;
  if (command_limit_)
    return command;
  auto free_bytes = args_.files->free_bytes(args_.directory);
  if (free_bytes && *free_bytes < args_.shortage_bytes)
    return shortage;
  return quiet_looks_ >= quiet_looks_min ? rest : load;
}

void compactor::look() {
  if (stopping_)
    return;
  request_hint();
  std::uint64_t records = 1;
  for (const auto& [id, segment] : segments_)
    records += segment.entry.record_count;
  auto written = (applied_ - std::exchange(applied_at_look_, applied_))
                 * (store_bytes() / records + 1);
  quiet_looks_ = written * quiet_segment_part < args_.policy.segment_bytes
                   ? quiet_looks_ + 1
                   : 0;
  // Nobody need write for a rewrite to be tried again: a full disk refuses it.
  auto pause_ends = looks_to_pause_ > 0 && --looks_to_pause_ == 0;
  if (pause_ends || quiet_looks_ % looks_per_count == quiet_looks_min)
    count_and_consider();
  caf_compat::tell_after(this, this, look_period, look_due{});
}

void compactor::set_debt(std::int64_t bytes) {
  debt_bytes_ = bytes;
  caf_compat::tell(this, args_.writer, compaction_debt{bytes, last_log_});
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
  counted_ = tracked_count_;
  for (const auto& each : shards_)
    caf_compat::ask(this, each, count_live{})
      .then(
        [this, left, then, about = counted_](const live_counted& message) {
          note_live(message, about);
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
  end_search(false);
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

caf::result<compactor_stopped> compactor::stop() {
  stopping_ = true;
  end_search(false);
  // What is installed holds copies of what the victims still hold.
  give_up_output();
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
  end_search(false);
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
