/// The inside of an INDEX SHARD; private to shard*.cpp.
#pragma once

#include "actors/key_state.hpp"
#include "actors/outbox.hpp"
#include "actors/shard.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <deque>
#include <map>
#include <optional>

namespace kvs::actors {

/// Note to self: look for expired keys, and tell the COMPACTOR what is live.
struct shard_tick_due {};

using shard_impl = shard_actor::extend_with<memory_user_actor>::extend<
  caf_compat::takes<shard_tick_due>>;

/// Larger records are not read by a shard: a session is told where they lie,
/// and an evaluation has a READER read them. So no turn copies much, and who
/// pipelines gets of large values and reads no replies holds little.
inline constexpr std::uint64_t inline_read_bytes_max = 64 * 1024;

/// One operation and whoever waits for its answer.
struct pending_operation {
  session_actor session;
  operation op;
  memory_owners memory;
};

/// Memory for small values, one allocation for many. What was handed out
/// stays until its last owner lets go, and is not handed out again.
class value_arena {
public:
  struct room {
    std::span<std::byte> bytes;
    memory_owner memory;
  };

  /// `size` bytes of no particular value.
  room take(std::size_t size) {
    if (size > chunk_bytes / 8) {
      auto own = std::make_shared_for_overwrite<std::byte[]>(size);
      return {{own.get(), size}, std::move(own)};
    }
    if (left_.size() < size) {
      auto fresh = std::make_shared_for_overwrite<std::byte[]>(chunk_bytes);
      left_ = {fresh.get(), chunk_bytes};
      chunk_ = std::move(fresh);
    }
    room taken{left_.first(size), chunk_};
    left_ = left_.subspan(size);
    return taken;
  }

private:
  /// Little enough that one value which is kept for long keeps no more.
  static constexpr std::size_t chunk_bytes = 16 * 1024;
  std::span<std::byte> left_;
  memory_owner chunk_;
};

/// A key to look for, with the hash that came with it.
struct hashed_key {
  storage::key_hash hash = 0;
  std::string_view bytes;

  friend bool operator==(const hashed_key& a, const hashed_key& b) {
    return a.hash == b.hash && a.bytes == b.bytes;
  }
  struct hasher {
    std::size_t operator()(const hashed_key& key) const noexcept {
      return key.hash;
    }
  };
};

/// The conditional writes of one key that are decided together.
struct evaluation {
  /// While its record is with the WRITER.
  std::uint64_t id = 0;
  /// Lies in the memory of the first of `running`.
  hashed_key key;
  /// Being decided; never empty. Their operands are at most 1 MiB together,
  /// unless there is only one.
  std::vector<pending_operation> running;
  /// Those behind; they see the outcome of `running`.
  std::vector<pending_operation> waiting;
  std::uint32_t rejection_count = 0;
  storage::sequence_number evaluated_at = 0;
  /// The key had expired, and the MANIFEST does not know that time yet.
  bool reports_new_expiry = false;
  std::optional<key_evaluation> result;
  /// Gives back what `result` was charged for.
  memory_owner charge;
  /// One per running operation, versions not settled yet.
  std::vector<answer> answers;
};

using evaluation_ptr = std::shared_ptr<evaluation>;

/// An evaluation that waits for memory for a large value.
struct large_evaluation {
  evaluation_ptr current;
  std::uint64_t bytes = 0;
  /// nullopt: there is no value yet.
  std::optional<storage::index_entry> entry;
  key_state state;
};

/// How often somebody watches an absent key, and the last record that made it
/// since.
struct watched_key {
  std::uint32_t watch_count = 0;
  storage::sequence_number made_at = 0;
};

/// A change that nobody's watch sees: the key counts as if it still had the
/// version `seen_as`.
struct unnoticed_change {
  storage::sequence_number sequence = 0;
  storage::sequence_number seen_as = 0;
};

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
  /// Answers from the index, or finds the segment to read from.
  bool answer_from_index(const pending_operation& wanted,
                         const storage::index_entry* entry);
  /// Reads from memory or leaves it to a READER.
  void read_value(const pending_operation& wanted,
                  const storage::index_entry& entry,
                  std::span<std::byte> target, const memory_owner& memory);
  /// Tells where a large value lies.
  void point_to_value(const pending_operation& wanted,
                      const storage::index_entry& entry);
  void read_cold(const pending_operation& wanted,
                 const storage::index_entry& entry);
  void finish_cold_read(std::uint64_t number, const storage::index_entry& entry,
                        const record_read& found);
  const storage::segment_ptr& segment_of(storage::segment_id id);
  void scan(const scan_keys& request);
  void send_timed_scans();
  void fail_timed_scans(const failure& why);
  void count(const count_keys& request);

  // -- evaluations (shard_evaluations.cpp) ----------------------------------

  void evaluate(evaluate_batch& batch);
  void add_to_evaluation(pending_operation pending);
  void start(const evaluation_ptr& current);
  /// Gets the value: at once if it is in memory, else from a READER.
  void fetch_value(const evaluation_ptr& current,
                   const storage::index_entry& entry);
  void fetch_cold_value(const evaluation_ptr& current,
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
  void note_unnoticed(const published_record& record);
  /// The version of a key for those who watch it.
  storage::sequence_number
  watched_version(std::string_view key, storage::sequence_number version) const;
  void forget(const forget_watches& message);

  // -- publications and time (shard.cpp) ------------------------------------

  void apply(publish& message);
  void apply_part(publication_part& part);
  /// Loads what the index knows of the keys of a batch. One lookup after the
  /// other waits for memory several times; many in a row wait together.
  template <class Batch>
  void prefetch(const Batch& batch) const {
    for (const auto& each : batch)
      index_.prefetch(each.hash);
    if (batch.size() > 1)
      for (const auto& each : batch)
        index_.find(each.hash, each.key);
  }
  void apply_record(const published_record& record);
  void hold_batch(const publication_part& part);
  void release(const batch_released& message);
  bool is_held(storage::key_hash hash) const;
  /// Where the answer to an operation on this key has to go now.
  outbox& box_for(storage::key_hash hash, bool expiry_is_persisted = true);
  /// Whether `entry` has expired, and whether that may be reported yet.
  bool has_expired(const storage::index_entry& entry) const;
  bool expiry_is_persisted(const storage::index_entry& entry) const;
  void request_time();
  /// Keeps answers until every batch that is held now is released.
  void park(outbox& box);
  void tick();
  void sweep();
  void tell_figures(const collect_figures& request);
  /// Every handler ends with it.
  void end_turn();

  liveness_found judge(const query_liveness& query) const;
  moves_applied move(const apply_moves& message);

  shard_args args_;
  storage::index& index_;
  boost::unordered_flat_map<std::uint32_t, storage::segment_ptr> segments_;
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

  /// The MANIFEST holds at least this time; later expiries are not reported
  /// yet.
  storage::timestamp_ms persisted_time_;
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
  bool stopping_ = false;
  struct {
    std::uint64_t reads = 0;
    std::uint64_t cold_reads = 0;
    std::uint64_t evaluations = 0;
    std::uint64_t rejections = 0;
    std::uint64_t expired = 0;
  } figures_;
};

} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::shard_tick_due)
