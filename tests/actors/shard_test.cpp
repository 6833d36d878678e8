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
        query_liveness{{{(*hash)(key), place, {}}}, nullptr});
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
  update_outcome apply(const key_state&, storage::timestamp_ms,
                       protocol::pacer&) const override {
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

// Goal: the count is right again soon, however many keys expire together.
TEST_F(ShardTest, DropsManyKeysThatExpireTogetherFromTheCount) {
  open(sync_mode::none, 1);
  std::vector<operation> operations;
  for (std::uint64_t id = 1; id <= 20'000; ++id) {
    operations.push_back(
      make(operation_kind::put, id, "key" + std::to_string(id), "v"));
    operations.back().expires_at = clock->time + 100;
  }
  caf_compat::tell_anon(writer, append_batch{session, operations, {}});
  run_actors();
  clock->time += 1000;
  advance_time(std::chrono::milliseconds{500});
  caf_compat::tell_anon(writer, count_at_cut{session, {99'999, 0}});
  run_actors();
  EXPECT_EQ(told->find(99'999)->number, 0);
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
  relocated_record move;
  move.hash = (*hash)("key");
  move.from = old_place;
  move.to = {old_place.segment, 8, 8};
  message.moves = {move};
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

} // namespace
} // namespace kvs::actors
