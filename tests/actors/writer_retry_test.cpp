// Goal: what the WRITER owes the CATALOG is done in order and until it is
// done; what waits in the WRITER is settled when the store turns read-only.
// Method: the test decides when the CATALOG hears of an edit.

#include "tests/actors/store_fixture.hpp"

namespace kvs::actors {
namespace {

using namespace std::chrono_literals;

class WriterRetryTest : public store_fixture {
protected:
  /// Fills one segment of 4 KiB, so that the next record needs another one.
  void fill_segment(std::uint64_t id) {
    put(session, id, "key" + std::to_string(id), std::string(5000, 'v'));
    run_actors();
    ASSERT_NE(told->find(id), nullptr);
  }

  /// Sealed segments that the COMPACTOR has been told of.
  std::uint64_t segments_told() {
    caf_compat::tell_anon(compactor, collect_figures{session, {1'000, 0}});
    run_actors();
    for (const auto& [name, value] : told->figures.back().figures)
      if (name == "segments")
        return value;
    return ~std::uint64_t{0};
  }

  void flush(std::uint64_t id) {
    caf_compat::tell_anon(writer, flush_store{session, {id, 0}});
    run_actors();
    ASSERT_NE(told->find(id), nullptr);
    EXPECT_TRUE(told->find(id)->applied);
  }
};

// Goal: however slow the CATALOG is, it is asked for one segment at a time,
// the oldest first.
TEST_F(WriterRetryTest, SealsCompleteSegmentsOneAfterTheOther) {
  open(sync_mode::always, 1, 4 * 1024);
  edits->hold_seals = true;
  for (std::uint64_t id = 1; id <= 4; ++id)
    fill_segment(id);
  std::uint64_t known = 0;
  auto last = storage::segment_id{0};
  for (; known < 3; ++known) {
    ASSERT_EQ(edits->seals.size(), 1u) << known;
    EXPECT_EQ(segments_told(), known);
    EXPECT_GT(edits->seals.front().first.entry.id, last);
    last = edits->seals.front().first.entry.id;
    finish_seal();
  }
  EXPECT_EQ(segments_told(), known);
  EXPECT_TRUE(edits->seals.empty());
}

// Goal: the COMPACTOR never knows of a segment while an older one is missing.
TEST_F(WriterRetryTest, RepeatsAFailedSealBeforeTheNextOne) {
  open(sync_mode::always, 1, 4 * 1024);
  edits->hold_seals = true;
  for (std::uint64_t id = 1; id <= 3; ++id)
    fill_segment(id);
  ASSERT_EQ(edits->seals.size(), 1u);
  auto oldest = edits->seals.front().first.entry.id;
  finish_seal(false);
  EXPECT_TRUE(edits->seals.empty());
  EXPECT_EQ(segments_told(), 0u);
  advance_time(200ms);
  ASSERT_EQ(edits->seals.size(), 1u);
  EXPECT_EQ(edits->seals.front().first.entry.id, oldest);
  edits->hold_seals = false;
  finish_seal();
  EXPECT_EQ(segments_told(), 2u);
}

// Goal: a flush is in the MANIFEST in the end, so that its own record may be
// compacted away.
TEST_F(WriterRetryTest, RecordsAFlushAgainThatTheCatalogCouldNotRecord) {
  open(sync_mode::always);
  put(session, 1, "key", "value");
  run_actors();
  files->fail(test_support::disk_call::create, 1, EMFILE);
  flush(2);
  EXPECT_EQ(stored_manifest().flushed_below, 0u);
  EXPECT_TRUE(failure_told->empty()) << *failure_told;
  advance_time(200ms);
  EXPECT_EQ(stored_manifest().flushed_below, told->find(2)->version);
}

// Goal: nobody waits for a reservation in a store that takes no writes.
TEST_F(WriterRetryTest, RefusesWhatWaitsForAReservationWhenReadOnly) {
  open(sync_mode::always);
  put(session, 1, "k", "1");
  run_actors();
  append_atomic transaction;
  transaction.from = session;
  transaction.ref.id = 2;
  transaction.operations = {make(operation_kind::put, 2, "other", "x")};
  transaction.observed = {{(*hash)("k"), 0}};
  transaction.rejection_count = 1;
  caf_compat::tell_anon(writer, transaction);
  run_actors();
  ASSERT_EQ(told->rejected.size(), 1u);
  put(session, 3, "k", "2");
  run_actors();
  ASSERT_EQ(told->find(3), nullptr) << "the key is reserved";
  disk->hold_syncs = true;
  put(session, 4, "another", "1");
  run_actors();
  finish_sync(false);
  EXPECT_EQ(told->find(4)->code, outcome::outcome_unknown);
  ASSERT_NE(told->find(3), nullptr);
  EXPECT_EQ(told->find(3)->code, outcome::read_only);
}

// Goal: what is acknowledged while the store stops is in the log, in front of
// its seal.
// Method: an increment is beaten twice, so that its key would be reserved for
// it; the put behind it comes with the stop, at every moment there is.
TEST_F(WriterRetryTest, AppendsNothingBehindTheSealOfAStop) {
  for (int moment = 0; moment < 30; ++moment) {
    SCOPED_TRACE(moment);
    files = test_support::memory_file_system::make();
    told = std::make_shared<session_log>();
    open(sync_mode::always);
    disk->hold_syncs = true;
    put(session, 1, "n", "10");
    run_actors();
    auto increment = make(operation_kind::increment, 2, "n");
    increment.delta = 1;
    evaluate(session, increment);
    run_actors();
    put(session, 3, "n", "20");
    run_actors();
    disk->hold_syncs = false;
    caf_compat::tell_anon(syncer, release_oldest{});
    for (int step = 0; step < moment; ++step)
      run_one_actor();
    put(session, 4, "n", "30");
    caf_compat::tell_anon(writer, stop_writer{});
    run_actors();
    close();
    ASSERT_NE(told->find(2), nullptr);
    ASSERT_NE(told->find(4), nullptr);
    std::string expected = "20";
    if (told->find(4)->applied)
      expected = "30";
    if (told->find(2)->applied
        && (!told->find(4)->applied
            || told->find(2)->version > told->find(4)->version))
      expected = std::to_string(told->find(2)->number);
    open(sync_mode::always);
    EXPECT_EQ(value_of("n"), expected);
    close();
  }
}

} // namespace
} // namespace kvs::actors
