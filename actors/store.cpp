#include "actors/store.hpp"

#include "actors/catalog.hpp"
#include "actors/job_queue.hpp"
#include "actors/reader.hpp"
#include "actors/recovery_crew.hpp"
#include "actors/residency.hpp"
#include "actors/supervisor.hpp"
#include "actors/syncer.hpp"

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

namespace kvs::actors {
namespace {

class store final : public running_store {
public:
  store(caf::actor_system& system, store_options options,
        storage::recovered_store recovered)
    : system_{system}, options_{std::move(options)},
      lock_{std::move(recovered.lock)}, report_{recovered.report} {
    spawn_actors(recovered);
  }

  ~store() override {
    stop();
  }

  const store_access& access() const override {
    return access_;
  }

  const storage::recovery_report& report() const override {
    return report_;
  }

  failure stop() override {
    if (stopped_)
      return *stopped_;
    caf::scoped_actor self{system_};
    caf_compat::ask(self.ptr(), supervisor_, stop_store{})
      .receive([this](const store_stopped& reply) { stopped_ = reply.error; },
               [this](const caf::error&) {
                 stopped_
                   = make_failure(outcome::io_error, "the SUPERVISOR died");
               });
    supervisor_ = nullptr;
    residency_ = nullptr;
    access_ = {};
    return *stopped_;
  }

private:
  /// A thread of its own for a blocking actor, or none in tests.
  caf_compat::execution_base* new_thread(const char* name) {
    if (!options_.own_threads)
      return caf_compat::on_scheduler;
    threads_.push_back(std::make_unique<own_thread>(system_, name));
    return &threads_.back()->queue();
  }

  std::uint64_t reserve_bytes() const {
    return options_.disk_reserve_bytes.value_or(3 * options_.segment_bytes);
  }

  catalog_actor spawn_store_catalog(const storage::recovered_store& from) {
    catalog_args args;
    args.files = options_.files;
    args.directory = options_.directory;
    args.state = from.state;
    args.clock = access_.clock;
    args.segment_bytes = options_.segment_bytes;
    args.reserve_bytes = reserve_bytes();
    return spawn_catalog(system_, std::move(args), new_thread("kvs-catalog"));
  }

  writer_actor spawn_store_writer(const storage::recovered_store& from,
                                  const syncer_actor& syncer,
                                  const catalog_actor& catalog) {
    writer_args args;
    args.mode = options_.sync;
    args.sync_interval = options_.sync_interval;
    args.segment_bytes = options_.segment_bytes;
    args.active = from.active;
    args.next = from.next;
    args.last_sequence = from.last_sequence;
    args.syncer = syncer;
    args.catalog = catalog;
    args.residency = residency_;
    args.on_failure = [report = options_.on_read_only](const failure& why) {
      if (report)
        report(why.detail ? *why.detail : std::string{"a sync failed"});
    };
    return spawn_writer(system_, std::move(args));
  }

  compactor_actor spawn_store_compactor(const storage::recovered_store& from,
                                        const catalog_actor& catalog) {
    compactor_args args;
    args.files = options_.files;
    args.directory = options_.directory;
    args.store_id = from.state.store_id;
    args.hasher = from.hasher;
    args.policy.space_factor = options_.space_factor;
    args.policy.segment_bytes = options_.segment_bytes;
    args.policy.small_store_bytes = 4 * options_.segment_bytes;
    args.effort_min = options_.compact_effort;
    args.shortage_bytes = reserve_bytes() + 2 * options_.segment_bytes;
    args.clock = access_.clock;
    args.writer = access_.writer;
    args.catalog = catalog;
    args.residency = residency_;
    for (const auto& handle : from.sealed)
      for (const auto& entry : from.state.segments)
        if (entry.id == handle->id())
          args.sealed.push_back({entry, handle});
    return spawn_compactor(system_, std::move(args),
                           new_thread("kvs-compactor"));
  }

  archivist_actor spawn_store_archivist(const storage::recovered_store& from,
                                        const catalog_actor& catalog) {
    archivist_args args;
    args.files = options_.files;
    args.directory = options_.directory;
    args.store_id = from.state.store_id;
    args.root = options_.backup_root;
    args.clock = access_.clock;
    args.writer = access_.writer;
    args.catalog = catalog;
    return spawn_archivist(system_, std::move(args),
                           new_thread("kvs-archivist"));
  }

