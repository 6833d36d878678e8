// How the output of a rewrite takes the place of its victims, and how a rewrite
// ends. Every step ends by asking somebody; the answer starts the next one.

#include "actors/compactor_state.hpp"
#include "actors/logging.hpp"
#include "storage/planted_bugs.hpp"

#include <algorithm>
#include <iterator>

namespace kvs::actors {
namespace {

using storage::is_planted;
using storage::planted_bug;

/// Seconds, more or less: what has failed may have read a whole segment, …
constexpr std::uint32_t looks_after_failure = 5;
/// … but a node that refuses writes tries again soon.
constexpr std::uint32_t looks_after_shortage = 2;

} // namespace

void compactor::finish_output() {
  if (run_->output->end_bytes() == storage::segment_header_bytes) {
    run_->output.reset();
    return tell_moves();
  }
  auto done = run_->output->finish();
  if (!done)
    return abandon("compactor.output-failed", to_failure(done.error()));
  run_->target = done->handle;
  if (!run_->has_early_shadows)
    return install(done->entry);
  // If the power went now, what made these records dead could be lost, and the
  // tombstones in their place would not.
  then_when_durable([this, entry = done->entry] { install(entry); });
}

void compactor::install(const storage::segment_entry& entry) {
  run_->offered = true;
  caf_compat::ask(this, args_.catalog, install_segment{entry})
    .then(
      [this, entry](const catalog_updated& reply) {
        if (!run_)
          return;
        // After a final error either MANIFEST may be in force.
        run_->offered = reply.error.code == outcome::ok || reply.is_final;
        if (reply.is_final)
          caf_compat::tell(this, args_.writer, manifest_failed{reply.error});
        if (reply.error.code != outcome::ok)
          return abandon("compactor.install-failed", reply.error);
        track({entry, run_->target});
        if (args_.residency)
          caf_compat::tell(
            this, args_.residency,
            keep_resident{run_->target, entry.end_bytes, entry.end_bytes});
        tell_moves();
      },
      [this](const caf::error&) { run_.reset(); });
}

void compactor::tell_moves() {
  run_->moved_counts.assign(shards_.size(), 0);
  // Every shard gets the handle, also one that has nothing to move.
  std::vector<std::size_t> told;
  for (std::size_t shard = 0; shard < shards_.size(); ++shard)
    if (run_->target != nullptr || !run_->moves[shard].empty())
      told.push_back(shard);
  run_->answers_left = told.size();
  if (told.empty())
    return make_deaths_durable();
  for (auto shard : told)
    tell_more_moves(shard);
}

void compactor::tell_more_moves(std::size_t shard) {
  // One message after the other: requests have their turns in between.
  const auto& moves = run_->moves[shard];
  auto& at = run_->moved_counts[shard];
  auto end = std::min(at + storage::compaction_entries_max, moves.size());
  apply_moves message{run_->target, {}};
  message.moves.assign(moves.begin() + static_cast<long>(at),
                       moves.begin() + static_cast<long>(end));
  at = end;
  caf_compat::ask(this, shards_[shard], std::move(message))
    .then(
      [this, shard](const moves_applied&) {
        if (!run_)
          return;
        if (run_->moved_counts[shard] < run_->moves[shard].size())
          tell_more_moves(shard);
        else if (--run_->answers_left == 0)
          make_deaths_durable();
      },
      [this](const caf::error&) { run_.reset(); });
}

void compactor::make_deaths_durable() {
  // Counts that a shard sent before it applied the moves say nothing about
  // the output.
  if (run_->target != nullptr)
    segments_.at(run_->target->id()).live.assign(shards_.size(), {});
  if (is_planted(planted_bug::retire_before_sync))
    return retire();
  // In the modes that acknowledge before the sync the newer version of a dead
  // record may be in memory only, and the old one is the durable one.
  then_when_durable([this] { retire_if_dead(); });
}

void compactor::then_when_durable(std::function<void()> then) {
  caf_compat::ask(this, args_.writer, sync_log{})
    .then(
      [this, then = std::move(then)](const log_made_durable& reply) {
        if (!run_)
          return;
        if (reply.error.code != outcome::ok)
          return abandon("compactor.sync-failed", reply.error);
        then();
      },
      [this](const caf::error&) {
        give_up_output();
        run_.reset();
      });
}

void compactor::retire_if_dead() {
  // A record that was overlooked would be lost with its file, so the shards
  // have the last word. A segment that they still need is not chosen again.
  recount([this] {
    if (!run_)
      return;
    std::string kept;
    for (auto id : run_->victims) {
      auto& victim = segments_.at(id);
      auto is_needed
        = [](const auto& share) { return !share || share->records != 0; };
      if (!std::ranges::any_of(victim.live, is_needed))
        continue;
      victim.damaged = true;
      kept += " " + victim.handle->bytes().path();
    }
    if (!kept.empty())
      return abandon(
        "compactor.victim-alive",
        make_failure(outcome::corrupt, "the index finds records that were not "
                                       "copied; kept:"
                                         + kept));
    retire();
  });
}

bool compactor::is_victim(storage::segment_id id) const {
  return std::find(run_->victims.begin(), run_->victims.end(), id)
         != run_->victims.end();
}

void compactor::retire() {
  give_up_hints();
  caf_compat::ask(this, args_.catalog, retire_segments{run_->victims})
    .then(
      [this](const catalog_updated& reply) {
        if (!run_)
          return;
        if (reply.is_final)
          caf_compat::tell(this, args_.writer, manifest_failed{reply.error});
        if (reply.error.code != outcome::ok) {
          take_up_hints();
          return abandon("compactor.retire-failed", reply.error);
        }
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
  logging::info("compactor.segments-rewritten segments={} bytes_before={} "
                "bytes_after={}",
                run_->victims.size(), freed, copied);
  let_go_of_victims();
}

void compactor::let_go_of_victims() {
  // The disk has the space when nobody has a victim open or mapped; the next
  // rewrite may need it.
  auto one_less = [this] {
    if (run_ && --run_->answers_left == 0)
      end_run();
  };
  run_->answers_left = shards_.size() + (args_.residency ? 1 : 0);
  if (args_.residency)
    caf_compat::ask(this, args_.residency, drop_resident{run_->victims})
      .then([one_less](const resident_dropped&) { one_less(); },
            // Nothing depends on it but speed.
            [one_less](const caf::error&) { one_less(); });
  for (const auto& each : shards_)
    caf_compat::ask(this, each, forget_segments{run_->victims})
      .then([one_less](const segments_forgotten&) { one_less(); },
            [this](const caf::error&) { run_.reset(); });
}

void compactor::abandon(const char* event, const failure& why) {
  ++figures_.failures;
  logging::error("{} error=\"{}\"", event,
                 why.detail ? *why.detail : std::string{"?"});
  // The victims stay as they are; a damaged one is not chosen again.
  give_up_output();
  run_.reset();
  looks_to_pause_ = need() == storage::compaction_need::shortage
                      ? looks_after_shortage
                      : looks_after_failure;
  set_debt(no_debt);
  end_search(false);
  if (command_limit_)
    end_command();
  else
    begin_next_command();
}

void compactor::give_up_output() {
  if (run_ && run_->output && !run_->offered)
    run_->output->abandon();
}

void compactor::end_run() {
  run_.reset();
  end_search(true);
  if (command_limit_)
    return recount([this] { consider(); });
  if (!commands_.empty())
    return begin_next_command();
  count_and_consider();
}

} // namespace kvs::actors
