#include "tests/actors/store_fixture.hpp"

#include "storage/record.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace kvs::actors {
namespace {

std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span{text.data(), text.size()});
}

class probe final : public session_actor::base {
public:
  probe(caf::actor_config& config, std::shared_ptr<session_log> log)
    : session_actor::base{config}, log_{std::move(log)} {
  }
  behavior_type make_behavior() override {
    return {
      [this](operations_answered& message) {
        log_->durable_version = message.durable_version;
        log_->evaluated_at = message.evaluated_at;
        for (auto& each : message.answers) {
          log_->values[each.ref.id]
            = {reinterpret_cast<const char*>(each.value.data()),
               each.value.size()};
          log_->evaluated_of[each.ref.id] = message.evaluated_at;
          log_->answers.push_back(each);
        }
      },
      [this](const keys_scanned& message) { log_->scans.push_back(message); },
      [this](const figures_collected& message) {
        log_->figures.push_back(message);
      },
      [this](const transaction_rejected& message) {
        log_->rejected.push_back(message.ref);
      },
    };
  }

private:
  std::shared_ptr<session_log> log_;
};

} // namespace

const answer* session_log::find(std::uint64_t id) const {
  for (const auto& each : answers)
    if (each.ref.id == id)
      return &each;
  return nullptr;
}

store_fixture::store_fixture() = default;

store_fixture::~store_fixture() = default;

void store_fixture::open(sync_mode mode, std::uint32_t shard_count,
                         std::uint64_t segment_bytes) {
  auto opened = try_open(mode, shard_count, segment_bytes);
  ASSERT_TRUE(opened) << to_string(opened.error());
}

void store_fixture::spawn_disk_actors() {
  syncer = spawn_holding_syncer(system, disk);
  reader = spawn_holding_reader(system, disk);
  used_syncer_ = caf::actor_cast<syncer_actor>(syncer);
  used_reader_ = caf::actor_cast<reader_actor>(reader);
  if (uses_stand_ins)
    return;
  used_syncer_ = spawn_syncer(system, caf_compat::on_scheduler);
  used_reader_ = spawn_reader(system, caf_compat::on_scheduler);
}

storage::result<storage::ok>
store_fixture::try_open(sync_mode mode, std::uint32_t shard_count,
                        std::uint64_t segment_bytes) {
  // What goes wrong here on purpose is looked at through the answers.
  spdlog::set_level(spdlog::level::off);
  storage::recovery_options options;
  options.directory = "/store";
  options.shard_count = shard_count;
  options.segment_bytes = segment_bytes;
  options.wall_clock = clock->time;
  options.hash_bits = hash_bits;
  auto recovered = storage::open_store(files, options);
  if (!recovered)
    return recovered.error();
  lock_ = std::move(recovered->lock);
  report = recovered->report;
  clock->time = recovered->now;
  hash = std::make_unique<storage::key_hasher>(recovered->hasher);
  spawn_disk_actors();
  budget = spawn_memory_budget(system, memory_bytes_max);
  if (resident_bytes_max > 0)
    residency
      = spawn_residency(system, resident_bytes_max, caf_compat::on_scheduler);
  catalog = spawn_catalog(system,
                          {files, "/store", recovered->state, clock,
                           reserve_bytes == 0 ? 0 : segment_bytes,
                           reserve_bytes, segments_max},
                          caf_compat::on_scheduler);
  writer_args to_writer;
  to_writer.mode = mode;
  to_writer.segment_bytes = segment_bytes;
  to_writer.active = recovered->active;
  to_writer.next = recovered->next;
  to_writer.last_sequence = recovered->last_sequence;
  to_writer.syncer = used_syncer_;
  writers_catalog_ = system.spawn<held_catalog>(edits, catalog);
  to_writer.catalog = writers_catalog_;
  to_writer.residency = residency;
  to_writer.on_failure
    = [told = failure_told](const failure& why) { *told = *why.detail; };
  writer = spawn_writer(system, to_writer);
  compactor_args to_compactor;
  to_compactor.files = files;
  to_compactor.directory = "/store";
  to_compactor.store_id = recovered->state.store_id;
  to_compactor.hasher = recovered->hasher;
  to_compactor.policy.segment_bytes = segment_bytes;
  to_compactor.shortage_bytes
    = reserve_bytes == 0 ? 0 : reserve_bytes + 2 * segment_bytes;
  to_compactor.clock = clock;
  to_compactor.writer = writer;
  to_compactor.catalog = catalog;
  to_compactor.residency = residency;
  for (const auto& handle : recovered->sealed)
    for (const auto& entry : recovered->state.segments)
      if (entry.id == handle->id())
        to_compactor.sealed.push_back({entry, handle});
  compactor = spawn_compactor(system, to_compactor, caf_compat::on_scheduler);
  archivist = spawn_archivist(system,
                              {files, "/store", recovered->state.store_id,
                               "/backups", clock, writer, catalog},
                              caf_compat::on_scheduler);
  shards.clear();
  for (auto& share : recovered->shards) {
    shard_args to_shard;
    to_shard.shard_index = static_cast<std::uint32_t>(shards.size());
    to_shard.keys
      = std::make_shared<storage::recovered_shard>(std::move(share));
    to_shard.segments = recovered->sealed;
    to_shard.applied_up_to = recovered->last_sequence;
    to_shard.persisted_time = recovered->state.persisted_time;
    to_shard.clock = clock;
    to_shard.writer = writer;
    to_shard.compactor = compactor;
    to_shard.catalog = catalog;
    to_shard.readers = {used_reader_};
    to_shard.budget = budget;
    to_shard.residency = residency;
    shards.push_back(spawn_shard(system, to_shard));
  }
  caf_compat::tell_anon(compactor, connect_compactor{shards});
  caf_compat::tell_anon(writer, connect_writer{shards, compactor});
  session = open_session(told);
  run_actors();
  return storage::ok{};
}

