// Goal: whatever the wall clock does, no key that was said to have expired
// comes back, and none goes before its time while the store is open
// (docs/durability.md, "Time").

#include "tests/actors/store_fixture.hpp"

#include <functional>

namespace kvs::actors {
namespace {

constexpr storage::timestamp_ms hour = 3'600'000;

class ClockTest : public store_fixture {
protected:
  void put_until(std::string_view key, storage::timestamp_ms expires_at) {
    auto op = make(operation_kind::put, next_id++, key, "v");
    op.expires_at = expires_at;
    caf_compat::tell_anon(writer, append_batch{session, {op}, {}});
    run_actors();
  }

  /// The oldest sensible state of the disk, and a wall clock set back.
  void crash_and_set_the_clock_back(storage::timestamp_ms by) {
    auto left = files->crash(test_support::crash_policy::lose_unsynced, 1);
    close();
    files = left;
    clock->time -= by;
    open(sync_mode::interval, 2);
  }

  /// Every way to find out that a key has expired, and whether this one has
  /// said so by now.
  struct way {
    const char* name;
    std::function<void()> ask;
    std::function<bool()> has_told;
  };

  const answer* last_answer() const {
    return told->find(next_id - 1);
  }

  way evaluating(const char* name, operation_kind kind,
                 write_condition condition, bool applied) {
    return {name,
            [this, kind, condition] {
              auto op = make(kind, next_id++, "key", "1");
              op.condition = condition;
              op.delta = 1;
              evaluate(session, op);
            },
            [this, applied] {
              return last_answer() != nullptr
                     && last_answer()->code == outcome::ok
                     && last_answer()->applied == applied;
            }};
  }

  std::vector<way> ways() {
    auto absent
      = [this] { return last_answer() != nullptr && !last_answer()->applied; };
    auto reading = [this](operation_kind kind) {
      auto op = make(kind, next_id++, "key");
      auto shard = storage::shard_of(op.hash, 2);
      caf_compat::tell_anon(shards[shard], read_batch{session, {op}, {}});
    };
    return {
      {"get", [=] { reading(operation_kind::get); }, absent},
      {"exists", [=] { reading(operation_kind::exists); }, absent},
      {"count",
       [this] {
         caf_compat::tell_anon(writer, count_at_cut{session, {next_id++, 0}});
       },
       [this] {
         auto parts = std::count_if(
           told->answers.begin(), told->answers.end(),
           [this](const auto& each) { return each.ref.id == next_id - 1; });
         return parts == 2;
       }},
      {"scan",
       [this] {
         for (const auto& each : shards)
           caf_compat::tell_anon(
             each, scan_keys{session, {next_id, 0}, 0, 1'000'000, ""});
         ++next_id;
       },
       [this] { return told->scans.size() == 2; }},
      evaluating("put if present", operation_kind::put,
                 write_condition::if_present, false),
      evaluating("erase", operation_kind::erase, write_condition::none, false),
      evaluating("touch", operation_kind::touch, write_condition::none, false),
      evaluating("put if absent", operation_kind::put,
                 write_condition::if_absent, true),
      evaluating("increment", operation_kind::increment, write_condition::none,
                 true),
      evaluating("append", operation_kind::append, write_condition::none, true),
    };
  }

