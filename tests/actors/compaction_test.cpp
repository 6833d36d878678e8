// Goal: the COMPACTOR frees space and never changes what a reader sees.

#include "tests/actors/store_fixture.hpp"

#include <map>
#include <random>

namespace kvs::actors {
namespace {

using namespace std::chrono_literals;

class CompactionTest : public store_fixture {
protected:
  void compact() {
    auto before = told->figures.size();
    caf_compat::tell_anon(compactor, compact_store{session, {1, 0}});
    run_actors();
    ASSERT_EQ(told->figures.size(), before + 1) << "no answer";
  }

  std::uint64_t figure(std::string_view name) const {
    for (const auto& [each, value] : told->figures.back().figures)
      if (each == name)
        return value;
    return 0;
  }

  void erase(std::string_view key) {
    evaluate(session, make(operation_kind::erase, next_id++, key));
    run_actors();
  }

  void write(std::string_view key, std::string_view value) {
    put(session, next_id++, key, value);
    run_actors();
  }

  std::uint64_t next_id = 1;
};

TEST_F(CompactionTest, FreesWhatWasOverwritten) {
  open(sync_mode::always, 2, 8 * 1024);
  std::string value(500, 'v');
  for (int round = 0; round < 20; ++round)
    for (int key = 0; key < 10; ++key)
      write("key" + std::to_string(key), value + std::to_string(round));
  compact();
  EXPECT_LT(files->used_bytes(), 7u * 1024);
  for (int reopened = 0; reopened < 2; ++reopened) {
    for (int key = 0; key < 10; ++key)
      EXPECT_EQ(value_of("key" + std::to_string(key)), value + "19");
    close();
    open(sync_mode::always, 2, 8 * 1024);
  }
}

// Goal: a store with as many segments as it can have refuses writes, and takes
// them again when compaction has freed some.
TEST_F(CompactionTest, RefusesMoreSegmentsThanAnIndexCanName) {
  segments_max = 8;
  open(sync_mode::none, 1, 8 * 1024);
  std::string value(500, 'v');
  auto refused = [&] {
    return std::any_of(
      told->answers.begin(), told->answers.end(),
      [](const auto& each) { return each.code == outcome::no_space; });
  };
  int written = 0;
  for (; written < 1000 && !refused(); ++written)
    write("key" + std::to_string(written), value);
  ASSERT_LT(written, 1000);
  for (int key = 0; key < written; ++key) {
    if (key % 3 != 0)
      erase("key" + std::to_string(key));
    advance_time(50ms);
  }
  compact();
  advance_time(2s);
  told->answers.clear();
  write("key1", "after");
  EXPECT_FALSE(refused());
  EXPECT_EQ(value_of("key1"), "after");
  EXPECT_EQ(value_of("key3"), value);
}

// Goal: a workload of set and delete does not grow for ever: tombstones go
// when nothing older is left.
TEST_F(CompactionTest, FreesTombstonesWhenNothingOlderIsLeft) {
  open(sync_mode::always, 1, 4 * 1024);
  for (int key = 0; key < 200; ++key) {
    write("key" + std::to_string(key), std::string(100, 'v'));
    erase("key" + std::to_string(key));
  }
  compact();
  compact();
  EXPECT_LT(files->used_bytes(), 16u * 1024);
}

// Goal: a deleted key never returns, by no order of rewrites (the value in an
// old segment, the tombstone in a newer one).
TEST_F(CompactionTest, NeverBringsADeletedKeyBack) {
  open(sync_mode::always, 1, 4 * 1024);
  write("victim", "value");
  for (int key = 0; key < 40; ++key)
    write("stays" + std::to_string(key), std::string(100, 's'));
  erase("victim");
  for (int key = 0; key < 40; ++key)
    write("temporary", std::string(100, 't'));
  for (int round = 0; round < 3; ++round) {
    compact();
    EXPECT_EQ(value_of("victim"), "<absent>");
    close();
    open(sync_mode::always, 1, 4 * 1024);
    EXPECT_EQ(value_of("victim"), "<absent>");
    write("temporary", std::string(100, 'u'));
  }
}

// Goal: writes that go on while a rewrite is under way win.
// Method: random writes between every two steps of the actors, compared with
// a map, over several seeds.
TEST_F(CompactionTest, LosesNothingToWritesThatGoOnMeanwhile) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random{seed};
    files = test_support::memory_file_system::make();
    open(sync_mode::always, 2, 4 * 1024);
    std::map<std::string, std::string> model;
    auto change = [&] {
      auto key = "key" + std::to_string(random() % 30);
      if (random() % 4 == 0) {
        evaluate(session, make(operation_kind::erase, next_id++, key));
        model.erase(key);
      } else {
        auto value
          = std::string(random() % 300, 'v') + std::to_string(random() % 1000);
        run_actors();
        put(session, next_id++, key, value);
        model[key] = value;
      }
    };
    for (int count = 0; count < 200; ++count) {
      change();
      run_actors();
    }
    caf_compat::tell_anon(compactor, compact_store{session, {1, 0}});
    for (int step = 0; step < 60; ++step) {
      for (int count = 0; count < 5; ++count)
        run_one_actor();
      change();
      run_actors();
    }
    for (int reopened = 0; reopened < 2; ++reopened) {
      for (int key = 0; key < 30; ++key) {
        auto name = "key" + std::to_string(key);
        auto expected = model.contains(name) ? model[name] : "<absent>";
        ASSERT_EQ(value_of(name), expected) << name;
      }
      close();
      open(sync_mode::always, 2, 4 * 1024);
    }
    close();
  }
}

