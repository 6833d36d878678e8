// Goal: the index knows no keys, and nobody can tell: keys whose hashes agree
// are kept apart, and an older record is replaced even if it is not in memory.

#include "tests/actors/store_fixture.hpp"

#include <map>
#include <random>

namespace kvs::actors {
namespace {

class CollisionTest : public store_fixture {
protected:
  std::int64_t count() {
    auto id = next_id++;
    caf_compat::tell_anon(writer, count_at_cut{session, {id, 0}});
    run_actors();
    std::size_t answers = 0;
    std::int64_t sum = 0;
    for (const auto& each : told->answers)
      if (each.ref.id == id) {
        ++answers;
        sum += each.number;
      }
    return answers == shards.size() ? sum : -1;
  }

  void write(std::string_view key, std::string_view value,
             storage::timestamp_ms expires_at = 0) {
    auto op = make(operation_kind::put, next_id++, key, value);
    op.expires_at = expires_at;
    caf_compat::tell_anon(writer, append_batch{session, {op}, {}});
    run_actors();
  }

  /// As an atomic batch, so nobody looks the key up before.
  void erase_blindly(std::string_view key) {
    append_batch_of(session, next_id,
                    {make(operation_kind::erase, next_id, key)});
    ++next_id;
    run_actors();
  }

  void erase(std::string_view key) {
    evaluate(session, make(operation_kind::erase, next_id++, key));
    run_actors();
  }

  void compact() {
    caf_compat::tell_anon(compactor, compact_store{session, {next_id++, 0}});
    run_actors();
  }

