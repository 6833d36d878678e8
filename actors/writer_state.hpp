/// The inside of the WRITER; private to writer*.cpp.
#pragma once

#include "actors/outbox.hpp"
#include "actors/put_run.hpp"
#include "actors/slot_table.hpp"
#include "actors/write_pace.hpp"
#include "actors/writer.hpp"
#include "storage/log_writer.hpp"

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include <deque>
#include <optional>
#include <variant>

namespace kvs::actors {

/// Note to self: everything that was in the mailbox has arrived; append it.
struct commit_due {};
/// Note to self: the oldest unsynced record is half an interval old.
struct sync_due {};
/// Note to self: nothing was written for a while.
struct idle_mark_due {
  /// End of the log when the timer was set.
  storage::log_position end;
};
/// Note to self: try again to get the next segment.
struct segment_retry_due {};
/// Note to self: the rest after the last write is over.
struct rest_over {};
/// A session that has keys reserved for its transaction is gone.
struct reserving_session_gone {
  caf::actor_addr session;
};

using writer_impl = writer_actor::extend<
  caf_compat::takes<commit_due>, caf_compat::takes<sync_due>,
  caf_compat::takes<idle_mark_due>, caf_compat::takes<segment_retry_due>,
  caf_compat::takes<rest_over>, caf_compat::takes<reserving_session_gone>>;

/// A request that waits for its turn. `position` says how much of a batch has
/// been done.
struct blind_input {
  append_batch batch;
  std::size_t position = 0;
};
struct evaluated_input {
  append_evaluated batch;
  std::size_t position = 0;
};
struct seal_input {
  caf::typed_response_promise<log_made_durable> promise;
};
using writer_input = std::variant<blind_input, evaluated_input, append_atomic,
                                  flush_store, sync_now, seal_input>;

/// Who the keys of a slot are reserved for, and who has to wait.
struct slot_reservation {
  /// An evaluation is known by its key, …
  storage::key_hash hash = 0;
  /// … a transaction by its session and request.
  session_actor session;
  request_ref ref;
  std::vector<writer_input> waiting;
};

/// How long after a failed attempt the next one comes, if nothing tells that it
/// would be successful.
inline constexpr std::chrono::milliseconds segment_retry_period{200};

/// Stands for all slots in `reservations_`.
inline constexpr std::uint32_t every_slot = ~std::uint32_t{0};

/// What the record of a put or an erase takes in the log.
inline std::uint64_t record_bytes_of(const operation& op) {
  return storage::record_bytes(op.key.size(), op.value.size(),
                               op.expires_at != 0);
}

/// An atomic batch, a transaction or a flush and whom to answer.
struct atomic_write {
  session_actor session;
  request_ref ref;
  storage::sequence_number version = 0;
  std::uint64_t batch_id = 0;
  /// Shards that have not applied it yet.
  std::size_t shards_left = 0;
};

/// What one write call has put into the log, until it may be seen.
struct written_group {
  /// End of its last record.
  storage::log_position end;
  /// Not visible before the log is durable up to here (its segment's
  /// predecessor).
  storage::log_position barrier;
  storage::sequence_number last_sequence = 0;
  std::vector<std::vector<publication_part>> per_shard;
  std::vector<std::vector<std::uint64_t>> rejected;
  std::vector<std::pair<session_actor, request_ref>> rejected_transactions;
  std::vector<atomic_write> atomics;
  /// The last flush in it; 0: none.
  storage::sequence_number flush_sequence = 0;
};

/// What a failed write was to put into the log, and why it failed.
struct refused_group {
  written_group group;
  failure why;
};

/// Somebody who waits until the log is durable up to `end`.
struct sync_waiter {
  storage::log_position end;
  session_actor session;
  request_ref ref;
  std::optional<caf::typed_response_promise<log_made_durable>> promise;
  /// … and until the MANIFEST has the flush of this number; 0: none.
  storage::sequence_number flush_sequence = 0;
};

/// Somebody who waits until the MANIFEST has all that is sealed.
struct seal_waiter {
  caf::typed_response_promise<log_made_durable> promise;
  storage::sequence_number sequence = 0;
};

/// A segment that is complete, on its way into the MANIFEST.
struct sealing_segment {
  storage::segment_entry entry;
  storage::segment_ptr segment;
  bool asked = false;
};

class writer final : public caf_compat::pinnable<writer_impl::base> {
public:
  writer(caf::actor_config& config, caf_compat::execution_base* loop,
         writer_args args);

  const char* name() const override {
    return "kvs.writer";
  }
  behavior_type make_behavior() override;
  void on_exit() override;

private:
  // -- input and turns (writer.cpp) ------------------------------------------

