// Goal: a scan waits for batches that other shards do not show yet. Method: a
// shard without the others, which the test tells of batches.

#include "storage/log_writer.hpp"
#include "tests/actors/store_fixture.hpp"

namespace kvs::actors {
namespace {

/// Takes in what a SHARD tells its WRITER.
class deaf_writer final : public evaluation_sink_actor::base {
public:
  using evaluation_sink_actor::base::base;
  behavior_type make_behavior() override {
    return {[](const append_evaluated&) {}, [](const withdraw_evaluation&) {},
            [](const batch_applied&) {}, [](const manifest_failed&) {}};
  }
};

/// A SHARD next to the store, whose publications are the test's.
class LoneShardTest : public store_fixture {
protected:
  void spawn_lone_shard() {
    open();
    deaf = system.spawn<deaf_writer>();
    shard_args args;
    args.keys
      = std::make_shared<storage::recovered_shard>(storage::recovered_shard{
        storage::index{0, storage::partition_count}, {}});
    args.clock = clock;
    args.writer = deaf;
    args.compactor = compactor;
    args.catalog = catalog;
    args.readers = {reader};
    storage::segment_header header;
    header.id = storage::segment_id{900};
    header.context.base_sequence = 1;
    auto segment = storage::create_segment(*files, "/store", header, 0);
    ASSERT_TRUE(segment);
    log = std::make_unique<storage::log_writer>(*segment,
                                                storage::segment_header_bytes);
    args.segments = {*segment};
    lone = spawn_shard(system, args);
    run_actors();
  }

  void TearDown() override {
    caf_compat::tell_anon(lone, stop_shard{});
    caf::anon_send_exit(deaf, caf::exit_reason::user_shutdown);
    run_actors();
    lone = nullptr;
    deaf = nullptr;
    store_fixture::TearDown();
  }

  /// This shard's part of a batch that others take part in.
  void publish_batch(std::uint64_t batch_id, std::string_view key) {
    auto op = make(operation_kind::put, 0, key);
    publication_part part;
    part.kind = publication_kind::atomic;
    part.session = session;
    part.batch_id = batch_id;
    auto place = log->add(storage::record_type::put, batch_id, 0, key, {}, 0);
    ASSERT_TRUE(log->write_staged(~std::uint64_t{0}));
    part.records.push_back(
      {{}, storage::record_type::put, op.hash, op.key, {place, batch_id, 0}});
    caf_compat::tell_anon(lone, publish{{part}, batch_id, 0});
    run_actors();
  }

  void release_batch(std::uint64_t batch_id) {
    caf_compat::tell_anon(lone, batch_released{batch_id});
    run_actors();
  }

  void scan(std::uint64_t id) {
    caf_compat::tell_anon(
      lone, scan_keys{session, {id, 0}, 0, storage::partition_count, ""});
    run_actors();
  }

  evaluation_sink_actor deaf;
  std::unique_ptr<storage::log_writer> log;
  shard_actor lone;
};

// Goal: a scan shows no key of a batch that other shards may not show yet, and
// is answered once when there is none left.
TEST_F(LoneShardTest, HoldsAScanUntilEveryBatchIsReleased) {
  spawn_lone_shard();
  publish_batch(1, "first");
  publish_batch(2, "second");
  scan(7);
  release_batch(1);
  EXPECT_TRUE(told->scans.empty());
  release_batch(2);
  ASSERT_EQ(told->scans.size(), 1u);
  EXPECT_EQ(told->scans[0].ref.id, 7u);
  EXPECT_EQ(told->scans[0].keys.size(), 2u);
  publish_batch(3, "third");
  release_batch(3);
  EXPECT_EQ(told->scans.size(), 1u);
}

TEST_F(LoneShardTest, SettlesAHeldScanAtShutdown) {
  spawn_lone_shard();
  publish_batch(1, "first");
  scan(7);
  caf_compat::tell_anon(lone, stop_shard{});
  run_actors();
  EXPECT_TRUE(told->scans.empty());
  ASSERT_EQ(told->answers.size(), 1u);
  EXPECT_EQ(told->answers[0].ref.id, 7u);
  EXPECT_EQ(told->answers[0].code, outcome::shutting_down);
}

} // namespace
} // namespace kvs::actors
