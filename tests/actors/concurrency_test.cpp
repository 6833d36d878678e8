// Goal: conditional writes, batches and transactions of several clients give
// what some order of them would give (docs/architecture.md).
// Method: named interleavings; the test decides when reads and syncs finish.

#include "tests/actors/store_fixture.hpp"

#include <set>

namespace kvs::actors {
namespace {

class ConcurrencyTest : public store_fixture {
protected:
  operation increment(std::uint64_t id, std::string_view key) const {
    auto op = make(operation_kind::increment, id, key);
    op.delta = 1;
    return op;
  }
};

// Goal: optimistic concurrency. The blind write is in the log but not visible
// when the condition is evaluated, so the evaluation has to be repeated.
TEST_F(ConcurrencyTest, ReevaluatesAConditionalWriteThatABlindOneBeat) {
  open(sync_mode::always);
  put(session, 1, "n", "10");
  run_actors();
  disk->hold_syncs = true;
  put(session, 2, "n", "100");
  run_actors();
  evaluate(session, increment(3, "n"));
  run_actors();
  EXPECT_EQ(told->find(3), nullptr);
  disk->hold_syncs = false;
  finish_sync();
  ASSERT_NE(told->find(3), nullptr);
  EXPECT_EQ(told->find(3)->number, 101);
  EXPECT_EQ(value_of("n"), "101");
}

// Goal: the stamp is taken before the I/O, so a value that was read while the
// key changed is not taken for the current one.
TEST_F(ConcurrencyTest, RejectsAnEvaluationStampedBeforeAColdRead) {
  open(sync_mode::none);
  put(session, 1, "n", "10");
  run_actors();
  files->resident(false);
  disk->hold_reads = true;
  evaluate(session, increment(2, "n"));
  run_actors();
  ASSERT_EQ(disk->reads.size(), 1u);
  put(session, 3, "n", "500");
  run_actors();
  ASSERT_NE(told->find(3), nullptr);
  disk->hold_reads = false;
  // The value, then what the put has replaced.
  while (!disk->reads.empty())
    finish_read();
  ASSERT_NE(told->find(2), nullptr);
  EXPECT_EQ(told->find(2)->number, 501) << "not 11: that update would be lost";
}

// Goal: nobody is rejected for ever (the progress rule).
// Method: before every sync another blind write to the same key arrives, so
// every evaluation is beaten; the third must win all the same.
TEST_F(ConcurrencyTest, LetsAConditionalWriteWinAgainstAStreamOfBlindOnes) {
  open(sync_mode::always);
  put(session, 1, "n", "0");
  run_actors();
  disk->hold_syncs = true;
  put(session, 2, "n", "0");
  run_actors();
  evaluate(session, increment(3, "n"));
  run_actors();
  std::uint64_t id = 100;
  for (int round = 0; round < 10 && told->find(3) == nullptr; ++round) {
    put(session, id++, "n", "0");
    run_actors();
    finish_sync();
  }
  ASSERT_NE(told->find(3), nullptr);
  EXPECT_EQ(told->find(3)->number, 1);
  disk->hold_syncs = false;
  while (!disk->syncs.empty())
    finish_sync();
  for (std::uint64_t each = 100; each < id; ++each)
    EXPECT_NE(told->find(each), nullptr) << "waited behind it, not for ever";
}

TEST_F(ConcurrencyTest, AnswersCombinedIncrementsWithDistinctVersions) {
  open(sync_mode::always);
  disk->hold_syncs = true;
  evaluate(session, increment(1, "n"));
  run_actors();
  for (std::uint64_t id = 2; id <= 100; ++id)
    evaluate(session, increment(id, "n"));
  run_actors();
  auto writes = files->calls(test_support::disk_call::write);
  disk->hold_syncs = false;
  finish_sync();
  EXPECT_EQ(files->calls(test_support::disk_call::write), writes + 1)
    << "one record for all that waited";
  std::set<storage::sequence_number> versions;
  for (std::uint64_t id = 1; id <= 100; ++id) {
    ASSERT_NE(told->find(id), nullptr);
    EXPECT_EQ(told->find(id)->number, static_cast<std::int64_t>(id));
    versions.insert(told->find(id)->version);
  }
  EXPECT_EQ(versions.size(), 100u);
  read(session, 101, "n");
  run_actors();
  EXPECT_EQ(told->find(101)->version, *versions.rbegin());
}

// Goal: what depends on an unpublished record waits for it, a failed
// condition included.
TEST_F(ConcurrencyTest, HoldsBackAFailedConditionThatSawAnUnsyncedValue) {
  open(sync_mode::always);
  disk->hold_syncs = true;
  auto first = make(operation_kind::put, 1, "k", "v");
  first.condition = write_condition::if_absent;
  auto second = first;
  second.ref.id = 2;
  evaluate(session, first);
  run_actors();
  evaluate(session, second);
  run_actors();
  EXPECT_EQ(told->find(2), nullptr);
  finish_sync();
  EXPECT_TRUE(told->find(1)->applied);
  ASSERT_NE(told->find(2), nullptr);
  EXPECT_FALSE(told->find(2)->applied);
  EXPECT_EQ(told->find(2)->version, told->find(1)->version);
}

TEST_F(ConcurrencyTest, WritesNothingForAnEraseOfAnAbsentKey) {
  open(sync_mode::none);
  auto before = files->used_bytes();
  evaluate(session, make(operation_kind::erase, 1, "absent"));
  run_actors();
  ASSERT_NE(told->find(1), nullptr);
  EXPECT_FALSE(told->find(1)->applied);
  EXPECT_EQ(files->used_bytes(), before);
}

// Goal: by no sequence of reads does anybody see half a batch.
// Method: one shard has applied its part, the other has not run yet; a reader
// asks the first and then the second.
TEST_F(ConcurrencyTest, ShowsABatchOverTwoShardsWholeOrNotAtAll) {
  open(sync_mode::none, 2);
  auto a = key_of_shard(0, "a");
  auto b = key_of_shard(1, "b");
  put(session, 1, a, "old");
  put(session, 2, b, "old");
  run_actors();
  append_batch_of(session, 3,
                  {make(operation_kind::put, 3, a, "new"),
                   make(operation_kind::put, 3, b, "new")});
  // Every step in between is a moment at which somebody may read.
  std::uint64_t id = 100;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> pairs;
  do {
    auto reader = std::make_shared<session_log>();
    read(session, id, a);
    read(session, id + 1, b);
    pairs.emplace_back(id, id + 1);
    id += 2;
  } while (run_one_actor() && pairs.size() < 200);
  run_actors();
  auto seen_new = false;
  // In the order of the answers: once anything new was told, nothing old is.
  for (const auto& each : told->answers) {
    if (each.ref.id < 100)
      continue;
    auto is_new = told->values[each.ref.id] == "new";
    EXPECT_TRUE(is_new || !seen_new) << "request " << each.ref.id;
    seen_new = seen_new || is_new;
  }
  EXPECT_TRUE(seen_new);
}

TEST_F(ConcurrencyTest, AppliesABatchWholeAfterARestart) {
  open(sync_mode::always, 2);
  auto a = key_of_shard(0, "a");
  auto b = key_of_shard(1, "b");
  append_batch_of(session, 1,
                  {make(operation_kind::put, 1, a, "1"),
                   make(operation_kind::put, 1, b, "2")});
  run_actors();
  ASSERT_NE(told->find(1), nullptr);
  close();
  open(sync_mode::always, 2);
  EXPECT_EQ(value_of(a), "1");
  EXPECT_EQ(value_of(b), "2");
}

// Goal: a read set that changed is found out by the WRITER, although the
// change is not visible yet when the transaction arrives.
TEST_F(ConcurrencyTest, RejectsATransactionBehindTheRecordThatBeatIt) {
  open(sync_mode::always);
  put(session, 1, "k", "1");
  run_actors();
  read(session, 2, "k");
  run_actors();
  auto seen = told->evaluated_at;
  disk->hold_syncs = true;
  put(session, 3, "k", "2");
  run_actors();
  append_atomic transaction;
  transaction.from = session;
  transaction.ref.id = 4;
  transaction.operations = {make(operation_kind::put, 4, "other", "x")};
  transaction.observed = {{(*hash)("k"), seen}};
  caf_compat::tell_anon(writer, transaction);
  run_actors();
  EXPECT_TRUE(told->rejected.empty()) << "only behind the publication";
  disk->hold_syncs = false;
  finish_sync();
  ASSERT_EQ(told->rejected.size(), 1u);
  EXPECT_EQ(told->rejected[0].id, 4u);
  EXPECT_EQ(value_of("other"), "<absent>");
}

// Goal: a reservation of a client that dies does not stop the others.
TEST_F(ConcurrencyTest, EndsAReservationWhenItsSessionIsGone) {
  open(sync_mode::none);
  put(session, 1, "k", "1");
  run_actors();
  auto other_log = std::make_shared<session_log>();
  auto other = open_session(other_log);
  append_atomic transaction;
  transaction.from = other;
  transaction.ref.id = 7;
  transaction.operations = {make(operation_kind::put, 7, "other", "x")};
  transaction.observed = {{(*hash)("k"), 0}};
  transaction.rejection_count = 1;
  caf_compat::tell_anon(writer, transaction);
  run_actors();
  ASSERT_EQ(other_log->rejected.size(), 1u);
  // The second time nobody has to be told to watch it.
  transaction.ref.id = 8;
  transaction.observed = {{(*hash)("l"), 0}};
  put(session, 3, "l", "1");
  run_actors();
  caf_compat::tell_anon(writer, transaction);
  run_actors();
  ASSERT_EQ(other_log->rejected.size(), 2u);
  put(session, 2, "k", "2");
  put(session, 4, "l", "2");
  run_actors();
  EXPECT_EQ(told->find(2), nullptr) << "the key is reserved";
  EXPECT_EQ(told->find(4), nullptr) << "the key is reserved";
  transaction = {};
  caf::anon_send_exit(other, caf::exit_reason::kill);
  other = nullptr;
  run_actors();
  EXPECT_NE(told->find(2), nullptr);
  EXPECT_NE(told->find(4), nullptr);
}

} // namespace
} // namespace kvs::actors
