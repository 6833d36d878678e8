/// WRITER: the order of all writes.
#pragma once

#include "actors/catalog.hpp"
#include "actors/session.hpp"
#include "actors/shard.hpp"
#include "actors/syncer.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace kvs::actors {

// -- from sessions -----------------------------------------------------------

/// Puts without condition, of any shards, in order.
struct append_batch {
  session_actor from;
  std::vector<operation> operations;
  memory_owners memory;
};

/// What a transaction has read: valid as long as no record of the slot is
/// newer than `evaluated_at`.
struct observed_slot {
  storage::key_hash hash = 0;
  storage::sequence_number evaluated_at = 0;
};

/// As `observed_slot`, for all keys of a shard.
struct observed_shard {
  std::uint32_t shard = 0;
  storage::sequence_number evaluated_at = 0;
};

/// Puts and erases that take effect together, if what was read is unchanged.
/// Answered with one `answer` for `ref`.
struct append_atomic {
  session_actor from;
  request_ref ref;
  std::vector<operation> operations;
  std::vector<observed_slot> observed;
  std::vector<observed_shard> observed_shards;
  memory_owners memory;
  /// How often this transaction was rejected before.
  std::uint32_t rejection_count = 0;
};

/// A transaction that was rejected before ends without a record.
struct withdraw_transaction {
  session_actor from;
  request_ref ref;
};

/// Reads of several shards that must see one point of the log.
/// `per_shard[i]` is for shard i; empty ones are not sent.
struct place_cut {
  session_actor from;
  std::vector<std::vector<operation>> per_shard;
  memory_owners memory;
};

/// Count the keys of every shard at one point of the log: one answer per
/// shard, its index in `ref.part`.
struct count_at_cut {
  session_actor from;
  request_ref ref;
};

/// Erase everything. Answered with one `answer`.
struct flush_store {
  session_actor from;
  request_ref ref;
};

/// Make everything appended so far durable. Answered with one `answer`.
struct sync_now {
  session_actor from;
  request_ref ref;
};

// -- from the COMPACTOR ------------------------------------------------------

/// As `sync_now`, for actors that ask; also waits until the MANIFEST has every
/// flush appended so far.
struct sync_log {};

struct log_made_durable {
  failure error;
  /// `seal_active`: the log is sealed up to this number.
  storage::sequence_number sequence = 0;
};

/// Pass `mark_applied` through every shard's publication stream.
struct mark_published {};

/// What sealed segments take beyond the space factor, and compaction can free:
/// writes slow down when it is much.
struct compaction_debt {
  /// Negative: there is room left.
  std::int64_t bytes = 0;
  /// The last sealed segment that is counted in it.
  storage::segment_id counted_up_to{};
};

/// Seal the active segment, unless it is empty. Answered when the COMPACTOR
/// has been told of it.
struct seal_active {};

/// A log segment is sealed, synced and in the MANIFEST.
struct segment_sealed {
  storage::segment_entry entry;
  storage::segment_ptr segment;
};

/// Writes have begun to slow down because compaction lags behind. Told once
/// for each debt that the COMPACTOR reports.
struct writes_slowed {};

/// There is no space for another log segment: free some.
struct make_space {};

struct space_made {
  /// Something was rewritten, so that it is worth another try. Otherwise
  /// nothing that was dead when the request came can be freed now.
  bool is_freed = false;
};

/// What the WRITER needs of the COMPACTOR.
using space_maker_actor
  = caf::typed_actor<caf_compat::takes<segment_sealed>,
                     caf_compat::takes<writes_slowed>,
                     caf_compat::rpc<make_space>::returns<space_made>>;

// -- from the SUPERVISOR -----------------------------------------------------

/// The shards and the COMPACTOR, which are spawned later. Comes first.
struct connect_writer {
  std::vector<shard_actor> shards;
  space_maker_actor compactor;
};

/// Append what has arrived, refuse what comes later, sync, seal, answer.
struct stop_writer {
  /// Another actor of the store has died: do not wait for what it owes.
  bool actor_died = false;
};

struct writer_stopped {
  failure error;
};

// -- the actor ---------------------------------------------------------------