void store_fixture::stop_disk_actors() {
  caf::anon_send_exit(syncer, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(reader, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(used_syncer_, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(used_reader_, caf::exit_reason::user_shutdown);
}

void store_fixture::stop_writer_actor() {
  auto answered = std::make_shared<bool>(false);
  system.spawn([this, answered](caf::event_based_actor* self) {
    caf_compat::ask(self, writer, stop_writer{})
      .then(
        [this, answered](const writer_stopped& reply) {
          stop_failure = reply.error;
          *answered = true;
        },
        // A test has stopped it.
        [answered](const caf::error&) { *answered = true; });
  });
  run_actors();
  // It may have to try something again.
  for (int i = 0; i < 10 && !*answered; ++i)
    advance_time(std::chrono::milliseconds{200});
  if (!*answered)
    stop_failure = make_failure(outcome::io_error, "the WRITER does not stop");
}

void store_fixture::close() {
  if (!writer)
    return;
  disk->hold_syncs = false;
  disk->hold_reads = false;
  disk->hold_works = false;
  edits->hold_seals = false;
  edits->hold_flushes = false;
  while (!disk->syncs.empty())
    finish_sync();
  while (!disk->reads.empty())
    finish_read();
  while (!disk->works.empty())
    finish_work();
  while (!edits->seals.empty())
    finish_seal();
  while (!edits->flushes.empty())
    finish_flush_edit();
  caf::anon_send(archivist, stop_archivist{});
  run_actors();
  stop_writer_actor();
  caf::anon_send(compactor, stop_compactor{});
  run_actors();
  caf_compat::tell_anon(catalog, stop_shards());
  caf_compat::tell_anon(writers_catalog_, stop_catalog{});
  stop_disk_actors();
  caf::anon_send_exit(budget, caf::exit_reason::user_shutdown);
  if (residency)
    caf::anon_send_exit(residency, caf::exit_reason::user_shutdown);
  run_actors();
  shards.clear();
  writer = nullptr;
  catalog = nullptr;
  writers_catalog_ = nullptr;
  compactor = nullptr;
  archivist = nullptr;
  syncer = nullptr;
  reader = nullptr;
  used_syncer_ = nullptr;
  used_reader_ = nullptr;
  budget = nullptr;
  residency = nullptr;
  lock_.reset();
}

stop_catalog store_fixture::stop_shards() {
  stop_catalog left;
  caf::scoped_actor self{system};
  for (const auto& each : shards) {
    auto stopping = caf_compat::ask(self.ptr(), each, stop_shard{});
    run_actors();
    stopping.receive(
      [&](const shard_stopped& reply) {
        left.shards.push_back(reply.keys);
        left.flushed_below = std::max(left.flushed_below, reply.flushed_below);
      },
      // A test has stopped it.
      [&](const caf::error&) { left.shards.push_back(nullptr); });
  }
  if (std::find(left.shards.begin(), left.shards.end(), nullptr)
      != left.shards.end())
    left.shards.clear();
  return left;
}

void store_fixture::TearDown() {
  close();
  caf::anon_send_exit(session, caf::exit_reason::user_shutdown);
  session = nullptr;
  let_timers_expire();
}

session_actor
store_fixture::open_session(const std::shared_ptr<session_log>& log) {
  return system.spawn<probe>(log);
}

operation store_fixture::make(operation_kind kind, std::uint64_t id,
                              std::string_view key,
                              std::string_view value) const {
  operation op;
  op.ref.id = id;
  op.kind = kind;
  op.key = bytes_.emplace_back(key);
  op.hash = (*hash)(key);
  op.value = as_bytes(bytes_.emplace_back(value));
  op.value_crc = storage::value_checksum(op.value);
  return op;
}

void store_fixture::read(const session_actor& from, std::uint64_t id,
                         std::string_view key) {
  auto op = make(operation_kind::get, id, key);
  auto shard
    = storage::shard_of(op.hash, static_cast<std::uint32_t>(shards.size()));
  caf_compat::tell_anon(shards[shard], read_batch{from, {op}, {}});
}

void store_fixture::put(const session_actor& from, std::uint64_t id,
                        std::string_view key, std::string_view value) {
  caf_compat::tell_anon(
    writer,
    append_batch{from, {make(operation_kind::put, id, key, value)}, {}});
}

void store_fixture::evaluate(const session_actor& from, const operation& op) {
  auto shard
    = storage::shard_of(op.hash, static_cast<std::uint32_t>(shards.size()));
  caf_compat::tell_anon(shards[shard], evaluate_batch{from, {op}, {}});
}

void store_fixture::append_batch_of(const session_actor& from, std::uint64_t id,
                                    std::vector<operation> operations) {
  append_atomic message;
  message.from = from;
  message.ref.id = id;
  message.operations = std::move(operations);
  caf_compat::tell_anon(writer, std::move(message));
}

void store_fixture::finish_sync(bool success) {
  ASSERT_FALSE(disk->syncs.empty()) << "nobody has asked for a sync";
  if (!success)
    files->fail(test_support::disk_call::sync, 1, EIO);
  caf_compat::tell_anon(syncer, release_oldest{});
  run_actors();
}

void store_fixture::finish_read() {
  ASSERT_FALSE(disk->reads.empty()) << "nobody has asked for a read";
  caf_compat::tell_anon(reader, release_oldest{});
  run_actors();
}

void store_fixture::finish_work() {
  ASSERT_FALSE(disk->works.empty()) << "nobody has asked for work";
  caf_compat::tell_anon(reader, release_oldest_work{});
  run_actors();
}

void store_fixture::finish_seal(bool success) {
  ASSERT_FALSE(edits->seals.empty()) << "nobody has asked for a seal";
  caf_compat::tell_anon(writers_catalog_, release_seal{success});
  run_actors();
}

void store_fixture::finish_flush_edit() {
  ASSERT_FALSE(edits->flushes.empty()) << "nobody has recorded a flush";
  caf_compat::tell_anon(writers_catalog_, release_flush{});
  run_actors();
}

storage::manifest store_fixture::stored_manifest() {
  auto found = storage::read_manifest(*files, "/store");
  EXPECT_TRUE(found && *found);
  return found && *found ? **found : storage::manifest{};
}

std::string store_fixture::key_of_shard(std::uint32_t shard,
                                        std::string_view prefix) const {
  for (int number = 0;; ++number) {
    auto key = std::string{prefix} + std::to_string(number);
    if (storage::shard_of((*hash)(key),
                          static_cast<std::uint32_t>(shards.size()))
        == shard)
      return key;
  }
}

std::uint64_t store_fixture::compactor_figure(std::string_view name) {
  caf_compat::tell_anon(compactor, collect_figures{session, {}});
  run_actors();
  for (const auto& [each, value] : told->figures.back().figures)
    if (each == name)
      return value;
  return 0;
}

std::string store_fixture::value_of(std::string_view key) {
  auto id = probe_id_++;
  read(session, id, key);
  run_actors();
  const auto* found = told->find(id);
  if (found == nullptr)
    return "<no answer>";
  if (found->code != outcome::ok)
    return "<failed>";
  if (!found->applied)
    return "<absent>";
  return found->stored == nullptr ? told->values[id] : value_at(*found->stored);
}

std::string store_fixture::value_at(const stored_value& place) {
  const auto& [from, location, name] = place;
  std::vector<std::byte> record(location.size_bytes);
  auto got = from->bytes().read_at(location.offset_bytes, record);
  if (!got)
    return "<failed>";
  auto value
    = storage::verify_record(*from, location.offset_bytes, record, name);
  if (!value)
    return "<failed>";
  return {reinterpret_cast<const char*>(value->data()), value->size()};
}

} // namespace kvs::actors
