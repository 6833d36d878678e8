/// The inside of the COMPACTOR; private to compactor*.cpp.
#pragma once

#include "actors/compaction_pace.hpp"
#include "actors/compactor.hpp"
#include "storage/hint_file.hpp"
#include "storage/victim_reader.hpp"

#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <set>

namespace kvs::actors {

/// Note to self: a hint file is missing.
struct hint_due {};

/// Note to self: there is more of a chunk to copy.
struct copy_due {
  /// Of this rewrite; it may have been given up.
  std::uint64_t run = 0;
};

/// Note to self: the rest between two chunks is over.
struct chunk_due {
  std::uint64_t run = 0;
};

/// Note to self: is the store written to, or does it rest?
struct look_due {};

using compactor_impl = compactor_actor::extend<
  caf_compat::takes<hint_due>, caf_compat::takes<copy_due>,
  caf_compat::takes<chunk_due>, caf_compat::takes<look_due>>;

/// Less than any debt that could slow down a write.
inline constexpr std::int64_t no_debt
  = std::numeric_limits<std::int64_t>::min() / 2;

/// A sealed segment as the COMPACTOR knows it.
struct tracked_segment {
  storage::segment_entry entry;
  storage::segment_ptr handle;
  /// Per shard; nullopt: it has not counted since the segment was sealed.
  std::vector<std::optional<storage::live_share>> live;
  /// How many were tracked before it, and it.
  std::uint64_t number = 0;

  /// Whether a shard that has not counted a record of it may be believed.
  /// `asked_about`: the shard was asked when so many segments were tracked; 0:
  /// it was not asked. It may be behind: of a segment that was sealed since, it
  /// knows only a part, and the rest is not dead.
  bool is_covered_by(const live_counted& count,
                     std::uint64_t asked_about) const {
    return number <= asked_about || live[count.shard]
           || count.applied_up_to >= entry.max_sequence;
  }
  /// A record of it is unreadable: it stays as it is.
  bool damaged = false;
};

/// A sealed segment without a hint file, and since when.
struct missing_hint {
  storage::segment_id segment{};
  caf::actor_clock::time_point since;
};

/// Records of one chunk, waiting for the shards' verdicts.
struct judged_chunk {
  struct record {
    /// Its key lies in `keys`, once the chunk is complete.
    storage::scanned_record scanned;
    storage::key_hash hash = 0;
    std::uint32_t shard = 0;
    storage::liveness found = storage::liveness::absent;
  };
  std::vector<record> records;
  /// All keys, one behind the other.
  std::string keys;
  /// What expired until then may go: the MANIFEST knows that time.
  storage::timestamp_ms expired_until = 0;
};

/// A rewrite under way.
struct compaction_run {
  std::uint64_t number = 0;
  std::vector<storage::segment_id> victims;
  /// Rule for tombstones: what the segments were when it began.
  std::vector<storage::segment_usage> usage;
  storage::sequence_number purged_at = 0;
  /// Tombstones with lower numbers may go.
  storage::sequence_number tombstone_horizon = 0;
  std::size_t shards_to_mark = 0;
  /// When the chunk under way was begun, how far the run has come in its
  /// victims since, and whether it is late: writes slow down for it, or the log
  /// has grown by a segment since the run began.
  caf::actor_clock::time_point chunk_began;
  std::uint64_t chunk_bytes = 0;
  std::uint64_t victim_bytes = 0;
  bool hurries = false;
  std::unique_ptr<storage::relocation_writer> output;
  /// Of victims of which little lives: where that lies.
  std::map<storage::segment_id, std::vector<std::uint64_t>> places;
  /// A search in the indexes would cost more than it saves.
  bool reads_all = false;
  /// The victim being read, and those after it.
  std::size_t victim_index = 0;
  std::optional<storage::victim_reader> reader;
  /// Bytes of the victims before it; what was done with when the chunk began.
  std::uint64_t finished_bytes = 0;
  std::uint64_t passed_bytes = 0;
  /// What is being copied, how many of its records are done with, and the one
  /// that is half copied.
  std::shared_ptr<const judged_chunk> copying;
  std::size_t done_count = 0;
  std::optional<relocated_record> moving;
  /// The output has tombstones in the place of puts that had not expired: they
  /// are dead for the sake of writes that may not be durable yet.
  bool has_early_shadows = false;
  /// Moves to tell each shard once the output is installed.
  std::vector<std::vector<relocated_record>> moves;
  /// How many of them each shard has been told.
  std::vector<std::size_t> moved_counts;
  std::size_t answers_left = 0;
  storage::segment_ptr target;
  /// The MANIFEST may list the output: its file must not be deleted.
  bool offered = false;
  /// Of victims, which lose their hint files when they are retired: hints that
  /// will be missing if they are not.
  std::vector<missing_hint> given_up_hints;
};

class compactor final : public caf_compat::pinnable<compactor_impl::base> {
public:
  compactor(caf::actor_config& config, caf_compat::execution_base* thread,
            compactor_args args);

  const char* name() const override {
    return "kvs.compactor";
  }
  behavior_type make_behavior() override;
  void on_exit() override;

private:
  using duration = caf::actor_clock::duration_type;

  // -- what there is to do (compactor.cpp) -----------------------------------

