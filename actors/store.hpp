/// The store as a unit: everything but the network. kvs-node is this plus
/// listeners; another CAF application embeds it by the same call.
#pragma once

#include "actors/archivist.hpp"
#include "actors/caf_compat.hpp"
#include "actors/compactor.hpp"
#include "actors/memory_budget.hpp"
#include "actors/shard.hpp"
#include "actors/writer.hpp"
#include "storage/clock.hpp"
#include "storage/key_hash.hpp"
#include "storage/recovery.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kvs::actors {

struct store_options {
  std::string directory = "./kvs-data";
  /// Where backups are made; empty: none are.
  std::string backup_root;
  sync_mode sync = sync_mode::always;
  std::chrono::milliseconds sync_interval{1000};
  /// 0: one per core.
  std::uint32_t shard_count = 0;
  std::uint64_t segment_bytes = storage::segment_bytes_default;
  /// Files may be larger than this multiple of what lives in them (> 1).
  double space_factor = 1.5;
  /// Least share of the time that a compaction works (0 < x ≤ 1).
  double compact_effort = 0.1;
  /// Space of the disk that only compaction may use; nullopt: three
  /// segments.
  std::optional<std::uint64_t> disk_reserve_bytes;
  /// No append makes a value longer than this. Lengths and counts in requests
  /// are checked by whoever decodes them.
  std::uint64_t value_bytes_max = storage::value_bytes_max;
  /// What large requests, replies and values under evaluation may hold in
  /// memory, all together.
  std::uint64_t memory_bytes_max = std::uint64_t{1} << 30;
  /// What recent segments may take in memory, locked there so that reads need
  /// no system call; 0: nothing is locked. Less than three segments help
  /// little.
  std::uint64_t resident_bytes_max = 0;
  /// Threads for records that are not in memory.
  std::uint32_t reader_count = 2;
  /// Threads that read the store at start; 0: one per core.
  std::uint32_t recovery_worker_count = 0;

  /// Told during recovery, from the calling thread.
  std::function<void(const storage::recovery_progress&)> on_progress;
  /// Told once if the store can no longer be trusted, because an actor died;
  /// from any thread.
  std::function<void(const std::string& what)> on_death;
  /// Told once when the store takes no writes any more, because a sync failed.
  /// Reads go on. From any thread.
  std::function<void(const std::string& why)> on_read_only;

  /// Told which keys have expired; may be empty.
  expiry_listener_actor expiry_listener;

  /// nullptr: the operating system's files.
  std::shared_ptr<storage::file_system> files;
  /// False: blocking actors run on the scheduler too (deterministic tests), and
  /// recovery in the calling thread.
  bool own_threads = true;
};

/// What a session needs to know of a store. Cheap to copy.
struct store_access {
  writer_actor writer;
  compactor_actor compactor;
  archivist_actor archivist;
  std::vector<shard_actor> shards;
  /// For large values, which shards do not read themselves.
  std::vector<reader_actor> readers;
  memory_budget_actor budget;
  std::shared_ptr<const storage::key_hasher> hash;
  std::shared_ptr<const storage::clock> clock;

  std::uint32_t shard_of(storage::key_hash hash_value) const {
    return storage::shard_of(hash_value,
                             static_cast<std::uint32_t>(shards.size()));
  }
};

/// A store whose actors run. Destroy it before its actor system, from a
/// thread that is no actor; the destructor stops the store.
class running_store {
public:
  virtual ~running_store() = default;
  virtual const store_access& access() const = 0;
  virtual const storage::recovery_report& report() const = 0;
  /// Stops all actors in order and waits for it. What was acknowledged is on
  /// disk afterwards, whatever the sync mode, unless an error says otherwise.
  /// Sessions end before: what they ask while the store stops is refused with
  /// `shutting_down`, what they ask afterwards is not answered. Later calls
  /// return the same.
  virtual failure stop() = 0;
};

/// Opens the store in `options.directory` (which takes as long as recovery
/// takes) and spawns its actors on `system`.
/// Errors: those of storage::open_store.
storage::result<std::unique_ptr<running_store>>
spawn_store(caf::actor_system& system, store_options options);

} // namespace kvs::actors
