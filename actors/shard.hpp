/// INDEX SHARD: the index of one share of the keys.
#pragma once

#include "actors/live_counts.hpp"
#include "actors/memory_budget.hpp"
#include "actors/reader.hpp"
#include "actors/residency.hpp"
#include "actors/session.hpp"
#include "storage/clock.hpp"
#include "storage/compaction.hpp"
#include "storage/recovery.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kvs::actors {

// -- from sessions -----------------------------------------------------------

/// Reads, all of this shard's keys. Also sent by the WRITER, as a cut: then
/// its place in the publication stream is the point of the log it sees.
struct read_batch {
  session_actor from;
  std::vector<operation> operations;
  memory_owners memory;
};

/// Conditional writes, all of this shard's keys.
struct evaluate_batch {
  session_actor from;
  std::vector<operation> operations;
  memory_owners memory;
};

/// List keys of this shard's partitions.
struct scan_keys {
  session_actor from;
  request_ref ref;
  std::uint32_t partition = 0;
  std::uint32_t entries_min = 1;
  std::string prefix;
};

/// Count keys; comes through the WRITER, as a cut.
struct count_keys {
  session_actor from;
  request_ref ref;
};

/// Name figures for statistics.
struct collect_figures {
  session_actor from;
  request_ref ref;
};

/// The keys of earlier `watch` operations are not watched any more; one entry
/// for each operation that found its key absent.
struct forget_watches {
  std::vector<std::string> keys;
};

// -- from the WRITER ---------------------------------------------------------

/// One record that is in the log now, and visible from now on.
struct published_record {
  request_ref ref;
  storage::record_type type = storage::record_type::put;
  storage::key_hash hash = 0;
  std::string_view key;
  /// Of size 0: a later put of this publication has replaced it.
  storage::index_entry entry;
  write_notes notes{};
};

enum class publication_kind : std::uint8_t {
  /// Puts without condition; the shard answers their session.
  blind,
  /// The records of own evaluations; `records[i].ref.id` names each.
  evaluated,
  /// This shard's part of an atomic batch.
  atomic,
  /// Everything below `sequence` is gone.
  flush,
};

struct publication_part {
  publication_kind kind = publication_kind::blind;
  session_actor session;
  std::vector<published_record> records;
  memory_owners memory;
  /// atomic: reads of its keys are held until `batch_released`; 0: no other
  /// shard takes part.
  std::uint64_t batch_id = 0;
  storage::sequence_number sequence = 0;
};

/// Records in log order. After it the shard has applied the log up to
/// `applied_up_to`.
struct publish {
  std::vector<publication_part> parts;
  storage::sequence_number applied_up_to = 0;
  storage::sequence_number durable_version = 0;
};

/// Evaluations that another record beat; that record has been published.
struct evaluations_rejected {
  std::vector<std::uint64_t> evaluations;
};

/// Evaluations whose records do not exist, or not certainly.
struct evaluations_failed {
  std::vector<std::uint64_t> evaluations;
  failure why;
};

/// Records may lie in this segment from now on. Comes before the first one.
struct segment_added {
  storage::segment_ptr segment;
};

/// Every shard has applied the batch: its keys may be read.
struct batch_released {
  std::uint64_t batch_id = 0;
};

/// A place in the publication stream: everything up to `sequence` is applied.
/// Answered to the COMPACTOR.
struct mark_applied {
  storage::sequence_number sequence = 0;
};

// -- from the COMPACTOR ------------------------------------------------------

/// A record; with its key if `superseded` is to be told from `absent`.
struct liveness_query {
  storage::key_hash hash = 0;
  storage::record_location location;
  std::optional<std::string_view> key;
};

/// Which of these (at most compaction_entries_max) are live.
struct query_liveness {
  std::vector<liveness_query> records;
  /// What the keys lie in.
  std::shared_ptr<const std::string> keys;
};

/// One verdict per record asked for, in order.
struct liveness_found {
  std::vector<storage::liveness> verdicts;
  /// The MANIFEST holds at least this time.
  storage::timestamp_ms persisted_time = 0;
};

/// Where the records of these segments lie that the index finds, beginning with
/// this partition. One answer is a part of it.
struct locate_live {
  std::vector<storage::segment_id> segments;
  std::uint32_t partition = 0;
  /// An index of more records is not worth the search.
  std::uint64_t records_max = 0;
};