  void tell_figures(const collect_figures& request);
  void track(const segment_sealed& sealed);
  void give_back_unused(const segment_sealed& sealed);
  void note_sealed(const segment_sealed& sealed);
  /// `asked_about` as in `tracked_segment`.
  void note_live(const live_counted& message, std::uint64_t asked_about);
  std::vector<storage::segment_usage> usage() const;
  /// What is in no sealed segment has at least this number.
  storage::sequence_number
  unsealed_base(const std::vector<storage::segment_usage>& all) const;
  void consider();
  /// Counts what lives, then considers; at once, or when the run is over.
  void count_and_consider();
  storage::compaction_need need() const;
  caf::result<space_made> search_space();
  /// What was counted last has nothing that could be rewritten.
  void nothing_found();
  void end_search(bool is_freed);
  void look();
  /// What the files take beyond the space factor; tells the WRITER.
  void set_debt(std::int64_t bytes);
  /// Begins the command in front unless it has begun.
  void begin_next_command();
  /// Asks all shards what is live, then goes on.
  void recount(std::function<void()> then);
  bool is_counted(storage::segment_id id) const;
  void end_command();
  caf::result<compactor_stopped> stop();
  std::uint64_t store_bytes() const;

  // -- hint files (compactor_hints.cpp) --------------------------------------

  /// The segment gets a hint file if it is still there after a while.
  void await_hint(storage::segment_id id);
  /// Has the oldest one that is missing written, in a turn of its own, if it is
  /// time.
  void request_hint();
  void write_hint();
  /// None is written for a victim whose files the CATALOG may delete.
  void give_up_hints();
  void take_up_hints();

  // -- one rewrite (compactor_run.cpp) ---------------------------------------

  void begin(std::vector<storage::segment_id> victims,
             std::vector<storage::segment_usage> usage);
  void marked(const applied_marked& message);
  void begin_copying();
  /// Asks the shards where it lies, for victims of which little lives; then
  /// opens the output (compactor_places.cpp).
  void locate_live_records();
  void ask_where(std::size_t shard, locate_live query);
  void note_places(const live_located& found);
  void open_output();
  bool drop_without_reading(storage::segment_id id) const;
  void next_chunk();
  /// Reads on in the victims until the chunk is full.
  storage::result<storage::ok> fill(judged_chunk& chunk);
  /// How far the victim that is being read has been read.
  std::uint64_t reader_bytes() const;
  void open_victim(const tracked_segment& victim);
  /// The next chunk, after a rest that leaves time to others.
  void rest_then_next_chunk();
  duration rest_after_chunk() const;
  void add_to_chunk(judged_chunk& chunk,
                    const storage::scanned_record& record) const;
  static void point_at_keys(judged_chunk& chunk);
  void ask_liveness(std::shared_ptr<judged_chunk> chunk);
  /// Copies 1 MiB of values or a little more, then goes on in another turn.
  void copy_on();
  /// False: there is more of this record to copy.
  storage::result<bool> copy_record(const judged_chunk::record& record,
                                    storage::timestamp_ms expired_until);
  storage::result<bool> go_on_copying(const judged_chunk::record& record);

  // -- its end (compactor_install.cpp) ---------------------------------------

  void finish_output();
  void install(const storage::segment_entry& entry);
  void tell_moves();
  void tell_more_moves(std::size_t shard);
  void make_deaths_durable();
  /// Goes on when all that shards have applied until now is on disk.
  void then_when_durable(std::function<void()> then);
  /// Nothing is deleted of which the shards still find a record.
  void retire_if_dead();
  bool is_victim(storage::segment_id id) const;
  void retire();
  void forget_victims();
  void let_go_of_victims();
  /// Ends the run without its effect.
  void abandon(const char* event, const failure& why);
  /// Deletes the output unless the MANIFEST may list it.
  void give_up_output();
  void end_run();

  compactor_args args_;
  std::vector<shard_actor> shards_;
  std::map<storage::segment_id, tracked_segment> segments_;
  /// Per shard: bytes that live in segments not sealed yet.
  std::vector<std::uint64_t> unsealed_live_;
  /// Oldest first.
  std::deque<missing_hint> missing_hints_;
  bool hint_requested_ = false;
  std::optional<compaction_run> run_;
  std::uint64_t last_run_ = 0;
  /// The next run has only one victim.
  bool alone_ = false;
  bool counting_ = false;
  /// Segments that were ever tracked; those when the shards were asked last.
  std::uint64_t tracked_count_ = 0;
  std::uint64_t counted_ = 0;
  /// The WRITER, when it has no space for a segment, …
  std::optional<caf::typed_response_promise<space_made>> space_wanted_;
  /// … and whether it came after the count under way had begun.
  bool wanted_since_count_ = false;
  /// Whose counts take some dead records for live ones.
  std::set<std::uint32_t> inexact_shards_;
  std::int64_t debt_bytes_ = 0;
  compaction_pace pace_{args_.effort_min};
  storage::segment_id last_log_{};
  /// What the shards had applied, now and at the last look.
  storage::sequence_number applied_ = 0;
  storage::sequence_number applied_at_look_ = 0;
  std::uint32_t quiet_looks_ = 0;

  std::deque<compact_store> commands_;
  /// The command in front: only segments below this id are rewritten for it.
  std::optional<storage::segment_id> command_limit_;
  bool command_begun_ = false;
  std::uint64_t command_bytes_before_ = 0;
  std::uint64_t command_rewritten_ = 0;

  /// Looks to let pass before the next attempt: a rewrite that failed would
  /// most likely fail again at once.
  std::uint32_t looks_to_pause_ = 0;
  bool stopping_ = false;
  struct {
    std::uint64_t runs = 0;
    std::uint64_t segments = 0;
    /// Records that shards were asked about.
    std::uint64_t judged_records = 0;
    std::uint64_t copied_bytes = 0;
    std::uint64_t freed_bytes = 0;
    std::uint64_t failures = 0;
  } figures_;
};

} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::hint_due)
KVS_MESSAGE(kvs::actors::copy_due)
KVS_MESSAGE(kvs::actors::chunk_due)
KVS_MESSAGE(kvs::actors::look_due)
