#pragma once

#include "actors/archivist.hpp"
#include "actors/catalog.hpp"
#include "actors/compactor.hpp"
#include "actors/shard.hpp"
#include "actors/writer.hpp"
#include "storage/recovery.hpp"
#include "tests/actors/held_catalog.hpp"
#include "tests/support/actor_fixture.hpp"
#include "tests/support/memory_file_system.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace kvs::actors {

/// A clock that stands still until a test moves it.
class manual_clock final : public storage::clock {
public:
  storage::timestamp_ms now() const override {
    return time;
  }
  storage::timestamp_ms time = 1'000'000;
};

/// What a session was told.
struct session_log {
  std::vector<answer> answers;
  /// Copies of values, by request id: the messages are gone by then.
  std::map<std::uint64_t, std::string> values;
  /// `evaluated_at` of the message that answered each request.
  std::map<std::uint64_t, storage::sequence_number> evaluated_of;
  std::vector<keys_scanned> scans;
  std::vector<figures_collected> figures;
  std::vector<request_ref> rejected;
  storage::sequence_number durable_version = 0;
  storage::sequence_number evaluated_at = 0;

  /// The answer to request `id`, or nullptr.
  const answer* find(std::uint64_t id) const;
};

/// Syncs and reads that wait until the test lets them happen.
/// A read that the stand-in for a READER was asked for.
struct held_read {
  std::size_t tail_bytes = 0;
  /// Reads and answers.
  std::function<void()> finish;
};

struct held_disk {
  bool hold_syncs = false;
  bool hold_reads = false;
  bool hold_works = false;
  /// How often a work was not done after a step.
  std::size_t work_pauses = 0;
  std::deque<std::pair<sync_up_to, caf::typed_response_promise<log_synced>>>
    syncs;
  std::deque<held_read> reads;
  std::deque<std::pair<do_work, caf::typed_response_promise<work_done>>> works;
};

/// Lets the stand-in do what it holds longest.
struct release_oldest {};
/// The same of a READER's works.
struct release_oldest_work {};

using holding_syncer_actor
  = syncer_actor::extend<caf_compat::takes<release_oldest>>;
using holding_reader_actor
  = reader_actor::extend<caf_compat::takes<release_oldest>,
                         caf_compat::takes<release_oldest_work>>;

holding_syncer_actor spawn_holding_syncer(caf::actor_system& system,
                                          std::shared_ptr<held_disk> disk);
holding_reader_actor spawn_holding_reader(caf::actor_system& system,
                                          std::shared_ptr<held_disk> disk);

/// A store on a disk in memory whose every step the test decides. The SYNCER
/// and the READER are stand-ins that can hold what they are asked for, and so
/// is what the WRITER takes for the CATALOG; all other actors are the real
/// ones.
class store_fixture : public test_support::actor_fixture {
protected:
  store_fixture();
  ~store_fixture() override;

  /// Opens the store in "/store" and spawns its actors.
  void open(sync_mode mode = sync_mode::none, std::uint32_t shard_count = 1,
            std::uint64_t segment_bytes = storage::mebibyte);
  /// As `open`, for a start that may fail: then there are no actors.
  storage::result<storage::ok> try_open(sync_mode mode,
                                        std::uint32_t shard_count,
                                        std::uint64_t segment_bytes);
  /// Stops all actors in order, with a checkpoint. Called by TearDown too.
  void close();
  void TearDown() override;

  /// A new session; `log` sees what it is told.
  session_actor open_session(const std::shared_ptr<session_log>& log);

  /// The operation's bytes live as long as the fixture, or until
  /// `forget_operations`.
  operation make(operation_kind kind, std::uint64_t id, std::string_view key,
                 std::string_view value = {}) const;
  /// @pre the store is closed
  void forget_operations() {
    bytes_.clear();
  }
  /// Send one operation the way the CONNECTION would; nothing runs yet.
  void read(const session_actor& from, std::uint64_t id, std::string_view key);
  void put(const session_actor& from, std::uint64_t id, std::string_view key,
           std::string_view value);
  void evaluate(const session_actor& from, const operation& op);
  void append_batch_of(const session_actor& from, std::uint64_t id,
                       std::vector<operation> operations);

  /// Lets the oldest held sync succeed or fail.
  void finish_sync(bool success = true);
  /// Lets the oldest held read happen.
  void finish_read();
  /// Lets the oldest held work of the READER be done.
  void finish_work();
  /// Lets the oldest held seal or flush reach the CATALOG, or a seal fail.
  void finish_seal(bool success = true);
  void finish_flush_edit();
  /// What the disk says.
  storage::manifest stored_manifest();

  /// Keys of the given prefix that belong to `shard`.
  std::string key_of_shard(std::uint32_t shard, std::string_view prefix) const;
  /// Reads `key` through its shard; "<absent>" if there is none.
  std::string value_of(std::string_view key);
  /// One of the figures of the COMPACTOR; 0: there is none of this name.
  std::uint64_t compactor_figure(std::string_view name);
  /// What a session reads that was told where a value lies.
  static std::string value_at(const stored_value& place);

  std::shared_ptr<test_support::memory_file_system> files
    = test_support::memory_file_system::make();
  std::shared_ptr<manual_clock> clock = std::make_shared<manual_clock>();
  std::shared_ptr<held_disk> disk = std::make_shared<held_disk>();
  std::shared_ptr<held_edits> edits = std::make_shared<held_edits>();
  std::unique_ptr<storage::key_hasher> hash;
  std::shared_ptr<session_log> told = std::make_shared<session_log>();
  session_actor session;

  writer_actor writer;
  catalog_actor catalog;
  compactor_actor compactor;
  /// Makes backups below "/backups".
  archivist_actor archivist;
  holding_syncer_actor syncer;
  holding_reader_actor reader;
  memory_budget_actor budget;
  residency_actor residency;
  std::vector<shard_actor> shards;
  /// Of the MEMORY BUDGET; set it before `open`.
  std::uint64_t memory_bytes_max = 64 * storage::mebibyte;
  /// Of the CATALOG; set it before `open`.
  std::size_t segments_max = storage::segments_max;
  /// Of the disk, for compaction; 0: segments are not allocated in advance
  /// either. Set it before `open`.
  std::uint64_t reserve_bytes = 0;
  /// Fewer than 64: keys collide. Set it before `open`.
  unsigned hash_bits = 64;
  /// Of the RESIDENCY; 0: there is none. Set it before `open`.
  std::uint64_t resident_bytes_max = 0;
  /// False: the real SYNCER and READER take the place of the stand-ins. Set it
  /// before `open`.
  bool uses_stand_ins = true;
  /// What the WRITER said when it stopped.
  failure stop_failure;
  /// What the store said when it turned read-only.
  std::shared_ptr<std::string> failure_told = std::make_shared<std::string>();

  /// What the last `open` has found.
  storage::recovery_report report;

private:
  void spawn_disk_actors();
  void stop_disk_actors();
  void stop_writer_actor();
  stop_catalog stop_shards();

  /// What the other actors know as the SYNCER and the READER.
  syncer_actor used_syncer_;
  reader_actor used_reader_;
  held_catalog_actor writers_catalog_;
  std::unique_ptr<storage::directory_lock> lock_;
  std::uint64_t probe_id_ = 1'000'000;
  mutable std::deque<std::string> bytes_;
};

} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::release_oldest)
KVS_MESSAGE(kvs::actors::release_oldest_work)
