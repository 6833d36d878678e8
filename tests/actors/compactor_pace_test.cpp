// Goal: compaction rests while nobody waits for it, and only then.

#include "actors/compaction_pace.hpp"
#include "tests/actors/store_fixture.hpp"

#include <algorithm>

namespace kvs::actors {
namespace {

using namespace std::chrono_literals;

/// Segments were filled in `intervals`, one after the other.
compaction_pace
pace_after(std::initializer_list<std::chrono::seconds> intervals,
           double effort_min = 0.1) {
  compaction_pace pace{effort_min};
  compaction_pace::clock::time_point now{};
  pace.start(now);
  for (auto each : intervals)
    pace.note_sealed(now += each);
  return pace;
}

TEST(CompactionPaceTest, ARewriteTakesAQuarterOfTheTimeOfASegment) {
  // Between the first seal and this there are so many that it is forgotten.
  auto pace = pace_after({4s, 4s, 4s, 4s, 4s, 4s, 4s, 4s, 4s, 4s, 4s, 4s});
  auto with_work = [&pace](std::chrono::milliseconds worked, double share) {
    return std::chrono::duration<double>(worked
                                         + pace.rest_after(worked, share))
      .count();
  };
  EXPECT_NEAR(with_work(100ms, 0.5), 0.5, 0.02);
  EXPECT_NEAR(with_work(20ms, 0.1), 0.1, 0.01);
  EXPECT_NEAR(with_work(500ms, 0.1), 0.5, 0.001) << "late already";
  EXPECT_NEAR(with_work(1ms, 1), 0.01, 0.001) << "it works a tenth of the time";
  EXPECT_EQ(pace_after({4s}, 1.0).rest_after(1ms, 1), 0s);
}

TEST(CompactionPaceTest, NoRestIsTooLongOrTooShort) {
  auto pace = pace_after({100s, 100s, 100s, 100s});
  EXPECT_EQ(pace.rest_after(3s, 1), 1s);
  EXPECT_EQ(pace.rest_after(5us, 1), 0s);
}

// Goal: a node that nobody has written to for hours does not take the next
// segments for as slow.
TEST(CompactionPaceTest, APauseIsForgottenSoon) {
  auto pace = pace_after({1s, 1s, 1s, 1s, 1s, 1s, 5h, 1s, 1s, 1s});
  EXPECT_LT(pace.rest_after(50ms, 0.5), 200ms);
  pace = pace_after({5h, 1s});
  EXPECT_LT(pace.rest_after(50ms, 0.5), 200ms) << "nobody wrote at first";
  pace = pace_after({1s, 5h, 1s, 1s, 1s, 1s, 1s, 1s, 1s, 1s, 1s});
  EXPECT_LT(pace.rest_after(500ms, 0.5), 1s) << "nor later";
}

class CompactorPaceTest : public store_fixture {
protected:
  static constexpr std::uint64_t segment_bytes = 64 * 1024;

  void fill_segments() {
    for (int count = 0; count < 12; ++count) {
      // Two thirds stay: where less lives, only that is read.
      for (int key = 0; key < 1600; ++key) {
        const auto id = next_id++;
        const auto name
          = key % 3 != 0 ? "kept" + std::to_string(id) : std::to_string(key);
        if (key % 3 != 0)
          kept.push_back(name);
        put(session, id, name, std::string(8, 'v'));
      }
      run_actors();
      advance_time(2s);
    }
  }

  /// How long no actor has anything to do until a rewrite has ended; what an
  /// actor does takes a millisecond. `meanwhile` is called when it first rests.
  std::chrono::milliseconds
  rests_of_a_rewrite(const std::function<void()>& meanwhile) {
    const auto before = compactor_figure("compactions");
    // Some of all segments, so that a rewrite is due.
    for (std::size_t at = 0; at < kept.size(); at += 16)
      evaluate(session, make(operation_kind::erase, next_id++, kept[at]));
    kept.clear();
    caf::anon_send(writer, seal_active{});
    auto rested = 0ms;
    while (rested < 10s && rewrites() == before) {
      let_time_pass(1ms);
      if (run_one_actor())
        continue;
      if (rested == 0ms)
        meanwhile();
      rested += 1ms;
      caf_compat::tell_anon(compactor, collect_figures{session, {}});
    }
    return rested;
  }

  std::uint64_t next_id = 1;
  std::vector<std::string> kept;

private:
  std::uint64_t rewrites() const {
    const auto& figures = told->figures.back().figures;
    return std::find_if(
             figures.begin(), figures.end(),
             [](const auto& each) { return each.first == "compactions"; })
      ->second;
  }
};

TEST_F(CompactorPaceTest, RestsBetweenChunks) {
  open(sync_mode::none, 1, segment_bytes);
  fill_segments();
  EXPECT_GT(rests_of_a_rewrite([] {}), 20ms)
    << "nine times as long as it works";
}

TEST_F(CompactorPaceTest, DoesNotRestWhileWritesSlowDown) {
  open(sync_mode::none, 1, segment_bytes);
  fill_segments();
  auto slow_down = [this] {
    caf_compat::tell_anon(writer, compaction_debt{1'000'000});
    put(session, next_id++, "one more", "value");
  };
  EXPECT_LT(rests_of_a_rewrite(slow_down), 20ms)
    << "the rest that was under way goes on";
}

} // namespace
} // namespace kvs::actors