// Goal: where acknowledging comes before the sync, the old record may be the
// only durable one, so its file stays until the newer one is synced.
TEST_F(CompactionTest, KeepsTheDurableVersionUntilTheNewOneIsSynced) {
  open(sync_mode::none, 1, 4 * 1024);
  write("key", "durable");
  for (int count = 0; count < 60; ++count)
    write("filler", std::string(100, 'f'));
  caf_compat::tell_anon(writer, sync_now{session, {next_id++, 0}});
  run_actors();
  disk->hold_syncs = true;
  write("key", "only in memory");
  caf_compat::tell_anon(compactor, compact_store{session, {1, 0}});
  run_actors();
  // Power goes while the compaction waits for the sync.
  auto crashed = files->crash(test_support::crash_policy::lose_unsynced, 1);
  close();
  files = crashed;
  open(sync_mode::none, 1, 4 * 1024);
  EXPECT_EQ(value_of("key"), "durable");
}

TEST_F(CompactionTest, StartsByItselfWhenEnoughIsDead) {
  open(sync_mode::always, 1, 4 * 1024);
  for (int count = 0; count < 300; ++count)
    write("key" + std::to_string(count % 3), std::string(100, 'v'));
  EXPECT_LT(files->used_bytes(), 300u * 128 / 2);
  for (int key = 0; key < 3; ++key)
    EXPECT_EQ(value_of("key" + std::to_string(key)), std::string(100, 'v'));
}

// Goal: a command that waits behind a rewrite which fails is carried out.
// Method: a rewrite that began by itself waits for a sync when the command
// comes, and then cannot take its victims off the list.
TEST_F(CompactionTest, CarriesOutACommandBehindARewriteThatFails) {
  open(sync_mode::none, 1, 4 * 1024);
  for (int count = 0; count < 300; ++count)
    write("key" + std::to_string(count % 3), std::string(100, 'v'));
  disk->hold_syncs = true;
  write("key0", "unsynced");
  advance_time(1s);
  ASSERT_EQ(disk->syncs.size(), 1u) << "no rewrite is under way";
  caf_compat::tell_anon(compactor, compact_store{session, {1, 0}});
  run_actors();
  ASSERT_TRUE(told->figures.empty());
  files->fail(test_support::disk_call::create, 1, EMFILE);
  disk->hold_syncs = false;
  finish_sync();
  ASSERT_EQ(told->figures.size(), 1u) << "no answer";
  EXPECT_GT(figure("segments_rewritten"), 0u);
  EXPECT_LT(figure("bytes_after"), figure("bytes_before"));
  EXPECT_EQ(value_of("key0"), "unsynced");
}

TEST_F(CompactionTest, AnswersACommandBehindOneThatFails) {
  open(sync_mode::none, 1, 4 * 1024);
  for (int count = 0; count < 300; ++count)
    write("key" + std::to_string(count % 3), std::string(100, 'v'));
  disk->hold_syncs = true;
  for (std::uint64_t id = 1; id <= 2; ++id)
    caf_compat::tell_anon(compactor, compact_store{session, {id, 0}});
  run_actors();
  ASSERT_EQ(disk->syncs.size(), 1u) << "no rewrite is under way";
  finish_sync(false);
  ASSERT_EQ(told->figures.size(), 2u) << "no answer";
  for (std::uint64_t id = 1; id <= 2; ++id) {
    EXPECT_EQ(told->figures[id - 1].ref.id, id);
    EXPECT_EQ(told->figures[id - 1].figures[0].second, 0u);
  }
}

