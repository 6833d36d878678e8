/// The inside of an INDEX SHARD; private to shard*.cpp.
#pragma once

#include "actors/shard_work.hpp"

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include <deque>
#include <functional>
#include <map>
#include <optional>

namespace kvs::actors {

/// Note to self: look for expired keys, and tell the COMPACTOR what is live.
struct shard_tick_due {};
/// Note to self: everything that was in the mailbox has arrived; evaluate it.
struct evaluation_due {};
/// Note to self: more keys have expired than one turn removes.
struct sweep_due {};

using shard_impl = shard_actor::extend_with<memory_user_actor>::extend_with<
  residency_user_actor>::extend<caf_compat::takes<shard_tick_due>,
                                caf_compat::takes<evaluation_due>,
                                caf_compat::takes<sweep_due>>;

class shard final : public caf_compat::pinnable<shard_impl::base> {
public:
  shard(caf::actor_config& config, caf_compat::execution_base* loop,
        shard_args args);

  const char* name() const override {
    return "kvs.shard";
  }
  behavior_type make_behavior() override;
  void on_exit() override;

private:
  // -- reads (shard_reads.cpp) ----------------------------------------------

  void read(read_batch& batch);
  void answer_read(const pending_operation& wanted, const resolved_key& found,
                   const memory_owner& memory);
  /// Tells where a large value lies.
  void point_to_value(const pending_operation& wanted,
                      const resolved_key& found);
  void read_cold(const pending_operation& wanted,
                 std::span<const storage::index_candidate> candidates);
  void finish_cold_read(std::uint64_t number, const record_found& found);

  // -- scans and counts (shard_scans.cpp) ------------------------------------

  void scan(const scan_keys& request);
  /// Has the next keys read, or ends.
  void scan_on(std::uint64_t number);
  void add_to_scan(std::uint64_t number, const heads_read& found);
  void finish_scan(std::uint64_t number);
  void send_timed_scans();
  void fail_timed_scans(const failure& why);
  void count(const count_keys& request);
  void settle_counts(std::uint64_t id, std::int64_t correction);
  void answer_count(const waiting_count& counted);

  // -- candidates (shard_lookup.cpp) -----------------------------------------

  /// Looks at candidates as far as they are in memory. `target` gets the
  /// records; it holds at least a head.
  resolved_key resolve_now(std::span<const storage::index_candidate> candidates,
                           std::string_view key,
                           std::span<std::byte> target) const;
  /// Has a READER look at them: at the whole of records of up to so many
  /// bytes.
  void resolve_cold(std::span<const storage::index_candidate> candidates,
                    std::string_view key, std::uint64_t whole_bytes_max,
                    std::function<void(const record_found&)> then);
  /// Room for the head of a record of `key`; used again by the next call.
  std::span<std::byte> head_buffer(std::string_view key);
  const reader_actor& next_reader();

  // -- segments (shard_segments.cpp) -----------------------------------------

  /// Records may lie in it from now on.
  void add_segment(const storage::segment_ptr& segment);
  const storage::segment_ptr& segment_of(storage::segment_id id) const;
  const storage::segment_ptr& segment_of(const resolved_key& found) const {
    return found.segment ? found.segment
                         : segment_of(found.entry.location.segment);
  }
  void look_at(const segment_resident& message);
  void look_away(storage::segment_id id);
  /// The bytes from this place on that can be looked at.
  std::span<const std::byte>
  resident_at(const storage::record_location& location) const;

  /// `replaced`: the record before it, if that is known.
  void apply_record(const published_record& record,
                    const std::optional<storage::index_entry>& replaced);
  /// Puts a record in the place of the one that it replaces. False: that is
  /// not there any more.
  bool exchange(const published_record& record,
                const storage::index_entry& older);
  void find_and_replace(const published_record& record);
  void settle_later(const published_record& record);
  void settle(std::uint64_t id, const record_found& found);
  void settle_in_order(storage::key_hash hash);
  void settle(std::uint64_t id, const unsettled_record& record);
  /// Older records of the key may be in the index that nobody has found out
  /// about: a deletion has to stay in front of them.
  bool must_hide(const published_record& record) const;
  void note_expiry(storage::key_hash hash, const storage::index_entry& entry);
  void forget_expiry(const storage::index_entry& entry);

  // -- evaluations (shard_evaluations.cpp) ----------------------------------

