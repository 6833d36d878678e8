// Goal: what the WRITER promises about order, durability and failure.
// Method: the real WRITER, SHARDS and CATALOG on a disk in memory; the test
// holds syncs and reads and looks at who has been told what in between.

#include "tests/actors/store_fixture.hpp"

namespace kvs::actors {
namespace {

using namespace std::chrono_literals;

class WriterTest : public store_fixture {};

TEST_F(WriterTest, RepliesOnlyAfterTheSyncInAlways) {
  open(sync_mode::always);
  disk->hold_syncs = true;
  put(session, 1, "key", "value");
  run_actors();
  EXPECT_EQ(told->find(1), nullptr);
  finish_sync();
  ASSERT_NE(told->find(1), nullptr);
  EXPECT_TRUE(told->find(1)->applied);
  EXPECT_GE(told->durable_version, told->find(1)->version);
}

// Goal: what a reader has seen can never be lost.
TEST_F(WriterTest, ShowsNothingBeforeTheSyncInAlways) {
  open(sync_mode::always);
  disk->hold_syncs = true;
  put(session, 1, "key", "value");
  run_actors();
  EXPECT_EQ(value_of("key"), "<absent>");
  finish_sync();
  EXPECT_EQ(value_of("key"), "value");
}

TEST_F(WriterTest, SharesOneSyncAmongAllThatArriveMeanwhile) {
  open(sync_mode::always);
  disk->hold_syncs = true;
  put(session, 1, "first", "1");
  run_actors();
  for (std::uint64_t id = 2; id <= 50; ++id)
    put(session, id, "key" + std::to_string(id), "v");
  run_actors();
  finish_sync();
  EXPECT_EQ(told->answers.size(), 1u);
  finish_sync();
  EXPECT_EQ(told->answers.size(), 50u);
  EXPECT_TRUE(disk->syncs.empty());
}

TEST_F(WriterTest, AppendsItsWholeMailboxWithOneWrite) {
  open(sync_mode::none);
  auto before = files->calls(test_support::disk_call::write);
  for (std::uint64_t id = 1; id <= 100; ++id)
    put(session, id, "key" + std::to_string(id), "value");
  run_actors();
  EXPECT_EQ(told->answers.size(), 100u);
  EXPECT_EQ(files->calls(test_support::disk_call::write), before + 1);
}

TEST_F(WriterTest, AcknowledgesBeforeTheSyncInInterval) {
  open(sync_mode::interval);
  disk->hold_syncs = true;
  put(session, 1, "key", "value");
  run_actors();
  EXPECT_NE(told->find(1), nullptr);
  EXPECT_TRUE(disk->syncs.empty());
  advance_time(500ms);
  EXPECT_EQ(disk->syncs.size(), 1u) << "idle data is synced too";
}

// Goal: no acknowledged write stays unsynced longer than the interval while
// more are acknowledged: when the disk is slower, writes wait.
TEST_F(WriterTest, MakesWritesWaitForASlowDiskInInterval) {
  open(sync_mode::interval);
  disk->hold_syncs = true;
  put(session, 1, "a", "1");
  run_actors();
  advance_time(500ms);
  put(session, 2, "b", "2");
  run_actors();
  EXPECT_NE(told->find(2), nullptr) << "still within the interval";
  advance_time(600ms);
  put(session, 3, "c", "3");
  run_actors();
  EXPECT_EQ(told->find(3), nullptr);
  finish_sync();
  EXPECT_NE(told->find(3), nullptr);
}

TEST_F(WriterTest, AnswersOutcomeUnknownAfterAFailedSync) {
  open(sync_mode::always);
  disk->hold_syncs = true;
  put(session, 1, "key", "value");
  run_actors();
  finish_sync(false);
  ASSERT_NE(told->find(1), nullptr);
  EXPECT_EQ(told->find(1)->code, outcome::outcome_unknown);
  EXPECT_FALSE(failure_told->empty());
  EXPECT_EQ(value_of("key"), "<absent>") << "never made visible";
}

// Goal: nobody who waits is told that nothing happened, whatever it asked for
// and whether its record is in the failed sync or behind it.
TEST_F(WriterTest, TellsAllThatWaitThatTheOutcomeIsUnknown) {
  open(sync_mode::always, 2);
  auto told_other = std::make_shared<session_log>();
  auto other = open_session(told_other);
  disk->hold_syncs = true;
  put(session, 1, "a", "1");
  run_actors();
  put(other, 1, "b", "1");
  evaluate(session, make(operation_kind::increment, 2, "n"));
  append_batch_of(other, 2,
                  {make(operation_kind::put, 0, "c", "1"),
                   make(operation_kind::put, 0, "d", "1")});
  caf_compat::tell_anon(writer, sync_now{session, {3, 0}});
  run_actors();
  finish_sync(false);
  for (std::uint64_t id : {1, 2, 3}) {
    ASSERT_NE(told->find(id), nullptr) << id;
    EXPECT_EQ(told->find(id)->code, outcome::outcome_unknown) << id;
  }
  for (std::uint64_t id : {1, 2}) {
    ASSERT_NE(told_other->find(id), nullptr) << id;
    EXPECT_EQ(told_other->find(id)->code, outcome::outcome_unknown) << id;
  }
  for (auto key : {"a", "b", "c", "d", "n"})
    EXPECT_EQ(value_of(key), "<absent>");
}

// Goal: a failed sync is final. A retry would report success although the
// kernel has dropped the pages (fsyncgate).
TEST_F(WriterTest, NeverSyncsAgainAfterAFailedSync) {
  open(sync_mode::always);
  disk->hold_syncs = true;
  put(session, 1, "key", "value");
  run_actors();
  finish_sync(false);
  put(session, 2, "key", "other");
  evaluate(session, make(operation_kind::increment, 3, "n"));
  run_actors();
  EXPECT_EQ(told->find(2)->code, outcome::read_only);
  EXPECT_EQ(told->find(3)->code, outcome::read_only);
  EXPECT_TRUE(disk->syncs.empty());
}

TEST_F(WriterTest, AnswersNoSpaceAndGoesOnWhenThereIsSpaceAgain) {
  open(sync_mode::none);
  put(session, 1, "key", "old");
  run_actors();
  files->fail(test_support::disk_call::write, 1, ENOSPC);
  put(session, 2, "key", "new");
  run_actors();
  EXPECT_EQ(told->find(2)->code, outcome::no_space);
  EXPECT_EQ(value_of("key"), "old");
  put(session, 3, "key", "newer");
  run_actors();
  EXPECT_TRUE(told->find(3)->applied);
  EXPECT_EQ(value_of("key"), "newer");
}

// Goal: what was answered as refused can never come back: not even when a
// power cut takes the cut that removed it from the log.
TEST_F(WriterTest, TellsARefusalWhenTheCutIsDurable) {
  open(sync_mode::interval);
  disk->hold_syncs = true;
  files->fail(test_support::disk_call::write, 1, ENOSPC);
  put(session, 1, "key", "first");
  run_actors();
  EXPECT_EQ(told->find(1), nullptr);
  ASSERT_EQ(disk->syncs.size(), 1u);
  // The sync that runs may have begun before this cut.
  files->fail(test_support::disk_call::write, 1, ENOSPC);
  put(session, 2, "key", "second");
  run_actors();
  finish_sync();
  ASSERT_NE(told->find(1), nullptr);
  EXPECT_EQ(told->find(1)->code, outcome::no_space);
  EXPECT_EQ(told->find(2), nullptr);
  finish_sync();
  ASSERT_NE(told->find(2), nullptr);
  EXPECT_EQ(told->find(2)->code, outcome::no_space);
  EXPECT_TRUE(disk->syncs.empty());
}

TEST_F(WriterTest, DoesNotKnowWhatBecomesOfARefusalWhoseCutIsNotSynced) {
  open(sync_mode::none);
  disk->hold_syncs = true;
  files->fail(test_support::disk_call::write, 1, ENOSPC);
  put(session, 1, "key", "value");
  run_actors();
  finish_sync(false);
  ASSERT_NE(told->find(1), nullptr);
  EXPECT_EQ(told->find(1)->code, outcome::outcome_unknown);
  EXPECT_FALSE(failure_told->empty());
}

// Goal: of a failed append that could not be cut off a start may find
// anything, so nobody is told that nothing changed, and nothing is written
// behind it.
TEST_F(WriterTest, AnAppendThatCannotBeCutOffIsFinal) {
  open(sync_mode::none);
  files->fail(test_support::disk_call::write, 1, EIO);
  files->fail(test_support::disk_call::truncate, 1, EIO);
  for (std::uint64_t id = 1; id <= 3; ++id)
    put(session, id, "key" + std::to_string(id), "value");
  run_actors();
  for (std::uint64_t id = 1; id <= 3; ++id)
    EXPECT_EQ(told->find(id)->code, outcome::outcome_unknown);
  EXPECT_FALSE(failure_told->empty());
  put(session, 4, "key", "value");
  run_actors();
  EXPECT_EQ(told->find(4)->code, outcome::read_only);
}

TEST_F(WriterTest, ASealThatCannotBeCutOffIsFinal) {
  open(sync_mode::none);
  put(session, 1, "key", "value");
  run_actors();
  files->fail(test_support::disk_call::write, 1, EIO);
  files->fail(test_support::disk_call::truncate, 1, EIO);
  caf::anon_send(writer, seal_active{});
  run_actors();
  EXPECT_FALSE(failure_told->empty());
  put(session, 2, "key", "value");
  run_actors();
  EXPECT_EQ(told->find(2)->code, outcome::read_only);
}

// Goal: an evaluation that was beaten by a record which then does not come to
// be must not wait for that record's publication for ever.
// Method: both reach the WRITER in one turn, the put first, and the write of
// that turn fails.
TEST_F(WriterTest, TellsLosersBehindAFailedAppendItsError) {
  open(sync_mode::none);
  put(session, 1, "key", "0");
  run_actors();
  files->resident(false);
  disk->hold_reads = true;
  evaluate(session, make(operation_kind::append, 2, "key", "x"));
  run_actors();
  ASSERT_EQ(disk->reads.size(), 1u);
  files->fail(test_support::disk_call::write, 1, ENOSPC);
  caf_compat::tell_anon(reader, release_oldest{});
  run_one_actor(); // The reader answers the shard, …
  put(session, 3, "key", "beats it");
  run_one_actor(); // … which sends its record behind the put.
  run_actors();
  ASSERT_NE(told->find(3), nullptr);
  EXPECT_EQ(told->find(3)->code, outcome::no_space);
  ASSERT_NE(told->find(2), nullptr);
  EXPECT_EQ(told->find(2)->code, outcome::no_space);
  files->resident(true);
  disk->hold_reads = false;
  EXPECT_EQ(value_of("key"), "0");
}

TEST_F(WriterTest, RollsOverAndKeepsEveryRecordReadable) {
  open(sync_mode::always, 1, 8 * 1024);
  std::string value(1000, 'v');
  for (std::uint64_t id = 1; id <= 50; ++id) {
    put(session, id, "key" + std::to_string(id), value + std::to_string(id));
    run_actors();
  }
  for (std::uint64_t id = 1; id <= 50; ++id)
    EXPECT_EQ(value_of("key" + std::to_string(id)), value + std::to_string(id));
  close();
  open(sync_mode::always, 1, 8 * 1024);
  for (std::uint64_t id = 1; id <= 50; ++id)
    EXPECT_EQ(value_of("key" + std::to_string(id)), value + std::to_string(id));
}

// Goal: records of a new segment are not acknowledged while its predecessor
// may still lose its end, in any mode.
TEST_F(WriterTest, PublishesANewSegmentOnlyAfterItsPredecessorIsSynced) {
  open(sync_mode::none, 1, 4 * 1024);
  std::string value(5000, 'v');
  put(session, 1, "first", value);
  run_actors();
  ASSERT_NE(told->find(1), nullptr);
  disk->hold_syncs = true;
  put(session, 2, "second", value);
  run_actors();
  EXPECT_EQ(told->find(2), nullptr);
  finish_sync();
  EXPECT_NE(told->find(2), nullptr);
}

// Goal: a segment that is sealed while a sync runs is synced too, so that
// the next one does not wait for it for ever.
TEST_F(WriterTest, SyncsASegmentThatWasSealedDuringASync) {
  open(sync_mode::none, 1, 4 * 1024);
  std::string value(5000, 'v');
  put(session, 1, "first", value);
  run_actors();
  disk->hold_syncs = true;
  put(session, 2, "second", value);
  run_actors();
  ASSERT_EQ(disk->syncs.size(), 1u);
  caf_compat::tell_anon(compactor, compact_store{session, {3, 0}});
  run_actors();
  while (!disk->syncs.empty())
    finish_sync();
  put(session, 4, "third", value);
  run_actors();
  while (!disk->syncs.empty())
    finish_sync();
  EXPECT_NE(told->find(2), nullptr);
  EXPECT_NE(told->find(4), nullptr);
  EXPECT_EQ(told->figures.size(), 1u) << "and the compaction is answered";
}

// Goal: what fails before the MANIFEST in force is touched (no descriptor
// left, say) costs a moment and not the store.
TEST_F(WriterTest, GoesOnAfterAManifestThatCouldNotBeStaged) {
  open(sync_mode::always, 1, 4 * 1024);
  std::string value(5000, 'v');
  for (std::uint64_t id = 1; id <= 20; ++id) {
    auto call = id % 2 == 0 ? test_support::disk_call::create
                            : test_support::disk_call::open;
    files->fail(call, 1, EMFILE);
    put(session, id, "key" + std::to_string(id), value);
    run_actors();
    advance_time(1s);
  }
  files->stop_failing();
  put(session, 21, "last", value);
  run_actors();
  EXPECT_TRUE(failure_told->empty()) << *failure_told;
  ASSERT_NE(told->find(21), nullptr);
  EXPECT_TRUE(told->find(21)->applied);
  close();
  open(sync_mode::always, 1, 4 * 1024);
  EXPECT_EQ(value_of("last"), value);
}

// Goal: a stop does not wait for a segment that nobody makes any more.
TEST_F(WriterTest, StopsWithInputForSeveralSegments) {
  open(sync_mode::always, 1, 4 * 1024);
  disk->hold_syncs = true;
  std::string value(2'000'000, 'v');
  for (std::uint64_t id = 1; id <= 4; ++id)
    put(session, id, "key" + std::to_string(id), value);
  caf::anon_send(writer, stop_writer{});
  disk->hold_syncs = false;
  run_actors();
  for (std::uint64_t id = 1; id <= 4; ++id)
    EXPECT_NE(told->find(id), nullptr) << id;
}

TEST_F(WriterTest, SettlesEverythingThatWaitsAtShutdown) {
  open(sync_mode::always, 2);
  disk->hold_syncs = true;
  for (std::uint64_t id = 1; id <= 20; ++id)
    put(session, id, "key" + std::to_string(id), "v");
  for (std::uint64_t id = 21; id <= 40; ++id)
    evaluate(session, make(operation_kind::increment, id, "n"));
  append_batch_of(session, 41,
                  {make(operation_kind::put, 41, "a", "1"),
                   make(operation_kind::put, 41, "b", "2"),
                   make(operation_kind::put, 41, "c", "3")});
  caf_compat::tell_anon(writer, sync_now{session, {42, 0}});
  run_actors();
  close();
  for (std::uint64_t id = 1; id <= 42; ++id)
    EXPECT_NE(told->find(id), nullptr) << id;
}

TEST_F(WriterTest, RefusesWhatComesAfterTheStop) {
  open();
  caf::anon_send(writer, stop_writer{});
  put(session, 1, "key", "value");
  run_actors();
  ASSERT_NE(told->find(1), nullptr);
  EXPECT_EQ(told->find(1)->code, outcome::shutting_down);
}

TEST_F(WriterTest, ErasesTheWholeStoreWithOneFlush) {
  open(sync_mode::always, 2);
  for (std::uint64_t id = 1; id <= 20; ++id)
    put(session, id, "key" + std::to_string(id), "v");
  run_actors();
  caf_compat::tell_anon(writer, flush_store{session, {21, 0}});
  run_actors();
  ASSERT_NE(told->find(21), nullptr);
  put(session, 22, "key1", "after");
  run_actors();
  for (int reopened = 0; reopened < 2; ++reopened) {
    EXPECT_EQ(value_of("key1"), "after");
    EXPECT_EQ(value_of("key2"), "<absent>");
    close();
    open(sync_mode::always, 2);
  }
}

} // namespace
} // namespace kvs::actors
