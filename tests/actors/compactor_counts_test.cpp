// Goal: the COMPACTOR knows what lives in sealed segments, and says it.

#include "actors/compactor_state.hpp"
#include "tests/actors/store_fixture.hpp"

namespace kvs::actors {
namespace {

using namespace std::chrono_literals;

class CompactorCountsTest : public store_fixture {
protected:
  void write_keys(int count, std::string_view value) {
    for (int number = 0; number < count; ++number)
      put(session, next_id++, "key" + std::to_string(number), value);
    run_actors();
  }
  void seal() {
    caf::anon_send(writer, seal_active{});
    run_actors();
  }

  std::uint64_t next_id = 1;
};

// Goal: what has expired is dead within a second.
TEST_F(CompactorCountsTest, ADeadRecordIsCountedWhateverItDiedOf) {
  open(sync_mode::none, 2);
  write_keys(20, "value");
  write_keys(5, "again");
  evaluate(session, make(operation_kind::erase, next_id++, "key19"));
  auto expiring = make(operation_kind::put, next_id++, "key18", "until");
  expiring.expires_at = clock->time + 10'000;
  caf_compat::tell_anon(writer, append_batch{session, {expiring}, {}});
  run_actors();
  // The shard of the one that expires gets nothing more.
  const auto other = storage::shard_of(expiring.hash, 2) == 0 ? 1u : 0u;
  put(session, next_id++, key_of_shard(other, "other"), "value");
  run_actors();
  seal();
  EXPECT_EQ(compactor_figure("segments"), 1u);
  EXPECT_EQ(compactor_figure("sealed_live_records"), 20u);
  EXPECT_EQ(compactor_figure("sealed_dead_records"), 7u);
  const auto with_expiry = compactor_figure("sealed_live_bytes");
  clock->time += 10'000;
  for (int tick = 0; tick < 2; ++tick)
    advance_time(500ms);
  EXPECT_EQ(compactor_figure("sealed_live_records"), 19u);
  EXPECT_EQ(compactor_figure("sealed_dead_records"), 8u);
  EXPECT_EQ(compactor_figure("sealed_live_bytes"),
            19 * storage::record_bytes(5, 5, false));
  EXPECT_EQ(with_expiry - compactor_figure("sealed_live_bytes"),
            storage::record_bytes(5, 5, true));
}

// Goal: a shard that has not applied all of a segment yet does not make the
// rest of it look dead.
TEST(TrackedSegmentTest, ALateCountIsNoDeath) {
  tracked_segment segment;
  segment.number = 5;
  segment.entry.max_sequence = 20;
  segment.live.resize(2);
  const live_counted late{1, {}, 19};
  EXPECT_FALSE(segment.is_covered_by(late, 0));
  EXPECT_FALSE(segment.is_covered_by(late, 4));
  EXPECT_TRUE(segment.is_covered_by(late, 5));
  EXPECT_TRUE(segment.is_covered_by({1, {}, 20}, 0));
  // It has counted all of it before, and only knows more since.
  segment.live[1] = storage::live_share{};
  EXPECT_TRUE(segment.is_covered_by(late, 0));
  EXPECT_FALSE(segment.is_covered_by({0, {}, 19}, 0));
}

} // namespace
} // namespace kvs::actors