  void accept(evaluate_batch& batch);
  void evaluate_arrived();
  void evaluate(std::span<const evaluate_batch> group);
  void add_to_evaluation(pending_operation pending);
  void start(const evaluation_ptr& current);
  /// Goes on when the record of its key is known.
  void go_on(const evaluation_ptr& current, const resolved_key& found,
             const memory_owner& memory);
  void decide_absent(const evaluation_ptr& current);
  /// The whole record is there.
  void decide_read(const evaluation_ptr& current, key_state state,
                   const resolved_key& found, const memory_owner& memory);
  /// Has a READER read the value.
  void fetch_value(const evaluation_ptr& current,
                   const storage::segment_ptr& from,
                   const storage::index_entry& entry, key_state state);
  /// Asks for the memory of the large evaluation in front.
  void reserve_next();
  void read_reserved(const memory_granted& granted);
  void refuse_reserved();
  void decide(const evaluation_ptr& current, key_state state);
  /// Has a READER apply what is running, if that takes long. False: it does
  /// not.
  bool decide_elsewhere(const evaluation_ptr& current, const key_state& state);
  /// Goes on when everything that runs has been applied.
  void settle(const evaluation_ptr& current);
  void publish_evaluated(const published_record& record);
  void reject(std::uint64_t id);
  void fail(const evaluation_ptr& current, const failure& why);
  /// Tells the WRITER that nothing needs to be reserved any more.
  void withdraw(const evaluation& ended);
  /// Answers `running`, then ends the round.
  void complete(const evaluation_ptr& current,
                storage::sequence_number version);
  /// `running` is answered: goes on with `waiting`, or ends.
  void end_round(const evaluation_ptr& current);
  evaluation_ptr new_evaluation();
  void keep_sent(const evaluation_ptr& current);
  evaluation_ptr take_sent(std::uint64_t id);
  void send_outgoing();

  // -- watches (shard_watches.cpp) -------------------------------------------

  /// Registers or reports a watch in the answer to `op`.
  void add_watch(const operation& op, bool present, answer& reply);
  void note_made(std::string_view key, storage::sequence_number sequence);
  void note_unnoticed(const published_record& record,
                      const std::optional<storage::index_entry>& replaced);
  /// The version of a key for those who watch it.
  storage::sequence_number
  watched_version(std::string_view key, storage::sequence_number version) const;
  void forget(const forget_watches& message);

  // -- time (shard_time.cpp) -------------------------------------------------

  /// Whether `entry` has expired, and whether that may be reported yet.
  bool has_expired(const storage::index_entry& entry) const;
  bool expiry_is_persisted(const storage::index_entry& entry) const;
  void request_time();
  void tick();
  void sweep();
  /// Takes an expired record out of the index. False: it is not there.
  bool retire(const storage::expiring_record& expired);
  void announce_expired(read_heads gone);
  /// A key had expired when it was written again, before it was swept.
  void note_expired(std::string_view key, const storage::index_entry& older);
  /// Announces those whose expiry may be reported by now.
  void announce_rewritten();
  void send_announced();

  // -- publications (shard.cpp) ---------------------------------------------

  void apply(publish& message);
  void apply_part(publication_part& part);
  /// Loads what the index knows of the keys of a batch. One lookup after the
  /// other waits for memory several times; many in a row wait together.
  template <class Batch>
  void prefetch(const Batch& batch) const {
    for (const auto& each : batch)
      index_.prefetch_table(each.hash);
    for (const auto& each : batch)
      index_.prefetch_block(each.hash);
    for (const auto& each : batch)
      index_.prefetch(each.hash);
  }
  void prefetch_index(std::span<const publication_part> parts) const;
  void prefetch_records(std::span<const publication_part> parts);
  /// Looks up where the records lie that the index has for the keys of a
  /// batch; `prefetch_heads` then loads of them what tells the key.
  template <class Batch>
  void find_heads(const Batch& batch);
  void prefetch_heads();
  void hold_batch(const publication_part& part);
  void release(const batch_released& message);
  bool is_held(storage::key_hash hash) const;
  /// Where the answer to an operation on this key has to go now.
  outbox& box_for(storage::key_hash hash, bool expiry_is_persisted = true);
  /// Keeps answers until every batch that is held now is released.
  void park(outbox& box);
  void tell_figures(const collect_figures& request);
  /// Every handler ends with it.
  void end_turn();

  // -- the end (shard_stop.cpp) ----------------------------------------------

  caf::result<shard_stopped> stop();
  void finish_stop();

  liveness_found judge(const query_liveness& query);
  live_located locate(const locate_live& query) const;
  live_counted count_segments() const;
  /// Tells the COMPACTOR of those marks before which all is settled.
  void answer_marks();
  storage::liveness judge(const liveness_query& record);
  caf::result<moves_applied> move(apply_moves& message);
  bool touches_unsettled(const apply_moves& message) const;
  moves_applied apply(const apply_moves& message);

  shard_args args_;
  storage::index& index_;
  storage::expiry_queue& expiring_;
  /// Keys, those included that have expired and were not swept yet.
  std::uint64_t key_count_;
  expiry_figures expiries_;
  std::uint64_t flushes_ = 0;
  boost::unordered_flat_map<std::uint32_t, known_segment> segments_;
  /// Every publication up to this number has been applied.
  storage::sequence_number applied_up_to_;
  storage::sequence_number durable_version_ = 0;

