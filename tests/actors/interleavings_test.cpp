// Goal: the interleavings that the architecture was drawn for, by their names.
// Each is one order of events that a plausible shortcut would get wrong; the
// schedules of schedule_test.cpp look for those that nobody has thought of.

#include "tests/actors/store_fixture.hpp"
#include "tests/storage/mini_store.hpp"

#include <algorithm>
#include <set>

namespace kvs::actors {
namespace {

using storage::segment_id;
using storage::testing::contents;
using storage::testing::mini_store;
using test_support::crash_policy;

class InterleavingTest : public store_fixture {
protected:
  operation increment_of(std::string_view key) {
    auto op = make(operation_kind::increment, next_id++, key);
    op.delta = 1;
    return op;
  }

  /// The answer must be there.
  const answer& write(std::string_view key, std::string_view value) {
    auto id = next_id++;
    put(session, id, key, value);
    run_actors();
    static const answer none;
    const auto* reply = told->find(id);
    EXPECT_NE(reply, nullptr) << "request " << id;
    return reply == nullptr ? none : *reply;
  }

  void compact() {
    caf_compat::tell_anon(compactor, compact_store{session, {next_id++, 0}});
    run_actors();
  }

  /// The disk as it is now, with another start on it.
  void go_on_with(std::shared_ptr<test_support::memory_file_system> left,
                  sync_mode mode, std::uint64_t segment_bytes) {
    close();
    files = std::move(left);
    open(mode, 1, segment_bytes);
  }

  std::uint64_t next_id = 1;
};

/// A store without actors, to rewrite segments in an order of the test's own.
class SegmentOrderTest : public ::testing::Test {
protected:
  void reopen(storage::timestamp_ms now = 1000) {
    store.reset();
    mini_store::options how;
    how.now = now;
    auto opened = mini_store::open(disk, how);
    ASSERT_TRUE(opened) << to_string(opened.error());
    store = *std::move(opened);
  }

  /// Goes on in the next segment; returns the one that is complete.
  segment_id seal() {
    auto sealed = store->parts().active->id();
    EXPECT_TRUE(store->rotate());
    EXPECT_TRUE(store->sync());
    return sealed;
  }

