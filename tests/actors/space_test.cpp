// Goal: the store takes no more space than it should, and a full disk stops
// nothing but what needs space.

#include "actors/write_pace.hpp"
#include "tests/actors/store_fixture.hpp"

#include <algorithm>
#include <cerrno>

namespace kvs::actors {
namespace {

using namespace std::chrono_literals;

class SpaceTest : public store_fixture {
protected:
  static constexpr std::uint64_t segment_bytes = 8 * 1024;

  void write(std::string_view key, std::string_view value) {
    put(session, next_id++, key, value);
    run_actors();
    if (told->find(next_id - 1) == nullptr)
      advance_time(300ms); // It has to rest.
  }
  void erase(std::string_view key) {
    evaluate(session, make(operation_kind::erase, next_id++, key));
    run_actors();
    if (told->find(next_id - 1) == nullptr)
      advance_time(300ms);
  }
  outcome last_outcome() const {
    auto* found = told->find(next_id - 1);
    return found == nullptr ? outcome::shutting_down : found->code;
  }
  /// Bytes of the files that a start would find.
  std::uint64_t named_bytes() const {
    std::uint64_t sum = 0;
    const auto names = files->list("/store");
    for (const auto& name : *names)
      sum += files->content("/store/" + name).size();
    return sum;
  }
  std::string key_number(int number) const {
    return "key" + std::to_string(number);
  }

