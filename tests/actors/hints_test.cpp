// Goal: hint files are written for what stays, and few are missing at any time.

#include "tests/actors/store_fixture.hpp"

#include <algorithm>
#include <random>

namespace kvs::actors {
namespace {

using namespace std::chrono_literals;

class HintsTest : public store_fixture {
protected:
  /// Writes the keys with these numbers, a dozen per segment of 8 KiB.
  void fill(std::uint64_t first, std::uint64_t end) {
    for (auto key = first; key < end; ++key) {
      put(session, key, "key" + std::to_string(key), std::string(500, 'v'));
      run_actors();
    }
  }

  /// Hint files without a segment.
  std::vector<std::string> orphans() const {
    auto names = *files->list("/store");
    std::erase_if(names, [&](const std::string& name) {
      auto number = name.substr(0, 6);
      return !name.ends_with(".hint")
             || files->exists("/store/" + number + ".log")
             || files->exists("/store/" + number + ".reloc");
    });
    return names;
  }

  /// Files of the store whose names end so.
  std::int64_t count(std::string_view suffix) const {
    auto names = *files->list("/store");
    return std::count_if(names.begin(), names.end(), [&](const auto& name) {
      return name.ends_with(suffix);
    });
  }
};

// Goal: no hint file is written for a segment that is overwritten at once; one
// that stays gets its own, and so does every segment at a clean stop.
TEST_F(HintsTest, WritesHintsOfWhatStays) {
  open(sync_mode::none, 1, 8 * 1024);
  fill(0, 40);
  advance_time(9s);
  EXPECT_EQ(count(".hint"), 0);
  advance_time(2s);
  auto sealed = count(".hint");
  EXPECT_GE(sealed, 2);
  fill(40, 80);
  EXPECT_EQ(count(".hint"), sealed);
  close();
  EXPECT_GE(count(".hint"), 2 * sealed);
  ASSERT_TRUE(files->unlink("/store/CHECKPOINT"));
  open(sync_mode::none, 1, 8 * 1024);
  EXPECT_GE(report.segments_from_hints, 2u * static_cast<unsigned>(sealed));
}

// Goal: however fast the log grows, a crash leaves few segments without hints.
TEST_F(HintsTest, LeavesAtMostEightSegmentsWithoutHints) {
  open(sync_mode::none, 1, 8 * 1024);
  fill(0, 400);
  EXPECT_GT(count(".log"), 20);
  // The active segment and the next one are not sealed.
  EXPECT_LE(count(".log") - count(".hint"), 8 + 2);
}

// Goal: no hint file outlives its segment, whatever comes between the order to
// delete both and the answer.
TEST_F(HintsTest, LeavesNoHintOfASegmentThatIsGone) {
  std::mt19937_64 random{1};
  for (int round = 0; round < 60; ++round) {
    files = test_support::memory_file_system::make();
    open(sync_mode::none, 1, 8 * 1024);
    fill(0, 60);
    fill(0, 55);
    // Hints are due while the victims are being retired.
    caf_compat::tell_anon(compactor, compact_store{session, {1'000'000, 0}});
    for (auto steps = random() % 60; steps > 0; --steps)
      run_random_actor(random);
    clock->time += 11'000;
    let_time_pass(11s);
    while (run_random_actor(random))
      ;
    EXPECT_EQ(orphans(), std::vector<std::string>{}) << "round " << round;
    close();
  }
}

} // namespace
} // namespace kvs::actors
