// Goal: recovery's units run on several actors at a time, progress is told by
// the caller's thread, and what goes wrong comes back.
// Method: real threads, since the point is that there are several.

#include "actors/recovery_crew.hpp"

#include "actors/asio_scheduler.hpp"
#include "actors/store.hpp"
#include "tests/storage/mini_store.hpp"
#include "tests/support/memory_file_system.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <new>
#include <set>
#include <thread>

namespace kvs::actors {
namespace {

class RecoveryCrewTest : public ::testing::Test {
protected:
  RecoveryCrewTest() {
    use_asio_scheduler(config_, 1);
    system = std::make_unique<caf::actor_system>(config_);
  }

private:
  caf::actor_system_config config_;

protected:
  std::unique_ptr<caf::actor_system> system;
};

/// Units that all wait until so many of them run at once.
class meeting {
public:
  explicit meeting(std::size_t expected) : expected_{expected} {
  }
  void attend() {
    std::unique_lock lock{mutex_};
    threads_.insert(std::this_thread::get_id());
    arrived_.notify_all();
    arrived_.wait_for(lock, std::chrono::seconds{20},
                      [this] { return threads_.size() >= expected_; });
  }
  const std::set<std::thread::id>& threads() const {
    return threads_;
  }

private:
  std::size_t expected_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::set<std::thread::id> threads_;
};

TEST_F(RecoveryCrewTest, RunsAsManyUnitsAtATimeAsThereAreWorkers) {
  recovery_crew crew{*system, 3};
  meeting all{3};
  storage::work_units units(7, [&] { all.attend(); });
  std::size_t told = 0;
  crew.run(units, [&, caller = std::this_thread::get_id()] {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    ++told;
  });
  EXPECT_EQ(told, units.size());
  EXPECT_EQ(all.threads().size(), 3u);
  EXPECT_FALSE(all.threads().contains(std::this_thread::get_id()));
}

TEST_F(RecoveryCrewTest, RunsEveryUnitOnceWhateverTheirNumber) {
  recovery_crew crew{*system, 4};
  for (std::size_t count : {0u, 1u, 3u, 4u, 100u}) {
    std::vector<int> runs(count);
    storage::work_units units;
    for (std::size_t i = 0; i < count; ++i)
      units.emplace_back([&runs, i] { ++runs[i]; });
    std::size_t told = 0;
    crew.run(units, [&] { ++told; });
    EXPECT_EQ(runs, std::vector<int>(count, 1));
    EXPECT_EQ(told, count);
  }
}

TEST_F(RecoveryCrewTest, AUnitThatThrowsEndsNothing) {
  recovery_crew crew{*system, 2};
  int done = 0;
  const storage::work_units units{[] { throw std::bad_alloc{}; },
                                  [&] { ++done; }};
  std::size_t told = 0;
  for (int i = 0; i < 3; ++i)
    crew.run(units, [&] { ++told; });
  EXPECT_EQ(done, 3);
  EXPECT_EQ(told, 6u);
}

/// A store with a few sealed segments that was not stopped.
std::shared_ptr<test_support::memory_file_system> make_disk() {
  auto disk = test_support::memory_file_system::make();
  storage::testing::mini_store::options how;
  how.directory = "/store";
  auto made = storage::testing::mini_store::open(disk, how);
  EXPECT_TRUE(made);
  for (int i = 0; i < 200; ++i)
    EXPECT_TRUE((*made)->put("key" + std::to_string(i), std::string(100, 'v')));
  EXPECT_TRUE((*made)->sync());
  return disk->restart();
}

TEST_F(RecoveryCrewTest, AStoreIsOpenedByItsWorkers) {
  const auto disk = make_disk();
  store_options options;
  options.directory = "/store";
  options.files = disk;
  options.shard_count = 3;
  options.recovery_worker_count = 4;
  storage::recovery_progress last;
  int told = 0;
  options.on_progress = [&, caller = std::this_thread::get_id()](
                          const storage::recovery_progress& now) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    EXPECT_GE(now.bytes_done, last.bytes_done);
    last = now;
    ++told;
  };
  auto store = spawn_store(*system, options);
  ASSERT_TRUE(store) << to_string(store.error());
  EXPECT_EQ((*store)->report().keys, 200u);
  EXPECT_GT((*store)->report().segments, 4u);
  EXPECT_GT(told, 4);
  EXPECT_EQ(last.bytes_done, last.bytes_total);
}

TEST_F(RecoveryCrewTest, DamageThatAWorkerFindsRefusesTheStart) {
  const auto disk = make_disk();
  (void)disk->unlink("/store/000002.hint");
  disk->flip_bit("/store/000002.log", storage::segment_header_bytes + 17, 1);
  store_options options;
  options.directory = "/store";
  options.files = disk;
  options.recovery_worker_count = 4;
  auto store = spawn_store(*system, options);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, storage::errc::corrupt);
  EXPECT_NE(store.error().context.find("/store/000002.log offset "),
            std::string::npos);
}

} // namespace
} // namespace kvs::actors
