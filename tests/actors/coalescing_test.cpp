// Goal: a put whose key is written again in the same turn of the WRITER costs
// no record, and nobody can tell: everybody is answered with a version of their
// own, and no crash shows a state that never was.

#include "tests/actors/store_fixture.hpp"

#include <cerrno>

namespace kvs::actors {
namespace {

using test_support::disk_call;

constexpr const char* log_path = "/store/000001.log";

class CoalescingTest : public store_fixture {
protected:
  std::uint64_t figure(std::string_view name) {
    caf_compat::tell_anon(writer, collect_figures{session, {9'000'000, 0}});
    run_actors();
    for (const auto& [each, value] : told->figures.back().figures)
      if (each == name)
        return value;
    ADD_FAILURE() << "there is no figure " << name;
    return 0;
  }

  std::size_t log_bytes() const {
    return files->content(log_path).size();
  }

  /// One turn of the WRITER: a = 1, b = 1, a = 2, c = 1.
  void put_a_twice() {
    put(session, 1, "a", "1");
    put(session, 2, "b", "1");
    put(session, 3, "a", "2");
    put(session, 4, "c", "1");
    run_actors();
  }

  std::string all_values() {
    return value_of("a") + " " + value_of("b") + " " + value_of("c");
  }
};

TEST_F(CoalescingTest, OnlyTheLastPutOfAKeyIsWritten) {
  open(sync_mode::none);
  const auto before = log_bytes();
  put(session, 1, "first", "x");
  for (std::uint64_t id = 2; id <= 99; ++id)
    put(session, id, "key", "value" + std::to_string(id));
  put(session, 100, "last", "y");
  run_actors();
  for (std::uint64_t id = 1; id <= 100; ++id) {
    ASSERT_NE(told->find(id), nullptr) << id;
    EXPECT_TRUE(told->find(id)->applied);
    if (id > 1) {
      EXPECT_EQ(told->find(id)->version, told->find(id - 1)->version + 1);
    }
  }
  EXPECT_EQ(value_of("key"), "value99");
  EXPECT_EQ(figure("writes"), 100u);
  EXPECT_EQ(figure("writes_coalesced"), 97u);
  EXPECT_LT(log_bytes() - before, 4 * 48u);
  close();
  open(sync_mode::none);
  EXPECT_EQ(value_of("first"), "x");
  EXPECT_EQ(value_of("key"), "value99");
  EXPECT_EQ(value_of("last"), "y");
  EXPECT_EQ(report.keys, 3u);
}

// Goal: without its first put of "a", the log must not show that of "b" unless
// it shows the second one of "a", too.
TEST_F(CoalescingTest, NoCrashShowsPartOfARun) {
  open(sync_mode::none);
  put(session, 10, "a", "0");
  run_actors();
  const auto begin = log_bytes();
  put_a_twice();
  const auto whole = files->content(log_path);
  const auto left = files->restart();
  close();
  for (auto end = begin; end <= whole.size(); ++end) {
    files = left->restart();
    files->put_content(
      log_path,
      {whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(end)});
    open(sync_mode::none);
    EXPECT_EQ(all_values(),
              end == whole.size() ? "2 1 1" : "0 <absent> <absent>")
      << "cut at " << end;
    close();
  }
}

TEST_F(CoalescingTest, AFailedAppendRefusesReplacedPutsToo) {
  open(sync_mode::none);
  files->fail(disk_call::write, 1, ENOSPC);
  put_a_twice();
  for (std::uint64_t id = 1; id <= 4; ++id) {
    ASSERT_NE(told->find(id), nullptr) << id;
    EXPECT_EQ(told->find(id)->code, outcome::no_space) << id;
  }
  EXPECT_EQ(all_values(), "<absent> <absent> <absent>");
  put_a_twice();
  EXPECT_EQ(all_values(), "2 1 1");
}

// Goal: values that are written from where they lie are part of the run, too.
TEST_F(CoalescingTest, LargeValuesAreCoalescedLikeSmallOnes) {
  open(sync_mode::none);
  const std::string old_value(20'000, 'o');
  const std::string new_value(30'000, 'n');
  put(session, 1, "large", old_value);
  put(session, 2, "other", new_value);
  put(session, 3, "large", new_value);
  run_actors();
  EXPECT_EQ(figure("writes_coalesced"), 1u);
  EXPECT_LT(log_bytes(), 61'000u);
  for (int reopened = 0; reopened < 2; ++reopened) {
    EXPECT_EQ(value_of("large"), new_value);
    EXPECT_EQ(value_of("other"), new_value);
    close();
    open(sync_mode::none);
  }
}

// Goal: who watches an absent key sees that it was made.
TEST_F(CoalescingTest, AWatchNoticesACoalescedPut) {
  open(sync_mode::none);
  auto watch = make(operation_kind::watch, 10, "a");
  caf_compat::tell_anon(shards[0], read_batch{session, {watch}, {}});
  run_actors();
  put_a_twice();
  auto watched = make(operation_kind::watched, 11, "a");
  caf_compat::tell_anon(shards[0], read_batch{session, {watched}, {}});
  run_actors();
  ASSERT_NE(told->find(11), nullptr);
  EXPECT_EQ(told->find(11)->number,
            static_cast<std::int64_t>(told->find(3)->version));
}

// Goal: a turn is as short for one key as for many: others are answered first.
TEST_F(CoalescingTest, ATurnIsBoundedWhateverItWrites) {
  open(sync_mode::none);
  const std::string value(1000, 'v');
  const auto before = files->calls(disk_call::write);
  for (std::uint64_t id = 1; id <= 4000; ++id)
    put(session, id, "key", value);
  run_actors();
  EXPECT_EQ(told->answers.size(), 4000u);
  EXPECT_GE(files->calls(disk_call::write) - before, 3u);
}

// Goal: only puts that nothing comes between are one run: a conditional write
// sees the put before it.
TEST_F(CoalescingTest, AConditionalWriteSeesThePutBeforeIt) {
  open(sync_mode::none);
  put(session, 1, "n", "1");
  run_actors();
  auto more = make(operation_kind::increment, 2, "n");
  more.delta = 1;
  evaluate(session, more);
  put(session, 3, "m", "x");
  put(session, 4, "m", "y");
  run_actors();
  EXPECT_EQ(value_of("n"), "2");
  EXPECT_EQ(value_of("m"), "y");
}

// Goal: runs end with the segment, however many puts come at once.
TEST_F(CoalescingTest, ARunStaysInItsSegment) {
  constexpr std::uint64_t segment_bytes = 4 * storage::kibibyte;
  open(sync_mode::none, 2, segment_bytes);
  for (std::uint64_t id = 1; id <= 60; ++id)
    put(session, id, "key" + std::to_string(id), std::string(100, 'v'));
  for (std::uint64_t id = 61; id <= 100; ++id)
    put(session, id, "key" + std::to_string(id % 5), std::string(100, 'w'));
  run_actors();
  EXPECT_EQ(told->answers.size(), 100u);
  EXPECT_GT(figure("writes_coalesced"), 20u);
  EXPECT_GT(log_bytes(), segment_bytes - 256);
  EXPECT_LE(log_bytes(), segment_bytes + 256);
  close();
  open(sync_mode::none, 2, segment_bytes);
  EXPECT_EQ(report.keys, 61u);
  EXPECT_EQ(value_of("key0"), std::string(100, 'w'));
  EXPECT_EQ(value_of("key5"), std::string(100, 'v'));
}

} // namespace
} // namespace kvs::actors