  /// By their keys.
  boost::unordered_flat_map<hashed_key, evaluation_ptr, hashed_key::hasher>
    evaluations_;
  /// Those whose record is with the WRITER, at their `id`.
  std::vector<evaluation_ptr> sent_;
  /// Places in `sent_` that are free.
  std::vector<std::uint64_t> unsent_;
  /// Evaluations that have ended: their memory serves the next ones.
  std::vector<evaluation_ptr> spare_evaluations_;
  value_arena arena_;
  /// The one in front has asked for its memory if `reserving_`.
  std::deque<large_evaluation> large_;
  bool reserving_ = false;
  /// Keys that were absent when a session began to watch them.
  boost::unordered_flat_map<std::string, watched_key> watches_;
  /// The latest ones; forgetting one costs a transaction that is repeated.
  boost::unordered_flat_map<std::string, unnoticed_change> unnoticed_;
  append_evaluated outgoing_;
  /// What the next note to self evaluates. Bounded by the windows of those who
  /// sent it.
  std::vector<evaluate_batch> arrived_;

  /// Batches that this shard has applied and others may not have, by number:
  /// the keys of each; a flush has none and holds all.
  std::map<std::uint64_t, std::vector<storage::key_hash>> held_batches_;
  /// How many of those batches changed a key.
  boost::unordered_flat_map<storage::key_hash, std::uint32_t> held_keys_;
  std::uint32_t held_flush_count_ = 0;
  /// Answers that show a held key, until every batch up to `batch_id` is
  /// released. What they say was looked up when the request arrived, so a cut
  /// stays a cut. Oldest first.
  struct parked_answers {
    std::uint64_t batch_id = 0;
    session_actor session;
    operations_answered message;
  };
  std::deque<parked_answers> parked_;
  /// Scans that wait until no batch is held.
  std::deque<scan_keys> held_scans_;
  /// Scans that left out keys which had expired at `time`, until that is
  /// persisted.
  struct timed_scan {
    storage::timestamp_ms time = 0;
    session_actor session;
    keys_scanned message;
  };
  std::deque<timed_scan> timed_scans_;
  boost::unordered_flat_map<std::uint64_t, running_scan> scans_;
  std::uint64_t last_scan_ = 0;

  /// By number, in the order of publication.
  std::map<std::uint64_t, unsettled_record> unsettled_;
  /// The numbers of those of each hash, oldest first.
  boost::unordered_flat_map<storage::key_hash, std::vector<std::uint64_t>>
    unsettled_hashes_;
  std::uint64_t last_unsettled_ = 0;
  std::deque<waiting_count> counts_;
  /// Moves of records that may be among the unsettled.
  struct held_move {
    apply_moves message;
    caf::typed_response_promise<moves_applied> promise;
  };
  std::deque<held_move> held_moves_;
  /// Marks that have come, and what was unsettled then.
  struct waiting_mark {
    storage::sequence_number sequence = 0;
    std::uint64_t last_unsettled = 0;
  };
  std::deque<waiting_mark> waiting_marks_;

  /// For the turn.
  std::vector<storage::index_candidate> candidates_;
  std::vector<std::span<const std::byte>> record_heads_;
  std::vector<std::byte> head_buffer_;

  /// The MANIFEST holds at least this time; later expiries are not reported
  /// yet.
  storage::timestamp_ms persisted_time_;
  /// Keys that had expired at a time when they were written again; until that
  /// is persisted nobody is told.
  std::vector<std::pair<storage::timestamp_ms, std::string>> rewritten_;
  /// Told at the end of the turn, before any answer.
  keys_expired announced_;
  bool time_requested_ = false;

  /// Leaves at the end of the turn.
  outbox outbox_;
  /// Is parked at the end of the turn.
  outbox held_;
  /// Reports expiries; leaves when the time under way is persisted, …
  outbox timed_;
  /// … or the next one.
  outbox timed_next_;
  std::size_t next_reader_ = 0;
  /// Reads that are with a READER, by number.
  boost::unordered_flat_map<std::uint64_t, pending_operation> cold_reads_;
  std::uint64_t last_cold_read_ = 0;
  bool live_changed_ = true;
  /// What could not be settled leaves two records of a key in the index.
  bool is_exact_ = true;
  /// Of those records.
  boost::unordered_flat_set<storage::key_hash> inexact_hashes_;
  storage::sequence_number flushed_below_ = 0;
  std::optional<caf::typed_response_promise<shard_stopped>> stop_promise_;
  struct {
    std::uint64_t reads = 0;
    std::uint64_t cold_reads = 0;
    std::uint64_t evaluations = 0;
    std::uint64_t rejections = 0;
    std::uint64_t expired = 0;
  } figures_;
};

template <class Batch>
void shard::find_heads(const Batch& batch) {
  for (const auto& each : batch) {
    candidates_.clear();
    index_.find(each.hash, candidates_);
    for (const auto& found : candidates_)
      if (auto bytes = resident_at(found.location); !bytes.empty())
        record_heads_.push_back(
          bytes.first(std::min(bytes.size(), storage::match_bytes(each.key))));
  }
}

} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::shard_tick_due)
KVS_MESSAGE(kvs::actors::evaluation_due)
KVS_MESSAGE(kvs::actors::sweep_due)