  std::uint64_t next_id = 1;
};

// Goal: an expiry once reported is never taken back, by whatever it was
// reported, not even if the power goes the moment it is.
// Method: after every single turn of an actor the power may go; the first
// moment at which somebody has been told is the worst one.
TEST_F(ClockTest, AnExpiryOnceReportedIsNeverTakenBack) {
  const auto count = ways().size();
  for (std::size_t number = 0; number < count; ++number) {
    files = test_support::memory_file_system::make();
    told = std::make_shared<session_log>();
    clock->time = 100 * hour;
    open(sync_mode::interval, 2);
    const auto each = ways()[number];
    SCOPED_TRACE(each.name);
    put_until("key", clock->time + 100);
    caf_compat::tell_anon(writer, sync_now{session, {next_id++, 0}});
    run_actors();
    clock->time += 100;
    // What is written from now on is lost, but not what was promised.
    disk->hold_syncs = true;
    each.ask();
    while (!each.has_told() && run_one_actor()) {
    }
    ASSERT_TRUE(each.has_told());
    crash_and_set_the_clock_back(hour);
    EXPECT_EQ(value_of("key"), "<absent>");
    close();
    forget_operations();
  }
}

// Goal: if the time cannot be persisted any more, the store says so at once and
// takes no writes whose expiry it could not report.
TEST_F(ClockTest, AManifestThatCannotBeReplacedIsFinal) {
  open(sync_mode::always);
  put_until("key", clock->time + 1000);
  clock->time += 1000;
  files->fail(test_support::disk_call::rename, 1, EIO, false);
  advance_time(std::chrono::milliseconds{600});
  EXPECT_NE(*failure_told, "");
  put(session, next_id++, "other", "v");
  run_actors();
  ASSERT_NE(last_answer(), nullptr);
  EXPECT_EQ(last_answer()->code, outcome::read_only);
}

// Goal: a key that is written again behind its time has expired; one that was
// seen alive has not, however long its record takes to be synced.
TEST_F(ClockTest, WhoWasSeenAliveHasNotExpired) {
  open(sync_mode::always);
  auto expired_keys = [this] {
    caf_compat::tell_anon(shards[0], collect_figures{session, {}});
    run_actors();
    for (const auto& [name, value] : told->figures.back().figures)
      if (name == "keys_expired")
        return value;
    return std::uint64_t{99};
  };
  put_until("key", clock->time + 1000);
  disk->hold_syncs = true;
  auto touch = make(operation_kind::touch, next_id++, "key");
  touch.expires_at = clock->time + 9000;
  evaluate(session, touch);
  run_actors();
  clock->time += 1000;
  finish_sync();
  run_actors();
  EXPECT_EQ(value_of("key"), "v");
  EXPECT_EQ(expired_keys(), 0u);
  clock->time += 8000;
  put(session, next_id++, "key", "w");
  run_actors();
  finish_sync();
  run_actors();
  EXPECT_EQ(value_of("key"), "w");
  EXPECT_EQ(expired_keys(), 1u);
}

// Goal: a key that was there is there until its time, and no longer, although
// the wall clock that the store began with was wrong.
TEST_F(ClockTest, AWrongWallClockAtStartShortensNoLifeMeanwhile) {
  for (const auto step : {-10 * hour, hour * 24 * 3650}) {
    files = test_support::memory_file_system::make();
    clock->time = 100 * hour;
    open(sync_mode::always, 2);
    close();
    clock->time = static_cast<storage::timestamp_ms>(
      static_cast<std::int64_t>(clock->time) + static_cast<std::int64_t>(step));
    open(sync_mode::always, 2);
    EXPECT_GE(clock->time, 100 * hour) << "time has fallen";
    put_until("key", clock->time + 1000);
    clock->time += 999;
    EXPECT_EQ(value_of("key"), "v");
    clock->time += 1;
    EXPECT_EQ(value_of("key"), "<absent>");
    close();
  }
}

// Goal: across restarts the wall clock is believed, but never below the time
// that was persisted, so an expired key stays away and the others stay.
TEST_F(ClockTest, ARestartWithTheClockSetBackShowsNoExpiredKey) {
  clock->time = 100 * hour;
  open(sync_mode::always, 2);
  put_until("short", clock->time + 1000);
  put_until("long", clock->time + 10 * hour);
  clock->time += 2000;
  EXPECT_EQ(value_of("short"), "<absent>");
  for (int restart = 0; restart < 3; ++restart) {
    close();
    clock->time -= hour / 2;
    open(sync_mode::always, 2);
    EXPECT_EQ(value_of("short"), "<absent>");
    EXPECT_EQ(value_of("long"), "v");
  }
  close();
  clock->time += 11 * hour;
  open(sync_mode::always, 2);
  EXPECT_EQ(value_of("long"), "<absent>");
}

// Goal: an expiry that cannot be made certain is not reported.
TEST_F(ClockTest, ADiskThatTakesNoTimeReportsNoExpiry) {
  open(sync_mode::always, 2);
  put_until("key", clock->time + 100);
  clock->time += 100;
  files->fail(test_support::disk_call::create, 1, ENOSPC, true);
  EXPECT_EQ(value_of("key"), "<failed>");
  files->stop_failing();
  EXPECT_EQ(value_of("key"), "<absent>");
}

// Goal: a write that began from an expiry which cannot be made certain is in
// the log all the same: nobody is told that nothing happened.
TEST_F(ClockTest, AWriteOverAnUncertainExpiryIsNotCalledRefused) {
  open(sync_mode::always, 2);
  put_until("key", clock->time + 100);
  clock->time += 100;
  files->fail(test_support::disk_call::create, 1, ENOSPC, true);
  auto op = make(operation_kind::increment, 50, "key");
  op.delta = 1;
  evaluate(session, op);
  run_actors();
  ASSERT_NE(told->find(50), nullptr);
  EXPECT_EQ(told->find(50)->code, outcome::outcome_unknown);
  files->stop_failing();
  EXPECT_EQ(value_of("key"), "1");
}

} // namespace
} // namespace kvs::actors