  void accept(writer_input input);
  void schedule_commit();
  void refuse(writer_input& input, const failure& why);
  void commit();
  void continue_write();
  void write_failed(const failure& why);
  /// Lets nothing be written for a while if space is short.
  void rest_after(std::uint64_t bytes);
  void note_debt(const compaction_debt& debt);
  void place(const place_cut& cut);
  void tell_figures(const collect_figures& request);
  void release_reservation(std::uint32_t slot);
  void release_transaction(const session_actor& session, request_ref ref);
  void release_session(const caf::actor_addr& session);
  template <class Predicate>
  void release_matching(Predicate matches) {
    std::vector<std::uint32_t> slots;
    for (const auto& [slot, reservation] : reservations_)
      if (matches(reservation))
        slots.push_back(slot);
    for (auto slot : slots)
      release_reservation(slot);
  }
  caf::result<writer_stopped> stop(const stop_writer& request);
  /// Sends the answers of this turn.
  void end_turn();

  // -- staging (writer_append.cpp) -------------------------------------------

  /// False: the input has to stay where it is (no segment, turn is full).
  bool stage(writer_input& input);
  bool stage_blind(blind_input& input);
  bool stage_evaluated(evaluated_input& input);
  bool stage_atomic(append_atomic& input);
  bool stage_flush(flush_store& input);
  void stage_batch(append_atomic& input, atomic_write& done);
  void stage_record(const operation& op, storage::record_type type,
                    storage::sequence_number sequence, publication_part& part);
  void reject(std::uint32_t shard, const evaluated_record& record);
  void reject(append_atomic& input);
  bool observed_unchanged(const append_atomic& input) const;
  slot_reservation* reservation_of(storage::key_hash hash);
  /// The reservation of somebody else that an atomic write runs into.
  slot_reservation* obstacle_of(const append_atomic& input);
  publication_part& part_of(std::uint32_t shard, publication_kind kind,
                            const session_actor& session,
                            const memory_owners& memory,
                            std::uint64_t batch_id = 0);
  /// Consumes `count` numbers and returns the last of them.
  storage::sequence_number take_sequences(std::uint32_t count);
  void note_record(storage::record_type type, storage::sequence_number sequence,
                   storage::timestamp_ms expires_at, std::uint64_t bytes);
  std::uint32_t shard_of(storage::key_hash hash) const;
  written_group& open_group();

  // -- runs of puts (writer_runs.cpp) ----------------------------------------

  /// Stages the puts in front of the queue up to what a turn, the segment and
  /// `put_run` have room for. False: there is none, or `stage` has to decide
  /// what becomes of it.
  bool stage_run();
  void plan_run();
  /// Publishes a put that needs no record.
  void coalesce(const operation& op, publication_part& part);
  /// Bytes that this turn may still handle, written or not.
  std::uint64_t room_of_turn() const;

  // -- segments (writer_segments.cpp) ----------------------------------------

  void start_segment_entry();
  /// Whether a record can be staged now; rolls over if the segment is full.
  /// `batch_bytes`: it is a batch, of that many bytes in all.
  bool room_for_record(std::uint64_t batch_bytes = 0);
  bool roll_over();
  bool seal_log();
  /// Tells the RESIDENCY of the active segment, …
  void keep_active_resident();
  /// … and how far it has been written, if that is a step further: newer
  /// records are few enough to be read with a system call each.
  void extend_resident_segment(std::uint64_t step_bytes);
  void seal_synced_segments();
  void settle_seal_waiters(const failure& error);
  void oldest_was_sealed(const catalog_updated& reply);
  void try_finish_stop();
  void finish_stop(const failure& error);

  // -- space for the next segment (writer_space.cpp) -------------------------

  void request_segment();
  void no_segment_created(const failure& why, bool follows_search);
  /// Bytes of the active segment that anything may be written to, if the disk
  /// has no space for a next one; what is behind them is for erases.
  std::optional<std::uint64_t> room_of_last_segment() const;
  /// Why only erases are taken; nullptr: everything is.
  const failure* refusal_of_puts() const;
  bool needs_segment_for_erases() const;
  /// Whether a write that has no room need not be refused yet, because of what
  /// the COMPACTOR may free. It is asked, if it was not.
  bool waits_for_space();
  void request_space();
  void space_was_searched(bool is_freed, storage::sequence_number up_to);

  // -- durability and visibility (writer_publish.cpp) ------------------------

  void note_unsynced();
  void group_written(written_group group);
  void arm_sync_timer();
  bool may_publish(const written_group& group) const;
  void publish_ready();
  void publish_group(written_group& group);
  void fail_group(written_group& group, const failure& why);
  void request_sync();
  /// The highest number that is in the file, not merely taken.
  storage::sequence_number last_complete_sequence() const;
  void synced(const log_synced& reply);
  /// Tells those who are refused that nothing changed.
  void settle_refused();
  void record_durable_flush();
  void flush_was_recorded(storage::sequence_number sequence);
  void fail_store(const failure& why);
  void arm_idle_mark();
  void add_idle_mark(const idle_mark_due& note);
  void batch_was_applied(std::uint64_t batch_id);
  void answer_write(const atomic_write& done);
  caf::result<log_made_durable> sync_for_actor();
  /// Answers those whose position is durable, or all with an error.
  void settle_sync_waiters(const failure* error);