  std::shared_ptr<test_support::memory_file_system> disk
    = test_support::memory_file_system::make();
  std::unique_ptr<mini_store> store;
};

// While one conditional write is in flight, later ones of its key wait and are
// decided together; one record carries the result. A power cut leaves all of
// that record or nothing, and nobody was told what is not there.
TEST_F(InterleavingTest, Combining) {
  open(sync_mode::always);
  disk->hold_syncs = true;
  evaluate(session, increment_of("n"));
  run_actors();
  for (int i = 0; i < 9; ++i)
    evaluate(session, increment_of("n"));
  auto erase = make(operation_kind::erase, next_id++, "n");
  evaluate(session, erase);
  evaluate(session, increment_of("n"));
  run_actors();
  finish_sync();
  for (std::uint64_t id = 2; id <= 12; ++id)
    EXPECT_EQ(told->find(id), nullptr) << "their record is not synced";
  auto before = files->crash(crash_policy::lose_unsynced, 1);
  disk->hold_syncs = false;
  finish_sync();
  std::set<storage::sequence_number> versions;
  for (std::uint64_t id = 1; id <= 12; ++id) {
    ASSERT_NE(told->find(id), nullptr);
    EXPECT_TRUE(versions.insert(told->find(id)->version).second);
    if (id <= 10) {
      EXPECT_EQ(told->find(id)->number, static_cast<std::int64_t>(id));
    }
  }
  EXPECT_TRUE(told->find(11)->existed);
  EXPECT_EQ(told->find(12)->number, 1);
  go_on_with(files->crash(crash_policy::lose_unsynced, 1), sync_mode::always,
             storage::mebibyte);
  EXPECT_EQ(value_of("n"), "1");
  go_on_with(before, sync_mode::always, storage::mebibyte);
  EXPECT_EQ(value_of("n"), "1") << "the first one alone";
}

// A value is being read from the disk for a conditional write when another
// write of the key comes, and a compaction moves the record: the result is
// that of some order of the two writes.
TEST_F(InterleavingTest, ColdRead) {
  open(sync_mode::none, 1, 4 * storage::kibibyte);
  write("n", "10");
  for (int i = 0; i < 60; ++i)
    write("filler", std::string(100, 'f'));
  files->resident(false);
  disk->hold_reads = true;
  auto op = increment_of("n");
  evaluate(session, op);
  run_actors();
  ASSERT_FALSE(disk->reads.empty());
  compact();
  put(session, next_id++, "n", "500");
  run_actors();
  disk->hold_reads = false;
  while (!disk->reads.empty())
    finish_read();
  ASSERT_NE(told->find(op.ref.id), nullptr);
  EXPECT_EQ(told->find(op.ref.id)->number, 501);
  files->resident(true);
  EXPECT_EQ(value_of("n"), "501");
}

// The segment that a READER looks into is rewritten and forgotten meanwhile.
TEST_F(InterleavingTest, ColdReadOfASegmentThatGoes) {
  open(sync_mode::none, 1, 8 * 1024);
  const std::string value(600, 'v');
  write("key", value);
  for (int round = 0; round < 2; ++round)
    for (int number = 0; number < 20; ++number)
      write("other" + std::to_string(number), value);
  files->resident(false);
  disk->hold_reads = true;
  const auto asked = next_id++;
  read(session, asked, "key");
  const auto appended = next_id++;
  evaluate(session, make(operation_kind::append, appended, "key", "+"));
  run_actors();
  ASSERT_EQ(disk->reads.size(), 2u);
  compact();
  ASSERT_GT(told->figures.back().figures.front().second, 0u);
  disk->hold_reads = false;
  while (!disk->reads.empty())
    finish_read();
  run_actors();
  ASSERT_NE(told->find(asked), nullptr);
  EXPECT_EQ(told->find(asked)->code, outcome::ok);
  EXPECT_EQ(told->values[asked], value);
  ASSERT_NE(told->find(appended), nullptr);
  EXPECT_EQ(told->find(appended)->code, outcome::ok);
  EXPECT_EQ(value_of("key"), value + "+");
}

// An expired record hides older versions of its key. It is rewritten alone,
// while they stay behind in another segment, and the clock is set back: the
// older versions must not be seen.
TEST_F(SegmentOrderTest, ExpiredRecordOverAnOlderVersion) {
  reopen(1000);
  ASSERT_TRUE(store->put("k", "older"));
  ASSERT_TRUE(store->put("stays", "v"));
  auto older = seal();
  ASSERT_TRUE(store->put("k", "expires", 2000));
  ASSERT_TRUE(store->put("filler", "f"));
  auto newer = seal();
  ASSERT_TRUE(store->put("filler", "g"));
  ASSERT_TRUE(store->sync());
  reopen(3000);
  const contents expected = {{"filler", "g"}, {"stays", "v"}};
  ASSERT_EQ(*store->all(), expected);
  ASSERT_TRUE(store->compact({newer}));
  EXPECT_EQ(*store->all(), expected);
  for (int restart = 0; restart < 2; ++restart) {
    reopen(500);
    EXPECT_EQ(*store->all(), expected);
  }
  // Now nothing older is left, and its shadow may go, too.
  ASSERT_TRUE(store->compact({older}));
  reopen(500);
  EXPECT_EQ(*store->all(), expected);
}

// A value, a newer one and a tombstone lie in three segments, which are
// rewritten in any order and any company, with a restart after each: the key
// stays deleted.
TEST_F(SegmentOrderTest, TombstoneOverThreeSegments) {
  std::vector<int> order = {0, 1, 2};
  do {
    for (int together = 0; together < 3; ++together) {
      disk = test_support::memory_file_system::make();
      reopen();
      std::vector<segment_id> segments;
      for (const char* step : {"first", "second", ""}) {
        if (*step != '\0') {
          ASSERT_TRUE(store->put("k", step));
        } else {
          ASSERT_TRUE(store->erase("k"));
        }
        ASSERT_TRUE(store->put("stays" + std::to_string(segments.size()), "v"));
        segments.push_back(seal());
      }
      const contents expected
        = {{"stays0", "v"}, {"stays1", "v"}, {"stays2", "v"}};
      // The first `together` + 1 of them at once, the others one by one.
      std::vector<std::vector<segment_id>> rounds(1);
      for (int at = 0; at < 3; ++at) {
        if (at > together)
          rounds.emplace_back();
        rounds.back().push_back(segments[static_cast<std::size_t>(
          order[static_cast<std::size_t>(at)])]);
      }
      for (const auto& victims : rounds) {
        ASSERT_TRUE(store->compact(victims));
        ASSERT_EQ(*store->all(), expected);
        reopen();
        ASSERT_EQ(*store->all(), expected);
      }
    }
  } while (std::next_permutation(order.begin(), order.end()));
}

// A segment is full and the WRITER goes on in the next one while the CATALOG
// is slow to list the old one as sealed, or does not: what was acknowledged in
// either is there after a power cut and after a kill.
TEST_F(InterleavingTest, ManifestAgainstRollOver) {
  constexpr auto segment_bytes = 4 * storage::kibibyte;
  for (const bool is_kill : {false, true}) {
    SCOPED_TRACE(is_kill);
    files = test_support::memory_file_system::make();
    told = std::make_shared<session_log>();
    open(sync_mode::always, 1, segment_bytes);
    edits->hold_seals = true;
    for (int i = 0; i < 12; ++i)
      ASSERT_TRUE(
        write("key" + std::to_string(i), std::string(1000, 'a')).applied);
    auto listed = stored_manifest().segments;
    EXPECT_GT(std::count_if(listed.begin(), listed.end(),
                            [](const auto& each) { return !each.sealed; }),
              2)
      << "no seal was outstanding";
    auto left
      = is_kill ? files->restart() : files->crash(crash_policy::one_hole, 3);
    go_on_with(left, sync_mode::always, segment_bytes);
    for (int i = 0; i < 12; ++i)
      EXPECT_EQ(value_of("key" + std::to_string(i)), std::string(1000, 'a'));
    close();
  }
}

// A clean stop leaves a checkpoint; the next start writes, compacts and is
// killed. The checkpoint that comes back, as an unlink that was not synced
// may, belongs to segments that are gone.
TEST_F(InterleavingTest, CheckpointAfterCompactionAndKill) {
  constexpr auto segment_bytes = 16 * storage::kibibyte;
  open(sync_mode::none, 1, segment_bytes);
  for (int i = 0; i < 300; ++i)
    write("key" + std::to_string(i), std::string(100, 'a'));
  close();
  const auto stale = files->content("/store/CHECKPOINT");
  ASSERT_FALSE(stale.empty());
  open(sync_mode::none, 1, segment_bytes);
  EXPECT_TRUE(report.from_checkpoint);
  for (int i = 0; i < 300; i += 3)
    evaluate(session,
             make(operation_kind::erase, next_id++, "key" + std::to_string(i)));
  run_actors();
  compact();
  auto killed = files->restart();
  killed->put_content("/store/CHECKPOINT", stale);
  go_on_with(killed, sync_mode::none, segment_bytes);
  EXPECT_FALSE(report.from_checkpoint);
  for (int i = 0; i < 300; ++i)
    EXPECT_EQ(value_of("key" + std::to_string(i)),
              i % 3 == 0 ? "<absent>" : std::string(100, 'a'));
}

// A flush is acknowledged; then the store is stopped, killed, or loses power,
// before or after the CATALOG has its number, and segments from before are
// still there: nothing of them comes back, what came behind it stays.
TEST_F(InterleavingTest, FlushAndRestart) {
  enum class ending { stop, kill, power_cut };
  for (const bool is_recorded : {false, true})
    for (const auto how : {ending::stop, ending::kill, ending::power_cut}) {
      SCOPED_TRACE(static_cast<int>(how));
      files = test_support::memory_file_system::make();
      told = std::make_shared<session_log>();
      open(sync_mode::always, 1, 4 * storage::kibibyte);
      for (int i = 0; i < 50; ++i)
        write("key" + std::to_string(i), std::string(200, 'o'));
      edits->hold_flushes = !is_recorded;
      auto id = next_id++;
      caf_compat::tell_anon(writer, flush_store{session, {id, 0}});
      run_actors();
      ASSERT_NE(told->find(id), nullptr);
      write("behind", "it");
      auto left = how == ending::power_cut
                    ? files->crash(crash_policy::lose_unsynced, 1)
                    : files->restart();
      close();
      if (how != ending::stop)
        files = left;
      for (int restart = 0; restart < 2; ++restart) {
        open(sync_mode::always, 1, 4 * storage::kibibyte);
        EXPECT_EQ(value_of("behind"), "it");
        for (int i = 0; i < 50; ++i)
          ASSERT_EQ(value_of("key" + std::to_string(i)), "<absent>");
        close();
      }
    }
}

// `interval`: the newer version of a key is acknowledged and only in memory,
// so the older one is what a power cut leaves. A compaction to which the older
// one is dead must not take it away before the newer one is synced.
TEST_F(InterleavingTest,
       PowerLossInIntervalAfterCompactionDroppedTheDurableVersion) {
  constexpr auto segment_bytes = 4 * storage::kibibyte;
  open(sync_mode::interval, 1, segment_bytes);
  write("key", "durable");
  for (int i = 0; i < 50; ++i)
    write("filler", std::string(100, 'f'));
  caf_compat::tell_anon(writer, sync_now{session, {next_id++, 0}});
  run_actors();
  disk->hold_syncs = true;
  const auto& newer = write("key", "only in memory");
  EXPECT_TRUE(newer.applied) << "it is acknowledged before it is synced";
  compact();
  // Whenever the power goes, the key is there.
  for (const auto policy : test_support::all_crash_policies) {
    auto left = files->crash(policy, 1);
    mini_store::options how;
    how.directory = "/store";
    auto opened = mini_store::open(left, how);
    ASSERT_TRUE(opened) << to_string(opened.error());
    auto found = (*opened)->get("key");
    ASSERT_TRUE(found && *found) << static_cast<int>(policy);
    EXPECT_TRUE(**found == "durable" || **found == "only in memory");
  }
  disk->hold_syncs = false;
  while (!disk->syncs.empty())
    finish_sync();
  go_on_with(files->crash(crash_policy::lose_unsynced, 1), sync_mode::interval,
             segment_bytes);
  EXPECT_EQ(value_of("key"), "only in memory");
}

} // namespace
} // namespace kvs::actors