  std::uint64_t next_id = 1;
};

// Goal: without any command, overwrites stay within the space factor and three
// segments.
TEST_F(SpaceTest, OverwritesStayWithinTheSpaceFactor) {
  open(sync_mode::none, 2, segment_bytes);
  constexpr int keys = 500;
  const std::string value(100, 'v');
  std::uint64_t live = 0;
  for (int count = 0; count < 20 * keys; ++count) {
    auto number = count < keys ? count : count * 7919 % keys;
    write(key_number(number), value);
    if (count < keys)
      live += storage::record_bytes(
        static_cast<std::uint32_t>(key_number(number).size()), value.size(),
        false);
    else // Hints of such small records take a quarter of the space.
      ASSERT_LT(files->used_bytes(),
                1.5 * static_cast<double>(live) * 1.3 + 3 * segment_bytes)
        << count;
  }
  for (int number = 0; number < keys; ++number)
    ASSERT_EQ(value_of(key_number(number)), value);
}

// Goal: keys that come and go leave nothing behind, although old segments with
// a few dead records hold their tombstones in place for a while.
TEST_F(SpaceTest, SetsAndDeletesDoNotGrowForEver) {
  open(sync_mode::none, 1, segment_bytes);
  const std::string value(100, 'v');
  for (int number = 0; number < 300; ++number)
    write("stays" + std::to_string(number), value);
  for (int number = 0; number < 300; number += 50)
    write("stays" + std::to_string(number), value);
  const auto base = files->used_bytes();
  std::uint64_t most_early = 0;
  std::uint64_t most_late = 0;
  for (int count = 0; count < 8000; ++count) {
    write("comes" + std::to_string(count), value);
    erase("comes" + std::to_string(count));
    auto& most = count < 3000 ? most_early : most_late;
    most = std::max(most, files->used_bytes());
  }
  EXPECT_LT(most_late, 2 * base + 3 * segment_bytes);
  EXPECT_LE(most_late, most_early + segment_bytes);
  close();
  open(sync_mode::none, 1, segment_bytes);
  EXPECT_EQ(value_of("stays1"), value);
  EXPECT_EQ(value_of("comes7999"), "<absent>");
}

// Goal: when the load has stopped, the store shrinks to what lives.
TEST_F(SpaceTest, AStoreAtRestShrinks) {
  open(sync_mode::none, 1, segment_bytes);
  const std::string value(1000, 'v');
  std::uint64_t live = 0;
  for (int count = 0; count < 2000; ++count) {
    auto number = count < 400 ? count : count * 7919 % 400;
    write(key_number(number), value);
    live += count < 400 ? 1032 : 0;
  }
  const auto loaded = files->used_bytes();
  for (int second = 0; second < 60; ++second)
    advance_time(1s);
  EXPECT_LT(files->used_bytes(), loaded);
  EXPECT_LT(static_cast<double>(files->used_bytes()),
            1.2 * static_cast<double>(live) + 2 * segment_bytes);
}

// Goal: writes are refused before the reserve is touched; reads, erases and
// compaction go on; when there is space again, writes are taken, and nobody
// has to do anything for it.
TEST_F(SpaceTest, AFullDiskTakesErasesAndRecoversByItself) {
  reserve_bytes = 3 * segment_bytes;
  constexpr std::uint64_t disk_bytes = 20 * segment_bytes;
  files->limit_space(disk_bytes);
  open(sync_mode::none, 2, segment_bytes);
  const std::string value(200, 'v');
  int written = 0;
  for (; written < 5000; ++written) {
    write(key_number(written), value);
    if (last_outcome() != outcome::ok)
      break;
    ASSERT_GE(*files->free_bytes("/store"), reserve_bytes - 4096) << written;
  }
  EXPECT_EQ(last_outcome(), outcome::no_space);
  EXPECT_GT(written, 400) << "the disk was hardly used";
  EXPECT_GE(*files->free_bytes("/store"), reserve_bytes - 4096);
  EXPECT_EQ(value_of(key_number(0)), value);
  evaluate(session, make(operation_kind::increment, next_id++, "counter"));
  run_actors();
  EXPECT_EQ(last_outcome(), outcome::no_space);
  append_batch_of(session, next_id++,
                  {make(operation_kind::put, 0, "a", "1"),
                   make(operation_kind::put, 0, "b", "1")});
  run_actors();
  EXPECT_EQ(last_outcome(), outcome::no_space);
  // A fifth of the keys goes, from all segments.
  for (int number = 0; number < written; number += 5) {
    erase(key_number(number));
    ASSERT_EQ(last_outcome(), outcome::ok) << number;
    advance_time(50ms);
  }
  for (int second = 0; second < 10; ++second)
    advance_time(1s);
  write("after", value);
  EXPECT_EQ(last_outcome(), outcome::ok);
  EXPECT_EQ(value_of("after"), value);
  for (int number = 0; number < written; ++number)
    ASSERT_EQ(value_of(key_number(number)),
              number % 5 == 0 ? "<absent>" : value)
      << number;
}

// Goal: what a start has found is given back to the disk when it is rewritten,
// not when the node stops.
TEST_F(SpaceTest, KeepsNoFileOpenThatIsGone) {
  open(sync_mode::none, 2, segment_bytes);
  const std::string value(1000, 'v');
  for (int number = 0; number < 100; ++number)
    write(key_number(number), value);
  close();
  let_timers_expire(); // They keep the actors of the first start alive.
  resident_bytes_max = 4 * segment_bytes;
  open(sync_mode::none, 2, segment_bytes);
  const auto before = files->used_bytes();
  for (int number = 0; number < 100; ++number)
    if (number % 10 != 0)
      erase(key_number(number));
  // The segments that were active and next at the start go, too.
  for (int number = 0; number < 20; ++number)
    write("key", value);
  caf_compat::tell_anon(compactor, compact_store{session, {next_id++, 0}});
  run_actors();
  EXPECT_LT(files->used_bytes(), before / 3);
  EXPECT_EQ(files->used_bytes(), named_bytes());
  for (int number = 0; number < 100; number += 10)
    EXPECT_EQ(value_of(key_number(number)), value);
}

// Goal: what has failed for lack of space is tried again by itself, also when
// nothing is written meanwhile.
TEST_F(SpaceTest, TriesAFailedRewriteAgainThoughNothingIsWritten) {
  reserve_bytes = 3 * segment_bytes;
  files->limit_space(20 * segment_bytes);
  open(sync_mode::none, 2, segment_bytes);
  const std::string value(200, 'v');
  for (int number = 0; number < 5000 && last_outcome() != outcome::no_space;
       ++number)
    write(key_number(number), value);
  ASSERT_EQ(last_outcome(), outcome::no_space);
  files->fail(test_support::disk_call::create, 1, ENOSPC, true);
  for (int number = 0; number < 8; ++number)
    erase(key_number(number));
  advance_time(1s);
  EXPECT_GE(compactor_figure("compactions_failed"), 1u);
  EXPECT_EQ(compactor_figure("compactions"), 0u);
  files->stop_failing();
  for (int second = 0; second < 10; ++second)
    advance_time(1s);
  EXPECT_GE(compactor_figure("compactions"), 1u);
}

// Goal: overwrites that come faster than compaction frees wait for it, also on
// a disk that holds little more than what lives. In every mode: what is not
// synced yet has made nothing dead.
TEST_F(SpaceTest, OverwritesWaitForCompactionOnAFullDisk) {
  for (auto mode : {sync_mode::none, sync_mode::always}) {
    files = test_support::memory_file_system::make();
    reserve_bytes = 3 * segment_bytes;
    files->limit_space(20 * segment_bytes);
    open(mode, 2, segment_bytes);
    const std::string value(200, 'v');
    constexpr int keys = 300;
    for (int number = 0; number < keys; ++number) {
      write(key_number(number), value);
      ASSERT_EQ(last_outcome(), outcome::ok) << number;
    }
    for (int round = 0; round < 10; ++round) {
      const auto first = next_id;
      for (int number = 0; number < keys; ++number) {
        put(session, next_id++, key_number(number * 7 % keys), value);
        if (number % 20 == 0)
          run_actors();
      }
      run_actors();
      for (int count = 0; count < 200 && !told->find(next_id - 1); ++count)
        advance_time(100ms);
      for (auto id = first; id < next_id; ++id) {
        ASSERT_NE(told->find(id), nullptr) << id;
        ASSERT_EQ(told->find(id)->code, outcome::ok) << id;
      }
    }
    close();
  }
}

// Goal: a segment that is sealed long before it is full, as for a backup, does
// not keep the space that was reserved for it.
TEST_F(SpaceTest, ASegmentSealedEarlyGivesBackItsSpace) {
  open(sync_mode::none, 1, segment_bytes);
  // The first two of a start have nothing reserved.
  for (int number = 0; number < 2; ++number) {
    write(key_number(number), "value");
    caf::anon_send(writer, seal_active{});
    run_actors();
  }
  const auto before = files->used_bytes();
  for (int number = 2; number < 6; ++number) {
    write(key_number(number), "value");
    caf::anon_send(writer, seal_active{});
    run_actors();
  }
  EXPECT_LT(files->used_bytes(), before + segment_bytes);
  for (int number = 0; number < 6; ++number)
    EXPECT_EQ(value_of(key_number(number)), "value");
  close();
  open(sync_mode::none, 1, segment_bytes);
  for (int number = 0; number < 6; ++number)
    EXPECT_EQ(value_of(key_number(number)), "value");
}

// Goal: space that somebody else gives back is noticed.
TEST_F(SpaceTest, WritesResumeWhenOthersFreeSpace) {
  reserve_bytes = 3 * segment_bytes;
  files->limit_space(9 * segment_bytes);
  open(sync_mode::none, 1, segment_bytes);
  const std::string value(200, 'v');
  for (int number = 0; number < 1000 && last_outcome() != outcome::no_space;
       ++number)
    write(key_number(number), value);
  ASSERT_EQ(last_outcome(), outcome::no_space);
  files->limit_space(80 * segment_bytes);
  advance_time(1s);
  write("after", value);
  EXPECT_EQ(last_outcome(), outcome::ok);
}

// Goal: segments in which nothing lives go at once, and nothing is copied.
TEST_F(SpaceTest, DropsDeadSegmentsWithoutCopying) {
  open(sync_mode::none, 1, segment_bytes);
  for (int number = 0; number < 200; ++number)
    write("key", std::string(1000, 'v') + std::to_string(number));
  EXPECT_LT(files->used_bytes(), 4 * segment_bytes);
  EXPECT_EQ(compactor_figure("compaction_copied_bytes"), 0u);
  EXPECT_GT(compactor_figure("compacted_segments"), 20u);
  EXPECT_EQ(compactor_figure("compactions_failed"), 0u);
}

// Goal: while compaction lags behind, writes wait, longer the more it does.
TEST_F(SpaceTest, WritesSlowDownWithTheDebt) {
  open(sync_mode::none, 1, segment_bytes);
  caf_compat::tell_anon(writer, compaction_debt{1'000'000});
  run_actors();
  put(session, 1, "first", std::string(5000, 'v'));
  run_actors();
  ASSERT_NE(told->find(1), nullptr) << "it rests after a write, not before";
  put(session, 2, "second", "value");
  run_actors();
  EXPECT_EQ(told->find(2), nullptr);
  EXPECT_EQ(value_of("first").size(), 5000u) << "reads do not wait";
  advance_time(300ms);
  ASSERT_NE(told->find(2), nullptr);
  EXPECT_EQ(told->find(2)->code, outcome::ok);
  caf_compat::tell_anon(writer, compaction_debt{-100'000});
  put(session, 3, "third", std::string(5000, 'v'));
  put(session, 4, "fourth", "value");
  run_actors();
  EXPECT_NE(told->find(4), nullptr);
}

// Goal: a node that stops does not rest.
TEST_F(SpaceTest, AStopDoesNotWaitForTheRest) {
  open(sync_mode::none, 1, segment_bytes);
  caf_compat::tell_anon(writer, compaction_debt{1'000'000});
  put(session, 1, "first", std::string(5000, 'v'));
  run_actors();
  put(session, 2, "second", "value");
  run_actors();
  EXPECT_EQ(told->find(2), nullptr);
  close();
  ASSERT_NE(told->find(2), nullptr);
  EXPECT_EQ(told->find(2)->code, outcome::ok);
}

TEST(WritePaceTest, GrowsWithTheDebtAndWithoutAJump) {
  constexpr std::uint64_t segment = 128 * storage::mebibyte;
  auto rest_at = [](double segments) {
    write_pace pace{segment};
    pace.set_debt(static_cast<std::int64_t>((segments - 0.5) * segment));
    return pace.after_writing(storage::mebibyte, segment / 2, std::nullopt)
      .count();
  };
  EXPECT_EQ(rest_at(0.6), 0);
  EXPECT_EQ(rest_at(1.09), 0);
  EXPECT_EQ(rest_at(1.2), 0) << "too short for a timer";
  EXPECT_NEAR(static_cast<double>(rest_at(1.475)), 4000, 10);
  EXPECT_NEAR(static_cast<double>(rest_at(1.775)), 36'000, 100);
  EXPECT_EQ(rest_at(1.85), 250'000);
  EXPECT_EQ(rest_at(30), 250'000) << "it never stops";
}

TEST(WritePaceTest, CollectsRestsThatAreTooShort) {
  constexpr std::uint64_t segment = storage::mebibyte;
  write_pace pace{segment};
  pace.set_debt(segment);
  int rests = 0;
  // 4 ms in all, at the middle between full speed and a crawl.
  for (int part = 0; part < 1000; ++part)
    rests += pace.after_writing(segment / 1000, segment * 19 / 40, std::nullopt)
               .count()
             > 0;
  EXPECT_GE(rests, 2);
  EXPECT_LE(rests, 4);
  pace.set_debt(-9 * static_cast<std::int64_t>(segment));
  EXPECT_EQ(pace.after_writing(segment, 9 * segment, std::nullopt).count(), 0)
    << "there is room";
}

TEST(WritePaceTest, GrowsTowardsTheEndOfTheLastSegment) {
  constexpr std::uint64_t segment = 64 * storage::mebibyte;
  auto rest_at = [](std::uint64_t room) {
    return write_pace{segment}
      .after_writing(storage::mebibyte, 0, room)
      .count();
  };
  EXPECT_EQ(rest_at(segment), 0);
  EXPECT_EQ(rest_at(segment / 2), 0);
  EXPECT_NEAR(static_cast<double>(rest_at(segment / 4)), 4000, 100);
  EXPECT_EQ(rest_at(0), 250'000);
}

} // namespace
} // namespace kvs::actors