struct live_located {
  enum class part : std::uint8_t { more, last, not_worth_it };
  part which = part::last;
  /// Where to go on.
  std::uint32_t next_partition = 0;
  /// The sizes are upper bounds.
  std::vector<storage::record_location> places;
};

struct relocated_record {
  storage::key_hash hash = 0;
  storage::record_location from;
  /// Size 0: not copied; it has expired, or is a deletion nobody needs.
  storage::record_location to;
  storage::timestamp_ms expires_at = 0;
};

/// Records have moved (at most compaction_entries_max).
struct apply_moves {
  /// nullptr: nothing was copied.
  storage::segment_ptr target;
  std::vector<relocated_record> moves;
};

struct moves_applied {
  std::uint64_t moved = 0;
};

/// These segments are gone; forget their handles.
struct forget_segments {
  std::vector<storage::segment_id> segments;
};
struct segments_forgotten {};

// -- to the WRITER -----------------------------------------------------------

/// What an evaluation wants to append.
struct evaluated_record {
  /// The shard's own number of the evaluation.
  std::uint64_t evaluation = 0;
  storage::record_type type = storage::record_type::put;
  storage::key_hash hash = 0;
  std::string_view key;
  std::span<const std::byte> value;
  std::uint32_t value_crc = 0;
  storage::timestamp_ms expires_at = 0;
  /// State-changing operations it combines; each consumes a sequence number,
  /// the record carries the last.
  std::uint32_t change_count = 1;
  /// The shard had applied the log up to here when it looked the key up.
  storage::sequence_number evaluated_at = 0;
  /// How often this evaluation was rejected before.
  std::uint32_t rejection_count = 0;
  write_notes notes{};
};

struct append_evaluated {
  std::uint32_t shard = 0;
  std::vector<evaluated_record> records;
  memory_owners memory;
};

/// An evaluation that was rejected before has nothing to append any more; a
/// reservation made for it ends.
struct withdraw_evaluation {
  storage::key_hash hash = 0;
};

/// This shard's part of an atomic batch is visible.
struct batch_applied {
  std::uint64_t batch_id = 0;
};

/// The MANIFEST cannot be replaced any more, so that no time can be persisted
/// and no segment be sealed: the store turns read-only.
struct manifest_failed {
  failure why;
};

/// What a SHARD needs of the WRITER.
using evaluation_sink_actor = caf::typed_actor<
  caf_compat::takes<append_evaluated>, caf_compat::takes<withdraw_evaluation>,
  caf_compat::takes<batch_applied>, caf_compat::takes<manifest_failed>>;

// -- to the CATALOG ----------------------------------------------------------

/// An expiry at `time` is about to be reported: no later start may believe an
/// earlier time.
struct persist_time {
  storage::timestamp_ms time = 0;
};

/// The MANIFEST says at least `time`.
struct time_persisted {
  failure error;
  storage::timestamp_ms time = 0;
  /// As in `catalog_updated`.
  bool is_final = false;
};

/// What a SHARD needs of the CATALOG.
using time_keeper_actor
  = caf::typed_actor<caf_compat::rpc<persist_time>::returns<time_persisted>>;

// -- to whoever listens ------------------------------------------------------

/// These keys have expired and are gone.
struct keys_expired {
  std::vector<std::string> keys;
};

/// What is told about expired keys. Optional.
using expiry_listener_actor = caf::typed_actor<caf_compat::takes<keys_expired>>;

// -- the actor ---------------------------------------------------------------

/// Nothing will be published or moved any more. Find out what is open, answer
/// every held request with `shutting_down` and stop.
struct stop_shard {};

/// What a shard leaves behind.
struct shard_stopped {
  /// Its index after the last publication; nobody changes it any more.
  /// nullptr: some record could not be read, so it is not exact.
  std::shared_ptr<const storage::recovered_shard> keys;
  /// The last flush that it has applied; 0: none.
  storage::sequence_number flushed_below = 0;
};