/// When an acknowledged write is on disk.
enum class sync_mode : std::uint8_t {
  /// Before it is acknowledged or visible.
  always,
  /// At most `sync_interval` later; when the disk is slower, writes wait.
  interval,
  /// When the operating system likes.
  none,
};

/// WRITER: owns the active log file, the sequence numbers and thereby the
/// order of all writes. It appends everything that its mailbox holds with one
/// write call and never waits for a sync.
///
/// Order: records are numbered in the order of arrival. Shards are told in
/// that order, each only of its own keys.
/// A put that another one replaces in the same run of puts has a number and no
/// record (`put_run.hpp`).
/// Durability: see `sync_mode`. A record is visible exactly when its session
/// may be answered; a segment's records are visible only after its
/// predecessor is synced, in every mode.
/// Pace: writes slow down smoothly while compaction lags behind and when the
/// disk is nearly full (`write_pace.hpp`).
/// Failure: a failed append changes nothing and is answered when its cut is
/// durable; a full disk is tried again with the next write. When the CATALOG
/// has no space for another segment, the end of the active one is kept for
/// erases; other writes wait as long as the COMPACTOR frees some, and are
/// refused when it cannot. A failed sync is final, and so are a MANIFEST that
/// could not be replaced and a failed append that could not be cut off: all
/// that wait get `outcome_unknown`, all later writes `read_only`. Blocking:
/// never on a sync; writes go to the page cache.
using writer_actor = evaluation_sink_actor::extend<
  // Appends; the shards answer.
  caf_compat::takes<append_batch>,
  // Appends all or nothing; answers when every shard has applied it, or
  // rejects after the record that beat it was published.
  caf_compat::takes<append_atomic>,
  // Ends a reservation.
  caf_compat::takes<withdraw_transaction>,
  // The shards answer.
  caf_compat::takes<place_cut>, caf_compat::takes<count_at_cut>,
  caf_compat::takes<flush_store>, caf_compat::takes<sync_now>,
  caf_compat::takes<collect_figures>,
  // The shards tell the COMPACTOR.
  caf_compat::takes<mark_published>,
  // Changes the pace of what comes later.
  caf_compat::takes<compaction_debt>, caf_compat::takes<connect_writer>,
  caf_compat::rpc<seal_active>::returns<log_made_durable>,
  caf_compat::rpc<sync_log>::returns<log_made_durable>,
  caf_compat::rpc<stop_writer>::returns<writer_stopped>>;

struct writer_args {
  sync_mode mode = sync_mode::always;
  std::chrono::milliseconds sync_interval{1000};
  std::uint64_t segment_bytes = storage::segment_bytes_default;
  storage::segment_ptr active;
  storage::segment_ptr next;
  storage::sequence_number last_sequence = 0;
  syncer_actor syncer;
  catalog_actor catalog;
  /// Optional.
  residency_actor residency;
  /// Told once when the store turns read-only; called on the WRITER's thread.
  std::function<void(const failure&)> on_failure;
};

writer_actor spawn_writer(caf::actor_system& system, writer_args args);

} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::append_batch)
KVS_MESSAGE(kvs::actors::append_atomic)
KVS_MESSAGE(kvs::actors::withdraw_transaction)
KVS_MESSAGE(kvs::actors::place_cut)
KVS_MESSAGE(kvs::actors::count_at_cut)
KVS_MESSAGE(kvs::actors::flush_store)
KVS_MESSAGE(kvs::actors::sync_now)
KVS_MESSAGE(kvs::actors::sync_log)
KVS_MESSAGE(kvs::actors::log_made_durable)
KVS_MESSAGE(kvs::actors::mark_published)
KVS_MESSAGE(kvs::actors::compaction_debt)
KVS_MESSAGE(kvs::actors::seal_active)
KVS_MESSAGE(kvs::actors::segment_sealed)
KVS_MESSAGE(kvs::actors::writes_slowed)
KVS_MESSAGE(kvs::actors::make_space)
KVS_MESSAGE(kvs::actors::space_made)
KVS_MESSAGE(kvs::actors::connect_writer)
KVS_MESSAGE(kvs::actors::stop_writer)
KVS_MESSAGE(kvs::actors::writer_stopped)
