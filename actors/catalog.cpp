#include "actors/catalog.hpp"

#include "actors/logging.hpp"
#include "storage/planted_bugs.hpp"
#include "storage/random.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

namespace kvs::actors {
namespace {

using storage::is_planted;
using storage::planted_bug;

class catalog final : public caf_compat::pinnable<catalog_actor::base> {
public:
  catalog(caf::actor_config& config, caf_compat::execution_base* thread,
          catalog_args args)
    : pinnable{config, thread}, args_{std::move(args)} {
  }

  const char* name() const override {
    return "kvs.catalog";
  }

  behavior_type make_behavior() override {
    return {
      [this](const persist_time& request) { return persist(request.time); },
      [this](const create_segment& request) { return create(request); },
      [this](const seal_segment& request) { return seal(request.entry); },
      [this](const allocate_segment_id&) {
        // Not persisted here: a file with an id that the MANIFEST does not
        // know is deleted at the next start.
        return segment_id_allocated{take_id()};
      },
      [this](const install_segment& request) {
        args_.state.segments.push_back(request.entry);
        return replace();
      },
      [this](const retire_segments& request) {
        return retire(request.segments);
      },
      [this](const record_flush& request) {
        args_.state.flushed_below
          = std::max(args_.state.flushed_below, request.sequence);
        return replace();
      },
      [this](const hold_segments&) {
        held_.emplace();
        held_->flushed_below = installed_.flushed_below;
        return segments_held{};
      },
      [this](const list_held&) { return list(); },
      [this](const release_segments& request) { release(request.segments); },
      [this](const stop_catalog& request) {
        release({});
        persist(args_.clock->now());
        write_checkpoint(request);
        this->quit();
      },
    };
  }

private:
  storage::segment_id take_id() {
    auto id = args_.state.next_segment;
    args_.state.next_segment
      = storage::segment_id{static_cast<std::uint32_t>(id) + 1};
    return id;
  }

  /// Writes the edited state. What fails before the old MANIFEST is touched
  /// takes the edit back and may work the next time; a failure behind that is
  /// final, since either one may be in force.
  catalog_updated replace() {
    if (failed_)
      return {*failed_, true};
    auto next = args_.state;
    ++next.generation;
    next.persisted_time = std::max(next.persisted_time, args_.clock->now());
    auto done = storage::stage_manifest(*args_.files, args_.directory, next);
    auto staged = static_cast<bool>(done);
    if (staged)
      done = storage::install_staged_manifest(*args_.files, args_.directory);
    if (done) {
      args_.state = next;
      installed_ = std::move(next);
      return {};
    }
    auto why = to_failure(done.error());
    logging::error("catalog.replace-failed error=\"{}\"", *why.detail);
    if (staged) {
      failed_ = why;
    } else {
      auto next_segment = args_.state.next_segment;
      args_.state = installed_;
      args_.state.next_segment = next_segment;
    }
    return {why, staged};
  }

  time_persisted persist(storage::timestamp_ms time) {
    if (is_planted(planted_bug::forget_reported_time))
      return {{}, time};
    if (time > installed_.persisted_time)
      if (auto done = replace(); done.error.code != outcome::ok)
        return {done.error, 0, done.is_final};
    return {{}, installed_.persisted_time};
  }

  segment_created create(const create_segment& request) {
    // Compaction goes on, and when it has freed some the next try succeeds.
    if (args_.state.segments.size()
        >= args_.segments_max + (request.is_for_erases ? 2 : 0))
      return {make_failure(outcome::no_space,
                           "the store has as many segments as it can have: "
                           "delete keys, or restart with a larger "
                           "--segment-bytes; nothing changed"),
              nullptr, false};
    if (is_short_of_space(request.is_for_erases))
      return {make_failure(outcome::no_space,
                           "the disk is full but for what compaction needs: "
                           "delete keys or free space; nothing changed"),
              nullptr, false};
    storage::segment_header header;
    header.id = take_id();
    header.store_id = args_.state.store_id;
    header.context.kind = storage::segment_kind::log;
    header.context.identity = storage::random_identity();
    header.context.base_sequence = request.base_sequence;
    auto made = storage::create_segment(*args_.files, args_.directory, header,
                                        args_.segment_bytes);
    if (!made)
      return {to_failure(made.error()), nullptr, false};
    // The name must be durable before the MANIFEST lists it.
    if (auto done = args_.files->sync_directory(args_.directory); !done)
      return {to_failure(done.error()), nullptr, false};
    storage::segment_entry entry;
    entry.id = header.id;
    entry.kind = header.context.kind;
    entry.identity = header.context.identity;
    entry.base_sequence = request.base_sequence;
    args_.state.segments.push_back(entry);
    auto done = replace();
    if (done.error.code != outcome::ok) {
      // The MANIFEST in force may list it if the failure is final.
      if (!done.is_final)
        unlink(storage::segment_file_name(header.id, header.context.kind));
      return {done.error, nullptr, done.is_final};
    }
    return {{}, *made, false};
  }