/// INDEX SHARD: owns the index of its share of the keys, reads values, and
/// evaluates conditions. Never writes a file.
///
/// Order: reads see every publication that arrived before them. Conditional
/// writes of one key are evaluated in the order of arrival; those that arrive
/// while one is under way are combined into the next record.
/// Durability: what it shows was published by the WRITER, in `always` mode
/// after the sync, so a reader never sees what a power cut could take back.
/// Failure: a value that cannot be read, or is damaged, is an error answer
/// for that request only.
/// Memory: what an evaluation needs of a large value is charged to the MEMORY
/// BUDGET until its record is written.
/// Blocking: never. Records that are not in memory go to a READER, and large
/// ones do when they have to be evaluated.
using shard_actor = caf::typed_actor<
  // Puts records into the index and answers who waits for them.
  caf_compat::takes<publish>,
  // Answers with the values, or with versions only.
  caf_compat::takes<read_batch>,
  // Evaluates, has the results appended, and answers after publication.
  caf_compat::takes<evaluate_batch>,
  // Evaluates again.
  caf_compat::takes<evaluations_rejected>,
  // Answers with the failure.
  caf_compat::takes<evaluations_failed>,
  // Keeps the handle for reads.
  caf_compat::takes<segment_added>,
  // Serves the reads and evaluations that were held.
  caf_compat::takes<batch_released>,
  // Ends watches.
  caf_compat::takes<forget_watches>,
  // Answers keys_scanned; operations_answered if it stops before.
  caf_compat::takes<scan_keys>,
  // Answers operations_answered with `number`.
  caf_compat::takes<count_keys>,
  // Answers figures_collected.
  caf_compat::takes<collect_figures>,
  // Tells the COMPACTOR applied_marked.
  caf_compat::takes<mark_applied>,
  caf_compat::rpc<count_live>::returns<live_counted>,
  // Looks up, changes nothing.
  caf_compat::rpc<query_liveness>::returns<liveness_found>,
  caf_compat::rpc<locate_live>::returns<live_located>,
  // Moves, or removes, each entry that still points at exactly the old place.
  caf_compat::rpc<apply_moves>::returns<moves_applied>,
  // Drops handles; readers under way keep theirs.
  caf_compat::rpc<forget_segments>::returns<segments_forgotten>,
  // Answers when no record is unsettled, which takes a READER's time.
  caf_compat::rpc<stop_shard>::returns<shard_stopped>>;

struct shard_args {
  std::uint32_t shard_index = 0;
  /// Shared only because actors take copyable arguments; the shard becomes
  /// the only owner.
  std::shared_ptr<storage::recovered_shard> keys;
  std::vector<storage::segment_ptr> segments;
  storage::sequence_number applied_up_to = 0;
  /// The MANIFEST's time at start.
  storage::timestamp_ms persisted_time = 0;
  std::shared_ptr<const storage::clock> clock;
  std::uint64_t value_bytes_max = storage::value_bytes_max;
  evaluation_sink_actor writer;
  usage_listener_actor compactor;
  time_keeper_actor catalog;
  std::vector<reader_actor> readers;
  memory_budget_actor budget;
  /// Optional.
  residency_actor residency;
  expiry_listener_actor expiry_listener;
};

shard_actor spawn_shard(caf::actor_system& system, shard_args args);

} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::read_batch)
KVS_MESSAGE(kvs::actors::evaluate_batch)
KVS_MESSAGE(kvs::actors::scan_keys)
KVS_MESSAGE(kvs::actors::count_keys)
KVS_MESSAGE(kvs::actors::collect_figures)
KVS_MESSAGE(kvs::actors::forget_watches)
KVS_MESSAGE(kvs::actors::keys_expired)
KVS_MESSAGE(kvs::actors::publish)
KVS_MESSAGE(kvs::actors::evaluations_rejected)
KVS_MESSAGE(kvs::actors::evaluations_failed)
KVS_MESSAGE(kvs::actors::segment_added)
KVS_MESSAGE(kvs::actors::batch_released)
KVS_MESSAGE(kvs::actors::mark_applied)
KVS_MESSAGE(kvs::actors::query_liveness)
KVS_MESSAGE(kvs::actors::locate_live)
KVS_MESSAGE(kvs::actors::live_located)
KVS_MESSAGE(kvs::actors::liveness_found)
KVS_MESSAGE(kvs::actors::apply_moves)
KVS_MESSAGE(kvs::actors::moves_applied)
KVS_MESSAGE(kvs::actors::forget_segments)
KVS_MESSAGE(kvs::actors::segments_forgotten)
KVS_MESSAGE(kvs::actors::append_evaluated)
KVS_MESSAGE(kvs::actors::withdraw_evaluation)
KVS_MESSAGE(kvs::actors::batch_applied)
KVS_MESSAGE(kvs::actors::manifest_failed)
KVS_MESSAGE(kvs::actors::persist_time)
KVS_MESSAGE(kvs::actors::time_persisted)
KVS_MESSAGE(kvs::actors::stop_shard)
KVS_MESSAGE(kvs::actors::shard_stopped)