  void spawn_shards(storage::recovered_store& from,
                    const std::vector<reader_actor>& readers,
                    const catalog_actor& catalog) {
    shard_args args;
    args.segments = from.sealed;
    args.applied_up_to = from.last_sequence;
    args.persisted_time = from.state.persisted_time;
    args.clock = access_.clock;
    args.value_bytes_max = options_.value_bytes_max;
    args.writer = access_.writer;
    args.compactor = access_.compactor;
    args.catalog = catalog;
    args.readers = readers;
    args.budget = access_.budget;
    args.residency = residency_;
    args.expiry_listener = options_.expiry_listener;
    for (auto& each : from.shards) {
      args.shard_index = static_cast<std::uint32_t>(access_.shards.size());
      args.keys = std::make_shared<storage::recovered_shard>(std::move(each));
      access_.shards.push_back(spawn_shard(system_, args));
    }
  }

  void spawn_actors(storage::recovered_store& from) {
    access_.clock = storage::make_running_clock(from.now);
    access_.hash = std::make_shared<storage::key_hasher>(from.hasher);
    supervisor_args all;
    if (options_.resident_bytes_max > 0)
      residency_ = spawn_residency(system_, options_.resident_bytes_max,
                                   new_thread("kvs-residency"));
    all.residency = residency_;
    all.syncer = spawn_syncer(system_, new_thread("kvs-syncer"));
    all.catalog = spawn_store_catalog(from);
    for (std::uint32_t at = 0; at < options_.reader_count; ++at)
      all.readers.push_back(spawn_reader(system_, new_thread("kvs-reader")));
    access_.readers = all.readers;
    access_.budget = spawn_memory_budget(system_, options_.memory_bytes_max);
    all.budget = access_.budget;
    access_.writer = spawn_store_writer(from, all.syncer, all.catalog);
    access_.compactor = spawn_store_compactor(from, all.catalog);
    access_.archivist = spawn_store_archivist(from, all.catalog);
    spawn_shards(from, all.readers, all.catalog);
    all.writer = access_.writer;
    all.compactor = access_.compactor;
    all.archivist = access_.archivist;
    all.shards = access_.shards;
    all.on_death = options_.on_death;
    caf_compat::tell_anon(access_.compactor, connect_compactor{access_.shards});
    caf_compat::tell_anon(access_.writer,
                          connect_writer{access_.shards, access_.compactor});
    supervisor_ = spawn_supervisor(system_, std::move(all));
  }

  caf::actor_system& system_;
  store_options options_;
  std::unique_ptr<storage::directory_lock> lock_;
  storage::recovery_report report_;
  store_access access_;
  /// None if nothing is locked in memory.
  residency_actor residency_;
  supervisor_actor supervisor_;
  std::optional<failure> stopped_;
  /// Last: the threads outlive the actors that run on them.
  std::vector<std::unique_ptr<own_thread>> threads_;
};

/// The threads end before the store's own ones begin.
storage::result<storage::recovered_store>
open_on_all_cores(caf::actor_system& system, const store_options& options,
                  storage::recovery_options recovery) {
  if (!options.own_threads)
    return storage::open_store(options.files, recovery);
  auto worker_count = options.recovery_worker_count;
  if (worker_count == 0)
    worker_count = std::max(1U, std::thread::hardware_concurrency());
  recovery_crew crew{system, worker_count};
  recovery.run_all = [&crew](const auto& units, const auto& after_each) {
    crew.run(units, after_each);
  };
  return storage::open_store(options.files, recovery);
}

} // namespace

storage::result<std::unique_ptr<running_store>>
spawn_store(caf::actor_system& system, store_options options) {
  if (options.files == nullptr)
    options.files = storage::posix_file_system();
  if (options.shard_count == 0)
    options.shard_count = std::max(1U, std::thread::hardware_concurrency());
  storage::recovery_options recovery;
  recovery.directory = options.directory;
  recovery.shard_count = options.shard_count;
  recovery.segment_bytes = options.segment_bytes;
  recovery.progress = options.on_progress;
  recovery.wall_clock = storage::wall_clock_now();
  auto recovered = open_on_all_cores(system, options, recovery);
  if (!recovered)
    return recovered.error();
  return std::unique_ptr<running_store>{
    std::make_unique<store>(system, std::move(options), std::move(*recovered))};
}

} // namespace kvs::actors