  bool is_short_of_space(bool is_for_erases) const {
    if (args_.reserve_bytes == 0)
      return false;
    // Where nobody can tell, a write will find out.
    auto free_bytes = args_.files->free_bytes(args_.directory);
    auto kept
      = is_for_erases ? args_.reserve_bytes / 3 * 2 : args_.reserve_bytes;
    return free_bytes && *free_bytes < args_.segment_bytes + kept;
  }

  catalog_updated seal(const storage::segment_entry& entry) {
    auto& all = args_.state.segments;
    auto it = std::find_if(all.begin(), all.end(), [&](const auto& each) {
      return each.id == entry.id;
    });
    if (it == all.end())
      return {make_failure(outcome::io_error,
                           "a segment to seal is not in the MANIFEST"),
              true};
    *it = entry;
    return replace();
  }

  catalog_updated retire(const std::vector<storage::segment_id>& ids) {
    std::vector<storage::segment_entry> gone;
    auto retired = [&](const storage::segment_entry& entry) {
      if (std::find(ids.begin(), ids.end(), entry.id) == ids.end())
        return false;
      gone.push_back(entry);
      return true;
    };
    std::erase_if(args_.state.segments, retired);
    if (is_planted(planted_bug::unlink_before_manifest))
      unlink_segments(gone);
    forget_flush();
    if (auto done = replace(); done.error.code != outcome::ok)
      return done;
    for (const auto& entry : gone)
      unlink(storage::hint_file_name(entry.id));
    for (const auto& entry : gone)
      if (held_ && held_->needs(entry.id))
        held_->retired.push_back(entry);
      else
        unlink_segment(entry);
    return {};
  }

  void unlink_segments(const std::vector<storage::segment_entry>& gone) {
    for (const auto& entry : gone)
      unlink_segment(entry);
  }

  void unlink_segment(const storage::segment_entry& entry) {
    unlink(storage::segment_file_name(entry.id, entry.kind));
  }

  held_listed list() {
    held_listed reply{installed_};
    auto& state = reply.state;
    std::erase_if(state.segments, [](const storage::segment_entry& entry) {
      return !entry.sealed;
    });
    if (held_) {
      state.segments.insert(state.segments.end(), held_->retired.begin(),
                            held_->retired.end());
      state.flushed_below = std::max(state.flushed_below, held_->flushed_below);
      held_->listed.emplace();
      for (const auto& entry : state.segments)
        held_->listed->insert(entry.id);
    }
    return reply;
  }

  /// None: all.
  void release(const std::vector<storage::segment_id>& ids) {
    if (!held_)
      return;
    if (ids.empty())
      return unlink_segments(std::exchange(held_, std::nullopt)->retired);
    for (auto id : ids) {
      if (held_->listed)
        held_->listed->erase(id);
      std::erase_if(held_->retired, [&](const storage::segment_entry& entry) {
        if (entry.id != id)
          return false;
        unlink_segment(entry);
        return true;
      });
    }
  }

  /// The flush matters only while a segment may hold older records.
  void forget_flush() {
    const auto& all = args_.state.segments;
    auto older = [this](const storage::segment_entry& entry) {
      return entry.sealed && entry.min_sequence != 0
             && entry.min_sequence < args_.state.flushed_below;
    };
    auto unsealed = [this](const storage::segment_entry& entry) {
      return !entry.sealed && entry.base_sequence < args_.state.flushed_below;
    };
    if (std::none_of(all.begin(), all.end(), older)
        && std::none_of(all.begin(), all.end(), unsealed))
      args_.state.flushed_below = 0;
  }

  /// Behind the last MANIFEST. Without it the next start takes longer, nothing
  /// else.
  void write_checkpoint(const stop_catalog& request) {
    if (failed_ || request.shards.empty())
      return;
    auto done
      = storage::write_checkpoint(*args_.files, args_.directory, installed_,
                                  request.shards, request.flushed_below);
    if (!done)
      logging::warn("catalog.checkpoint-failed error=\"{}\"",
                    storage::to_string(done.error()));
  }

  /// A file that stays behind is deleted at the next start.
  void unlink(const std::string& name) {
    auto done = args_.files->unlink(args_.directory + "/" + name);
    if (!done && done.error().code != storage::errc::not_found)
      logging::warn("catalog.unlink-failed error=\"{}\"",
                    storage::to_string(done.error()));
  }

  /// What a backup needs although the store does not any more.
  struct held_segments {
    bool needs(storage::segment_id id) const {
      return !listed || listed->contains(id);
    }

    std::vector<storage::segment_entry> retired;
    /// What it still has to take; nullopt: that is not known yet.
    std::optional<std::set<storage::segment_id>> listed;
    storage::sequence_number flushed_below = 0;
  };

  catalog_args args_;
  std::optional<held_segments> held_;
  /// What the disk holds.
  storage::manifest installed_ = args_.state;
  std::optional<failure> failed_;
};

} // namespace

catalog_actor spawn_catalog(caf::actor_system& system, catalog_args args,
                            caf_compat::execution_base* thread) {
  return system.spawn<catalog>(thread, std::move(args));
}

} // namespace kvs::actors
