// Goal: what a store knows after a kill or a power cut is what the disk says,
// not what an earlier stop has left behind, and no number is used twice.

#include "tests/actors/store_fixture.hpp"

#include <set>

namespace kvs::actors {
namespace {

using test_support::crash_policy;

class RestartTest : public store_fixture {
protected:
  std::uint64_t write(std::string_view key, std::string_view value) {
    auto id = next_id_++;
    put(session, id, key, value);
    run_actors();
    const auto* reply = told->find(id);
    EXPECT_TRUE(reply != nullptr && reply->applied);
    return reply == nullptr ? 0 : reply->version;
  }

  /// The disk as it is now becomes that of the next `open`.
  void die(std::shared_ptr<test_support::memory_file_system> left) {
    close();
    files = std::move(left);
  }

private:
  std::uint64_t next_id_ = 1;
};

// Goal: a checkpoint from before a compaction names files that are gone and
// records that were replaced.
TEST_F(RestartTest, ACheckpointAfterACompactionAndAKillIsRefused) {
  open(sync_mode::none, 2, 16 * storage::kibibyte);
  for (int i = 0; i < 300; ++i)
    write("key" + std::to_string(i), std::string(100, 'a'));
  close();
  const auto stale = files->content("/store/CHECKPOINT");
  open(sync_mode::none, 2, 16 * storage::kibibyte);
  ASSERT_TRUE(report.from_checkpoint);
  for (int i = 0; i < 300; i += 2)
    write("key" + std::to_string(i), std::string(100, 'b'));
  caf_compat::tell_anon(compactor, compact_store{session, {1'000, 0}});
  run_actors();
  ASSERT_FALSE(files->exists("/store/000001.log")) << "nothing was compacted";
  auto killed = files->restart();
  killed->put_content("/store/CHECKPOINT", stale);
  die(killed);
  open(sync_mode::none, 2, 16 * storage::kibibyte);
  EXPECT_FALSE(report.from_checkpoint);
  EXPECT_FALSE(report.checkpoint_ignored.empty());
  for (int i = 0; i < 300; ++i)
    EXPECT_EQ(value_of("key" + std::to_string(i)),
              std::string(100, i % 2 == 0 ? 'b' : 'a'));
}

TEST_F(RestartTest, AFlushInACheckpointStaysOne) {
  open();
  write("old", "v");
  close();
  open();
  caf_compat::tell_anon(writer, flush_store{session, {1'000, 0}});
  run_actors();
  write("new", "v");
  for (int i = 0; i < 2; ++i) {
    close();
    open();
    EXPECT_TRUE(report.from_checkpoint);
    EXPECT_EQ(value_of("old"), "<absent>");
    EXPECT_EQ(value_of("new"), "v");
  }
  (void)files->unlink("/store/CHECKPOINT");
  auto killed = files->restart();
  die(killed);
  open();
  EXPECT_EQ(value_of("old"), "<absent>");
}

// Goal: in `interval` mode a power cut may take acknowledged writes. Their
// numbers are versions that clients have seen, so they must never be given to
// other writes.
TEST_F(RestartTest, NumbersOfALostAcknowledgedTailAreNotUsedAgain) {
  std::set<std::uint64_t> seen;
  std::uint64_t highest = 0;
  for (int start = 0; start < 4; ++start) {
    open(sync_mode::interval);
    const auto safe = "safe" + std::to_string(start);
    seen.insert(write(safe, "v"));
    advance_time(std::chrono::seconds{2});
    disk->hold_syncs = true;
    for (int i = 0; i < 3; ++i) {
      const auto version = write("lost", std::to_string(start));
      EXPECT_GT(version, told->durable_version) << "it was not at risk";
      EXPECT_GT(version, highest);
      EXPECT_TRUE(seen.insert(version).second) << "used twice";
      highest = version;
    }
    die(files->crash(crash_policy::lose_unsynced, 0));
    open(sync_mode::interval);
    EXPECT_EQ(value_of("lost"), "<absent>") << "the tail was not lost";
    EXPECT_EQ(value_of(safe), "v");
    const auto version = write("lost too", "v");
    EXPECT_GT(version, highest);
    EXPECT_TRUE(seen.insert(version).second) << "used twice";
    highest = version;
    die(files->crash(crash_policy::lose_unsynced, 0));
  }
}

} // namespace
} // namespace kvs::actors