// Goal: a flush does not come undone because its record was compacted away
// before the MANIFEST had it.
TEST_F(CompactionTest, KeepsAFlushUntilItIsRecorded) {
  open(sync_mode::always, 1, 4 * 1024);
  for (int count = 0; count < 100; ++count)
    write("key" + std::to_string(count), std::string(100, 'v'));
  edits->hold_flushes = true;
  caf_compat::tell_anon(writer, flush_store{session, {next_id++, 0}});
  caf_compat::tell_anon(compactor, compact_store{session, {next_id++, 0}});
  run_actors();
  auto before = stored_manifest().segments.size();
  EXPECT_TRUE(told->figures.empty()) << "compacted before";
  edits->hold_flushes = false;
  finish_flush_edit();
  EXPECT_EQ(told->figures.size(), 1u);
  EXPECT_LT(stored_manifest().segments.size(), before);
  close();
  open(sync_mode::always, 1, 4 * 1024);
  EXPECT_EQ(value_of("key1"), "<absent>");
}

// Goal: a crash at any step leaves the same store.
TEST_F(CompactionTest, SurvivesAPowerCutAtEveryChangeOnDisk) {
  for (std::uint64_t point = 1;; ++point) {
    SCOPED_TRACE("change " + std::to_string(point));
    files = test_support::memory_file_system::make();
    open(sync_mode::always, 1, 4 * 1024);
    for (int count = 0; count < 120; ++count)
      write("key" + std::to_string(count % 7),
            std::string(80, 'v') + std::to_string(count));
    erase("key3");
    auto changes = files->changes();
    files->power_off_at(point);
    caf_compat::tell_anon(compactor, compact_store{session, {1, 0}});
    run_actors();
    auto over = files->changes() - changes < point;
    auto crashed
      = files->crash(test_support::crash_policy::random_sectors, point);
    close();
    files = crashed;
    open(sync_mode::always, 1, 4 * 1024);
    for (int count = 113; count < 120; ++count) {
      auto key = "key" + std::to_string(count % 7);
      auto expected = std::string(80, 'v') + std::to_string(count);
      EXPECT_EQ(value_of(key), key == "key3" ? "<absent>" : expected) << key;
    }
    close();
    if (over || HasFailure())
      break;
  }
}

// Goal: a run of records without keys, longer than what is read at once, is not
// taken for the end of a segment.
TEST_F(CompactionTest, ReadsOnBehindManyFlushes) {
  open(sync_mode::none, 1, 16 * storage::mebibyte);
  for (int round = 0; round < 36; ++round) {
    for (int count = 0; count < 10'000; ++count)
      caf_compat::tell_anon(writer, flush_store{session, {next_id++, 0}});
    run_actors();
  }
  write("kept", "value");
  for (int count = 0; count < 20; ++count)
    write("other", std::string(storage::mebibyte, 'x'));
  compact();
  EXPECT_GT(figure("segments_rewritten"), 0u);
  EXPECT_EQ(value_of("kept"), "value");
  close();
  open(sync_mode::none, 1, 16 * storage::mebibyte);
  EXPECT_EQ(value_of("kept"), "value");
}

// Goal: what is too large for one batch record is refused, not torn.
TEST_F(CompactionTest, RefusesABatchThatNoSegmentHolds) {
  open(sync_mode::none, 1, storage::segment_bytes_max);
  write("before", "value");
  const std::string large(50 * storage::mebibyte, 'x');
  std::vector<operation> operations;
  for (const auto* key : {"a", "b", "c"})
    operations.push_back(make(operation_kind::put, 0, key, large));
  auto id = next_id++;
  append_batch_of(session, id, operations);
  run_actors();
  ASSERT_NE(told->find(id), nullptr);
  EXPECT_EQ(told->find(id)->code, outcome::value_too_large);
  write("behind", "value");
  close();
  open(sync_mode::none, 1, storage::segment_bytes_max);
  EXPECT_EQ(value_of("before"), "value");
  EXPECT_EQ(value_of("behind"), "value");
  EXPECT_EQ(value_of("a"), "<absent>");
}

// Goal: no key of a batch is lost that begins near the end of a segment of the
// largest size, where an index could not address its records.
TEST_F(CompactionTest, ABatchAtTheEndOfALargeSegmentKeepsItsKeys) {
  open(sync_mode::none, 1, storage::segment_bytes_max);
  write("large", std::string(storage::segment_bytes_max - 300, 'x'));
  std::vector<operation> operations;
  const std::string value(100, 'v');
  for (int i = 0; i < 10; ++i)
    operations.push_back(
      make(operation_kind::put, 0, "key" + std::to_string(i), value));
  append_batch_of(session, next_id++, operations);
  run_actors();
  auto expect_all = [&] {
    for (int i = 0; i < 10; ++i)
      EXPECT_EQ(value_of("key" + std::to_string(i)), value);
  };
  expect_all();
  write("large", "small now");
  caf_compat::tell_anon(compactor, compact_store{session, {1, 0}});
  run_actors();
  EXPECT_FALSE(told->figures.empty());
  expect_all();
  close();
  open(sync_mode::none, 1, storage::segment_bytes_max);
  expect_all();
}

} // namespace
} // namespace kvs::actors