  std::vector<std::string> keys() {
    std::vector<std::string> found;
    for (const auto& shard : shards) {
      auto before = told->scans.size();
      caf_compat::tell_anon(
        shard, scan_keys{session, {next_id++, 0}, 0, ~std::uint32_t{0}, ""});
      run_actors();
      EXPECT_EQ(told->scans.size(), before + 1);
      const auto& more = told->scans.back().keys;
      found.insert(found.end(), more.begin(), more.end());
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  void reopen() {
    close();
    files->resident(true);
    open(sync_mode::always, 2, 16 * 1024);
  }

  /// Two keys of one hash, neither in memory, and no READER answers.
  void open_with_cold_records() {
    hash_bits = 1;
    open(sync_mode::none);
    write("a", "old");
    write("b", "other");
    files->resident(false);
    disk->hold_reads = true;
  }

  /// "a" was overwritten, and what that replaces is not known yet.
  void open_with_an_unsettled_overwrite(storage::timestamp_ms expires_at = 0) {
    open(sync_mode::none);
    write("a", "old");
    write("b", "value");
    files->resident(false);
    disk->hold_reads = true;
    write("a", "new", expires_at);
  }

  void release_reads() {
    disk->hold_reads = false;
    while (!disk->reads.empty())
      finish_read();
  }

  std::uint64_t next_id = 1;
};

// Method: four bits of hash, so that each value of it is shared by a dozen
// keys; any history of writes, deletions, restarts and compactions is compared
// with a plain map. Now and then nothing is in memory.
TEST_F(CollisionTest, KeepsKeysApartWhoseHashesAgree) {
  hash_bits = 4;
  open(sync_mode::always, 2, 16 * 1024);
  std::mt19937_64 random{1};
  std::map<std::string, std::string> expected;
  for (int step = 0; step < 2500; ++step) {
    auto key = "key" + std::to_string(random() % 200);
    auto value = std::to_string(random());
    switch (random() % 16) {
      case 0:
      case 1:
        erase(key);
        expected.erase(key);
        break;
      case 2:
        erase_blindly(key);
        expected.erase(key);
        break;
      case 3: {
        evaluate(session, make(operation_kind::append, next_id++, key, value));
        run_actors();
        expected[key] += value;
        break;
      }
      case 4:
        if (step % 20 == 0)
          reopen();
        break;
      case 5:
        if (step % 5 == 0)
          compact();
        break;
      case 6:
        files->resident(random() % 2 == 0);
        break;
      default:
        write(key, value);
        expected[key] = value;
    }
    if (step % 50 == 0) {
      ASSERT_EQ(count(), static_cast<std::int64_t>(expected.size())) << step;
      std::vector<std::string> names;
      for (const auto& [name, text] : expected)
        names.push_back(name);
      ASSERT_EQ(keys(), names) << step;
    }
    ASSERT_EQ(value_of(key),
              expected.contains(key) ? expected[key] : "<absent>")
      << step;
  }
  reopen();
  for (int i = 0; i < 200; ++i) {
    auto key = "key" + std::to_string(i);
    ASSERT_EQ(value_of(key),
              expected.contains(key) ? expected[key] : "<absent>");
  }
}

// Goal: an overwrite waits for no disk, the new value is seen at once, and a
// count waits until it is certain what was replaced.
TEST_F(CollisionTest, OverwritesWithoutWaitingForTheOlderRecord) {
  open_with_cold_records();
  write("a", "new");
  write("c", "fresh");
  auto id = next_id++;
  caf_compat::tell_anon(writer, count_at_cut{session, {id, 0}});
  run_actors();
  EXPECT_EQ(told->find(id), nullptr) << "not known yet";
  write("d", "later");
  release_reads();
  ASSERT_NE(told->find(id), nullptr);
  EXPECT_EQ(told->find(id)->number, 3) << "as it was at its place in the log";
  EXPECT_EQ(count(), 4);
  files->resident(true);
  EXPECT_EQ(value_of("a"), "new");
  EXPECT_EQ(value_of("b"), "other");
}

// Goal: a deleted key is gone at once, also while it is not known which older
// record was its.
TEST_F(CollisionTest, HidesADeletedKeyBeforeItsRecordIsFound) {
  open_with_cold_records();
  erase_blindly("a");
  erase_blindly("absent");
  files->resident(true);
  EXPECT_EQ(value_of("a"), "<absent>");
  EXPECT_EQ(value_of("b"), "other");
  release_reads();
  EXPECT_EQ(count(), 1);
  EXPECT_EQ(keys(), std::vector<std::string>{"b"});
  EXPECT_EQ(value_of("a"), "<absent>");
  write("a", "again");
  EXPECT_EQ(value_of("a"), "again");
  EXPECT_EQ(count(), 2);
}

// Goal: an erase shows no value that the key had before it, even if nobody has
// found out yet what earlier overwrites have replaced.
// Method: two overwrites wait for the READER while the erase, whose record is
// in memory, does not.
TEST_F(CollisionTest, AnEraseHidesWhatEarlierOverwritesHaveNotSettled) {
  for (const bool is_blind : {false, true}) {
    SCOPED_TRACE(is_blind);
    files = test_support::memory_file_system::make();
    open_with_an_unsettled_overwrite();
    write("a", "newer");
    files->resident(true);
    if (is_blind)
      erase_blindly("a");
    else
      erase("a");
    EXPECT_EQ(value_of("a"), "<absent>");
    auto op = make(operation_kind::increment, next_id++, "a");
    op.delta = 1;
    evaluate(session, op);
    run_actors();
    ASSERT_NE(told->find(next_id - 1), nullptr);
    EXPECT_EQ(told->find(next_id - 1)->number, 1) << "it saw an old value";
    erase("a");
    release_reads();
    EXPECT_EQ(value_of("a"), "<absent>");
    EXPECT_EQ(value_of("b"), "value");
    EXPECT_EQ(count(), 1);
    EXPECT_EQ(keys(), std::vector<std::string>{"b"});
    close();
  }
}

// Goal: the same whichever READER answers first.
TEST_F(CollisionTest, ADeletionStaysUntilAllThatItHidesIsFound) {
  open_with_an_unsettled_overwrite();
  write("a", "newer");
  erase_blindly("a");
  ASSERT_EQ(disk->reads.size(), 3u);
  std::reverse(disk->reads.begin(), disk->reads.end());
  for (int left = 3; left > 0; --left) {
    files->resident(true);
    EXPECT_EQ(value_of("a"), "<absent>") << left << " answers are open";
    finish_read();
  }
  EXPECT_EQ(value_of("a"), "<absent>");
  EXPECT_EQ(count(), 1);
  close();
  open(sync_mode::none);
  EXPECT_TRUE(report.from_checkpoint);
  EXPECT_EQ(count(), 1);
}

// Goal: nor does it if the disk has failed to say what an overwrite replaced.
TEST_F(CollisionTest, AnEraseHidesWhatCouldNotBeRead) {
  open_with_an_unsettled_overwrite();
  files->fail(test_support::disk_call::read, 1, EIO, true);
  release_reads();
  files->stop_failing();
  files->resident(true);
  EXPECT_EQ(value_of("a"), "new");
  erase("a");
  EXPECT_EQ(value_of("a"), "<absent>");
  write("a", "again");
  EXPECT_EQ(value_of("a"), "again");
  erase_blindly("a");
  EXPECT_EQ(value_of("a"), "<absent>");
}

// Goal: nor does its expiry uncover that.
TEST_F(CollisionTest, AnExpiryHidesWhatCouldNotBeRead) {
  open_with_an_unsettled_overwrite(clock->time + 1000);
  files->fail(test_support::disk_call::read, 1, EIO, true);
  release_reads();
  files->stop_failing();
  files->resident(true);
  EXPECT_EQ(value_of("a"), "new");
  clock->time += 2000;
  for (int ticks = 0; ticks < 3; ++ticks)
    advance_time(std::chrono::seconds{1});
  EXPECT_EQ(value_of("a"), "<absent>");
  EXPECT_EQ(keys(), std::vector<std::string>{"b"});
  EXPECT_EQ(count(), 1);
  compact();
  for (int ticks = 0; ticks < 3; ++ticks)
    advance_time(std::chrono::seconds{1});
  EXPECT_EQ(value_of("a"), "<absent>");
  EXPECT_EQ(count(), 1);
  write("a", "again");
  EXPECT_EQ(value_of("a"), "again");
  EXPECT_EQ(count(), 2);
  erase("a");
  EXPECT_EQ(value_of("a"), "<absent>");
  EXPECT_EQ(count(), 1);
  close();
  open(sync_mode::none);
  EXPECT_EQ(value_of("a"), "<absent>");
  EXPECT_EQ(count(), 1);
}

// Goal: a flush settles everything that was unsettled.
TEST_F(CollisionTest, AFlushOvertakesWhatIsUnsettled) {
  open(sync_mode::none);
  write("a", "old");
  files->resident(false);
  disk->hold_reads = true;
  write("a", "new");
  erase_blindly("a");
  caf_compat::tell_anon(writer, flush_store{session, {next_id++, 0}});
  run_actors();
  while (!edits->flushes.empty())
    finish_flush_edit();
  write("b", "after");
  release_reads();
  files->resident(true);
  EXPECT_EQ(count(), 1);
  EXPECT_EQ(value_of("a"), "<absent>");
  EXPECT_EQ(value_of("b"), "after");
}

// Goal: what expires does so whether or not its key was replaced unseen.
TEST_F(CollisionTest, CountsOnceWhatExpiresWhileItIsUnsettled) {
  open(sync_mode::none);
  write("a", "old", clock->time + 1000);
  files->resident(false);
  disk->hold_reads = true;
  write("a", "new");
  clock->time += 2000;
  for (int ticks = 0; ticks < 3; ++ticks)
    advance_time(std::chrono::seconds{1});
  release_reads();
  files->resident(true);
  EXPECT_EQ(count(), 1);
  EXPECT_EQ(value_of("a"), "new");
}

// Goal: a stop finds out what is open, because the index it leaves behind has
// to be exact; who waits for that is answered.
TEST_F(CollisionTest, AStopSettlesWhatIsOpen) {
  open_with_an_unsettled_overwrite();
  auto id = next_id++;
  caf_compat::tell_anon(writer, count_at_cut{session, {id, 0}});
  run_actors();
  close();
  ASSERT_NE(told->find(id), nullptr);
  EXPECT_EQ(told->find(id)->number, 2);
  files->resident(true);
  open(sync_mode::none);
  EXPECT_TRUE(report.from_checkpoint);
  EXPECT_EQ(count(), 2);
  EXPECT_EQ(value_of("a"), "new");
}

TEST_F(CollisionTest, AnIndexThatIsNotExactBecomesNoCheckpoint) {
  open_with_an_unsettled_overwrite();
  run_actors();
  files->fail(test_support::disk_call::read, 1, EIO, true);
  release_reads();
  files->stop_failing();
  files->resident(true);
  close();
  EXPECT_FALSE(files->exists("/store/CHECKPOINT"));
  open(sync_mode::none);
  EXPECT_FALSE(report.from_checkpoint);
  EXPECT_EQ(count(), 2);
  EXPECT_EQ(value_of("a"), "new");
}

// Goal: nothing that waits for an unsettled record is forgotten when its shard
// ends before its time.
TEST_F(CollisionTest, AnswersAWaitingCountWhenItsShardEnds) {
  open(sync_mode::none);
  write("a", "old");
  files->resident(false);
  disk->hold_reads = true;
  write("a", "new");
  auto id = next_id++;
  caf_compat::tell_anon(writer, count_at_cut{session, {id, 0}});
  run_actors();
  caf::anon_send_exit(shards[0], caf::exit_reason::user_shutdown);
  run_actors();
  ASSERT_NE(told->find(id), nullptr);
  EXPECT_EQ(told->find(id)->code, outcome::shutting_down);
}

} // namespace
} // namespace kvs::actors
