// Goal: whatever a rewrite takes for dead is dead for good before anything
// depends on it.

#include "tests/actors/store_fixture.hpp"

#include <algorithm>

namespace kvs::actors {
namespace {

using namespace std::chrono_literals;

class CompactionDeathTest : public store_fixture {
protected:
  void write(std::string_view key, std::string_view value) {
    put(session, next_id++, key, value);
    run_actors();
  }
  void write_all(std::string_view prefix, int count) {
    for (int number = 0; number < count; ++number)
      write(std::string{prefix} + std::to_string(number),
            std::string(100, 'v'));
  }

  /// Until the output, which has a tombstone for a put that has not expired,
  /// waits for the sync of the erase.
  void rewrite_an_erased_mortal() {
    open(sync_mode::none, 1, 4 * 1024);
    // A segment that is not worth a rewrite holds the tombstone in place.
    write("hidden", "below the rest");
    write_all("cold", 150);
    write("hidden", "again");
    auto mortal = make(operation_kind::put, next_id++, "mortal", "lives");
    mortal.expires_at = clock->time + 3'600'000;
    caf_compat::tell_anon(writer, append_batch{session, {mortal}, {}});
    for (int round = 0; round < 5; ++round)
      write_all("hot", 15);
    caf_compat::tell_anon(writer, sync_now{session, {next_id++, 0}});
    run_actors();
    ASSERT_EQ(compactor_figure("compactions"), 0u);
    disk->hold_syncs = true;
    evaluate(session, make(operation_kind::erase, next_id++, "mortal"));
    run_actors();
    ASSERT_EQ(value_of("mortal"), "<absent>");
    // The store rests, and is compacted.
    for (int second = 0; second < 10; ++second)
      advance_time(1s);
    ASSERT_GT(compactor_figure("compaction_judged_records"), 0u);
    ASSERT_FALSE(disk->syncs.empty());
  }
  bool has_output() const {
    const auto names = files->list("/store");
    return std::ranges::any_of(
      *names, [](const auto& each) { return each.ends_with(".reloc"); });
  }

  std::uint64_t next_id = 1;
};

// Goal: if a record was overlooked, which no order of things should bring
// about, its file stays.
TEST_F(CompactionDeathTest, DeletesNoFileThatAShardStillNeeds) {
  open(sync_mode::none, 1, 4 * 1024);
  write("key", "overlooked");
  write_all("filler", 30);
  write("key", "the newer one");
  disk->hold_syncs = true;
  caf_compat::tell_anon(compactor, compact_store{session, {1, 0}});
  run_actors();
  write("unsynced", "value");
  finish_sync(); // Of the segment that the command seals.
  // All is copied, and only a sync is waited for: the index points at the first
  // record again.
  const std::string_view key = "key";
  publish forged;
  publication_part part;
  part.session = session;
  part.records.push_back(
    {{next_id++, 0},
     storage::record_type::put,
     (*hash)(key),
     key,
     {{storage::segment_id{1}, storage::segment_header_bytes,
       storage::record_bytes(3, 10, false)},
      1,
      0}});
  forged.parts.push_back(std::move(part));
  caf_compat::tell_anon(shards[0], std::move(forged));
  run_actors();
  disk->hold_syncs = false;
  finish_sync();
  run_actors();
  EXPECT_EQ(compactor_figure("compactions_failed"), 1u);
  EXPECT_EQ(value_of("key"), "overlooked");
  for (int second = 0; second < 30; ++second)
    advance_time(1s);
  EXPECT_EQ(compactor_figure("compactions_failed"), 1u)
    << "it is not tried again and again";
  EXPECT_EQ(value_of("key"), "overlooked");
}

// Goal: a tombstone whose key is being looked for among cold records stays,
// since nobody knows yet which segment has what it hides.
TEST_F(CompactionDeathTest, ATombstoneStaysUntilItIsKnownWhatItHides) {
  open(sync_mode::always, 1, 4 * 1024);
  write("key", "old");
  write_all("cold", 20);
  caf::anon_send(writer, seal_active{});
  run_actors();
  files->resident(false);
  disk->hold_reads = true;
  // As an atomic batch, so nobody looks the key up before.
  append_batch_of(session, next_id,
                  {make(operation_kind::erase, next_id, "key")});
  ++next_id;
  caf::anon_send(writer, seal_active{});
  run_actors();
  ASSERT_FALSE(disk->reads.empty()) << "it is looked for";
  for (int second = 0; second < 8; ++second)
    advance_time(1s);
  disk->hold_reads = false;
  while (!disk->reads.empty())
    finish_read();
  for (int second = 0; second < 8; ++second)
    advance_time(1s);
  files->resident(true);
  EXPECT_EQ(value_of("key"), "<absent>");
  auto left = files->crash(test_support::crash_policy::lose_unsynced, 1);
  close();
  files = left;
  open(sync_mode::always, 1, 4 * 1024);
  EXPECT_EQ(value_of("key"), "<absent>");
  EXPECT_EQ(value_of("cold0"), std::string(100, 'v'));
}

// Goal: a put that may expire leaves a tombstone in the output when it is dead,
// to go on hiding what is older. If it is dead for the sake of an erase that
// the power can take back, so can it come back.
TEST_F(CompactionDeathTest, NoTombstoneIsOlderThanTheDeathItStandsFor) {
  rewrite_an_erased_mortal();
  auto left = files->crash(test_support::crash_policy::lose_unsynced, 1);
  close();
  files = left;
  open(sync_mode::none, 1, 4 * 1024);
  EXPECT_EQ(value_of("mortal"), "lives");
}

// Goal: an output that waits for such a sync is no waste of space.
TEST_F(CompactionDeathTest, AStopLeavesNoOutputThatIsNotListed) {
  rewrite_an_erased_mortal();
  ASSERT_TRUE(has_output());
  caf::anon_send(compactor, stop_compactor{});
  run_actors();
  EXPECT_FALSE(has_output());
  disk->hold_syncs = false;
  finish_sync();
}

} // namespace
} // namespace kvs::actors
