// Goal: what an INDEX SHARD promises beyond the concurrency of writes.

#include "actors/value_update.hpp"
#include "tests/actors/store_fixture.hpp"

#include <set>

namespace kvs::actors {
namespace {

class ShardTest : public store_fixture {
protected:
  template <class Reply, class Request>
  Reply ask_shard(Request request) {
    Reply result;
    caf::scoped_actor self{system};
    auto reply = self->request(shards[0], caf::infinite, std::move(request));
    run_actors();
    reply.receive([&](const Reply& found) { result = found; },
                  [](const caf::error&) { ADD_FAILURE() << "no reply"; });
    return result;
  }

  /// The first record of the store: it lies behind the header.
  storage::record_location first_record(std::string_view key,
                                        std::string_view value) {
    storage::record_location place;
    place.offset_bytes = storage::segment_header_bytes;
    place.size_bytes = static_cast<std::uint32_t>(
      storage::record_bytes(key.size(), value.size(), false));
    for (std::uint32_t id = 0; id < 16; ++id) {
      place.segment = storage::segment_id{id};
      auto found = ask_shard<liveness_found>(
        query_liveness{{{(*hash)(key), std::string{key}, place}}});
      if (found.verdicts[0] == storage::liveness::live)
        return place;
    }
    ADD_FAILURE() << "no such record";
    return {};
  }
};

TEST_F(ShardTest, AnswersAnAbsentKeyWithoutReading) {
  open();
  auto reads = files->calls(test_support::disk_call::read);
  EXPECT_EQ(value_of("absent"), "<absent>");
  EXPECT_EQ(files->calls(test_support::disk_call::read), reads);
}

TEST_F(ShardTest, LeavesWhatIsNotInMemoryToTheReader) {
  open();
  put(session, 1, "cold", "value");
  put(session, 2, "hot", "value");
  run_actors();
  files->resident(false);
  disk->hold_reads = true;
  read(session, 3, "cold");
  run_actors();
  EXPECT_EQ(told->find(3), nullptr);
  files->resident(true);
  EXPECT_EQ(value_of("hot"), "value") << "a hot read waits for no cold one";
  finish_read();
  ASSERT_NE(told->find(3), nullptr);
  EXPECT_EQ(told->values[3], "value");
}

TEST_F(ShardTest, AnswersCorruptInsteadOfWrongBytes) {
  open(sync_mode::always);
  put(session, 1, "key", "value");
  run_actors();
  auto names = files->list("/store");
  ASSERT_TRUE(names);
  for (const auto& name : *names) {
    auto path = "/store/" + name;
    auto bytes = files->content(path);
    std::string_view text{reinterpret_cast<const char*>(bytes.data()),
                          bytes.size()};
    if (auto at = text.find("value"); at != text.npos)
      files->flip_bit(path, at, 3);
  }
  read(session, 2, "key");
  run_actors();
  ASSERT_NE(told->find(2), nullptr);
  EXPECT_EQ(told->find(2)->code, outcome::corrupt);
}

// Goal: an expiry once reported is never taken back, also not by a start at
// which the wall clock has stepped back.
TEST_F(ShardTest, PersistsTheTimeBeforeItReportsAnExpiry) {
  open(sync_mode::always);
  auto op = make(operation_kind::put, 1, "key", "value");
  op.expires_at = clock->time + 100;
  caf_compat::tell_anon(writer, append_batch{session, {op}, {}});
  run_actors();
  EXPECT_EQ(value_of("key"), "value");
  clock->time += 100;
  EXPECT_EQ(value_of("key"), "<absent>");
  auto crashed = files->crash(test_support::crash_policy::lose_unsynced, 1);
  close();
  files = crashed;
  clock->time -= 50'000;
  open(sync_mode::always);
  EXPECT_EQ(value_of("key"), "<absent>");
}

// Goal: an answer that has to wait says what was true when it was made. A
// transaction that validates with it must not overlook what came since.
// Method: the put is published while the expiry is being persisted.
TEST_F(ShardTest, StampsAnAnswerThatWaitsWithTheTimeOfItsLookup) {
  open(sync_mode::none);
  auto op = make(operation_kind::put, 1, "key", "value");
  op.expires_at = clock->time + 100;
  caf_compat::tell_anon(writer, append_batch{session, {op}, {}});
  run_actors();
  clock->time += 200;
  read(session, 2, "key");
  put(session, 3, "key", "newer");
  while (told->find(2) == nullptr && run_one_actor()) {
  }
  ASSERT_NE(told->find(2), nullptr);
  EXPECT_FALSE(told->find(2)->applied);
  auto evaluated_at = told->evaluated_of.at(2);
  run_actors();
  EXPECT_LT(evaluated_at, told->find(3)->version);
}

// Goal: neither a count nor a list shows a key that has expired, and they
// report that no earlier than it is certain.
TEST_F(ShardTest, CountsAndListsNoKeyThatHasExpired) {
  open(sync_mode::always);
  auto op = make(operation_kind::put, 1, "short", "v");
  op.expires_at = clock->time + 100;
  caf_compat::tell_anon(writer, append_batch{session, {op}, {}});
  put(session, 2, "long", "v");
  run_actors();
  clock->time += 100;
  caf_compat::tell_anon(writer, count_at_cut{session, {3, 0}});
  caf_compat::tell_anon(shards[0], scan_keys{session, {4, 0}, 0, 100, ""});
  auto answered
    = [&] { return told->find(3) != nullptr && !told->scans.empty(); };
  while (!answered() && run_one_actor()) {
  }
  ASSERT_TRUE(answered());
  EXPECT_EQ(told->find(3)->number, 1);
  EXPECT_EQ(told->scans[0].keys, std::vector<std::string>{"long"});
  auto crashed = files->crash(test_support::crash_policy::lose_unsynced, 1);
  close();
  files = crashed;
  clock->time -= 50'000;
  open(sync_mode::always);
  EXPECT_EQ(value_of("short"), "<absent>");
}

/// Gives a key another value that nobody's watch shall see.
class unnoticed_update final : public value_update {
public:
  bool needs_value() const override {
    return false;
  }
  std::uint64_t growth_bytes() const override {
    return 0;
  }
  bool copies_value() const override {
    return false;
  }
  update_outcome apply(const key_state&, storage::timestamp_ms) const override {
    update_outcome done;
    done.what = update_outcome::change::put_value;
    done.is_unnoticed = true;
    return done;
  }
};

// Goal: a change that is none for those who watch neither makes an absent key
// for them nor changes the version of a present one; the next one does.
TEST_F(ShardTest, HidesUnnoticedChangesFromWatches) {
  open();
  std::uint64_t id = 100;
  auto look = [&](operation_kind kind, std::string_view key) {
    auto op = make(kind, ++id, key);
    caf_compat::tell_anon(shards[0], read_batch{session, {op}, {}});
    run_actors();
    return *told->find(id);
  };
  unnoticed_update update;
  auto change_unnoticed = [&](std::string_view key) {
    auto op = make(operation_kind::update, ++id, key);
    op.update = &update;
    evaluate(session, op);
    run_actors();
  };
  put(session, 1, "present", "v");
  run_actors();
  auto before = look(operation_kind::watch, "present");
  EXPECT_FALSE(look(operation_kind::watch, "absent").applied);
  for (int round = 0; round < 2; ++round)
    for (const auto* key : {"present", "absent"})
      change_unnoticed(key);
  EXPECT_EQ(look(operation_kind::watched, "present").version, before.version);
  auto made = look(operation_kind::watched, "absent");
  EXPECT_TRUE(made.applied);
  EXPECT_EQ(made.version, 0u);
  EXPECT_EQ(made.number, 0);
  EXPECT_GT(look(operation_kind::exists, "present").version, before.version);
  put(session, 2, "present", "w");
  put(session, 3, "absent", "w");
  run_actors();
  EXPECT_GT(look(operation_kind::watched, "present").version, before.version);
  EXPECT_NE(look(operation_kind::watched, "absent").number, 0);
}

TEST_F(ShardTest, DropsExpiredKeysFromTheCount) {
  open();
  for (std::uint64_t id = 1; id <= 10; ++id) {
    auto op = make(operation_kind::put, id, "key" + std::to_string(id), "v");
    op.expires_at = clock->time + 100;
    caf_compat::tell_anon(writer, append_batch{session, {op}, {}});
    run_actors();
  }
  clock->time += 1000;
  for (int second = 0; second < 4; ++second)
    advance_time(std::chrono::milliseconds{500});
  caf_compat::tell_anon(writer, count_at_cut{session, {99, 0}});
  run_actors();
  EXPECT_EQ(told->find(99)->number, 0);
}

// Goal: compaction never takes back a newer value.
TEST_F(ShardTest, IgnoresAMoveWhoseEntryHasChanged) {
  open(sync_mode::none);
  put(session, 1, "key", "old");
  run_actors();
  auto old_place = first_record("key", "old");
  put(session, 2, "key", "new");
  run_actors();
  auto target
    = storage::open_segment(*files,
                            "/store/"
                              + storage::segment_file_name(
                                old_place.segment, storage::segment_kind::log),
                            storage::open_mode::read_only);
  ASSERT_TRUE(target);
  apply_moves message;
  message.target = *target;
  message.moves
    = {{(*hash)("key"), "key", old_place, {old_place.segment, 8, 8}}};
  EXPECT_EQ(ask_shard<moves_applied>(message).moved, 0u);
  EXPECT_EQ(value_of("key"), "new");
}

TEST_F(ShardTest, ListsEveryKeyOfAScan) {
  open();
  std::set<std::string> expected;
  for (std::uint64_t id = 1; id <= 500; ++id) {
    expected.insert("key" + std::to_string(id));
    put(session, id, "key" + std::to_string(id), "v");
    run_actors();
  }
  std::set<std::string> found;
  std::uint32_t partition = 0;
  while (partition < storage::partition_count) {
    caf_compat::tell_anon(shards[0],
                          scan_keys{session, {1, 0}, partition, 10, "key"});
    run_actors();
    ASSERT_FALSE(told->scans.empty());
    found.insert(told->scans.back().keys.begin(),
                 told->scans.back().keys.end());
    partition = told->scans.back().next_partition;
  }
  EXPECT_EQ(found, expected);
}

TEST_F(ShardTest, SettlesHeldAnswersAtShutdown) {
  open(sync_mode::none);
  put(session, 1, "cold", "value");
  run_actors();
  files->resident(false);
  disk->hold_reads = true;
  read(session, 2, "cold");
  evaluate(session, make(operation_kind::append, 3, "cold", "x"));
  run_actors();
  caf_compat::tell_anon(shards[0], stop_shard{});
  run_actors();
  ASSERT_NE(told->find(3), nullptr);
  EXPECT_EQ(told->find(3)->code, outcome::shutting_down);
  ASSERT_NE(told->find(2), nullptr);
  EXPECT_EQ(told->find(2)->code, outcome::shutting_down);
}

/// Takes in what a SHARD tells its WRITER.
class deaf_writer final : public evaluation_sink_actor::base {
public:
  using evaluation_sink_actor::base::base;
  behavior_type make_behavior() override {
    return {[](const append_evaluated&) {}, [](const withdraw_evaluation&) {},
            [](const batch_applied&) {}};
  }
};

/// A SHARD next to the store, whose publications are the test's.
class LoneShardTest : public ShardTest {
protected:
  void spawn_lone_shard() {
    open();
    deaf = system.spawn<deaf_writer>();
    shard_args args;
    args.index = std::make_shared<storage::index>(0, storage::partition_count);
    args.clock = clock;
    args.writer = deaf;
    args.compactor = compactor;
    args.catalog = catalog;
    args.readers = {reader};
    lone = spawn_shard(system, args);
    run_actors();
  }

  void TearDown() override {
    caf_compat::tell_anon(lone, stop_shard{});
    caf::anon_send_exit(deaf, caf::exit_reason::user_shutdown);
    run_actors();
    lone = nullptr;
    deaf = nullptr;
    ShardTest::TearDown();
  }

  /// This shard's part of a batch that others take part in.
  void publish_batch(std::uint64_t batch_id, std::string_view key) {
    auto op = make(operation_kind::put, 0, key);
    publication_part part;
    part.kind = publication_kind::atomic;
    part.session = session;
    part.batch_id = batch_id;
    part.records.push_back({{},
                            storage::record_type::put,
                            op.hash,
                            op.key,
                            {{storage::segment_id{1}, 8, 8}, batch_id, 0}});
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