  writer_args args_;
  std::vector<shard_actor> shards_;
  space_maker_actor compactor_;
  outbox outbox_;

  std::deque<writer_input> inputs_;
  bool commit_scheduled_ = false;
  write_pace pace_;
  bool resting_ = false;
  put_run run_;
  /// What the puts of this turn that have no record would have taken.
  std::uint64_t coalesced_bytes_ = 0;
  slot_table slots_;
  /// The last record staged for any key of each shard, and the last one whose
  /// append has succeeded.
  std::vector<storage::sequence_number> last_of_shard_;
  std::vector<storage::sequence_number> committed_of_shard_;
  /// By slot. "Bounded": what waits counts against the windows of the
  /// connections that sent it.
  boost::unordered_flat_map<std::uint32_t, slot_reservation> reservations_;
  /// Sessions that have had a reservation; their end will be told.
  boost::unordered_flat_set<caf::actor_id> watched_;

  storage::log_writer log_;
  /// Null while the CATALOG makes it.
  storage::segment_ptr next_;
  bool segment_requested_ = false;
  std::optional<failure> segment_failure_;
  /// What the COMPACTOR does about that.
  enum class space_search : std::uint8_t {
    none,
    under_way,
    /// It has freed some, and the CATALOG has not answered since.
    successful,
  } space_search_ = space_search::none;
  /// There was nothing to free; what is written behind this may change that.
  std::optional<storage::sequence_number> searched_up_to_;
  std::optional<caf::actor_clock::time_point> search_began_;
  /// The active segment was made for erases only, because of this.
  std::optional<failure> erases_only_;
  storage::sequence_number last_sequence_;
  /// What the active segment holds so far; becomes its entry.
  storage::segment_entry building_;
  /// The same before the group that is being staged, for a failed write.
  storage::segment_entry building_before_;
  /// What the RESIDENCY knows of the active segment.
  std::uint64_t told_residency_ = 0;
  storage::log_position predecessor_end_;
  /// End of the last complete write.
  storage::log_position written_end_;

  /// Being staged and written; not yet in the log as a whole.
  std::optional<written_group> group_;
  bool writing_ = false;
  /// Cut off the log; oldest first. They are told when the cut is durable: a
  /// power cut before that could bring complete records of them back.
  std::deque<refused_group> refused_;
  /// So many of them are told when the sync that runs is over.
  std::size_t refused_before_sync_ = 0;
  /// In the log, not visible yet; oldest first.
  std::deque<written_group> unpublished_;
  storage::sequence_number last_published_sequence_;
  boost::unordered_flat_map<std::uint64_t, atomic_write> applying_;
  std::uint64_t last_batch_id_ = 0;

  bool syncing_ = false;
  storage::log_position durable_;
  storage::sequence_number durable_version_;
  /// Segments with unsynced records, oldest first.
  std::vector<storage::segment_ptr> unsynced_;
  std::optional<caf::actor_clock::time_point> oldest_unsynced_;
  caf::actor_clock::time_point sync_began_;
  bool sync_timer_armed_ = false;
  bool idle_mark_armed_ = false;
  storage::log_position last_mark_end_;
  std::vector<sync_waiter> sync_waiters_;
  std::deque<sealing_segment> sealing_;
  /// Sealed segments that the compaction debt does not count yet.
  std::deque<std::pair<storage::segment_id, std::uint64_t>> uncounted_;
  /// The COMPACTOR knows that this debt slows down writes.
  bool has_told_slow_ = false;
  /// Those who wait until `sealing_` is empty.
  std::vector<seal_waiter> seal_waiters_;
  /// A flush whose number the MANIFEST does not have yet.
  std::optional<std::pair<storage::log_position, storage::sequence_number>>
    flush_to_record_;
  storage::sequence_number recorded_flush_ = 0;

  std::optional<failure> read_only_;
  bool stopping_ = false;
  bool actor_died_ = false;
  std::optional<caf::typed_response_promise<writer_stopped>> stop_promise_;
  struct {
    std::uint64_t writes = 0;
    std::uint64_t bytes = 0;
    std::uint64_t write_calls = 0;
    std::uint64_t syncs = 0;
    std::uint64_t coalesced = 0;
    std::uint64_t rejections = 0;
    std::uint64_t rollovers = 0;
  } figures_;
};

} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::commit_due)
KVS_MESSAGE(kvs::actors::sync_due)
KVS_MESSAGE(kvs::actors::idle_mark_due)
KVS_MESSAGE(kvs::actors::segment_retry_due)
KVS_MESSAGE(kvs::actors::reserving_session_gone)
KVS_MESSAGE(kvs::actors::rest_over)
