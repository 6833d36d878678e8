// Goal: of a segment in which little lives, compaction reads only that, and
// loses none of it.

#include "tests/actors/store_fixture.hpp"

#include <map>

namespace kvs::actors {
namespace {

class SparseCompactionTest : public store_fixture {
protected:
  static constexpr std::uint64_t segment_bytes = 64 * 1024;

  void write(const std::string& key, std::size_t padding = 0) {
    const auto id = next_id++;
    expected[key] = "value" + std::to_string(id) + std::string(padding, '.');
    put(session, id, key, expected[key]);
    if (id % 100 == 0)
      run_actors();
  }
  std::string read_back(const std::string& key) {
    // Nobody asks for the answers to the writes.
    told->answers.clear();
    return value_of(key);
  }

  /// Segments of which one record in fifty lives, or is needed.
  void overwrite(int rounds, std::size_t padding = 0) {
    for (int round = 0; round < rounds; ++round) {
      for (int key = 0; key < 49; ++key)
        write("hot" + std::to_string(key), padding);
      write("cold" + std::to_string(next_id));
    }
    run_actors();
  }

  void expect_all() {
    for (const auto& [key, value] : expected)
      ASSERT_EQ(read_back(key), value) << key;
  }

  std::uint64_t next_id = 1;
  std::map<std::string, std::string> expected;
};

TEST_F(SparseCompactionTest, ReadsOnlyWhatLives) {
  open(sync_mode::none, 2, segment_bytes);
  overwrite(600);
  EXPECT_GT(compactor_figure("compacted_segments"), 10u);
  EXPECT_GT(compactor_figure("compaction_copied_bytes"), 0u);
  EXPECT_LT(compactor_figure("compaction_judged_records"), 30'000u / 5);
  expect_all();
  close();
  open(sync_mode::none, 3, segment_bytes);
  expect_all();
}

// Goal: an index that one turn cannot look through is looked through in parts.
TEST_F(SparseCompactionTest, SearchesALargeIndexInParts) {
  open(sync_mode::none, 1, segment_bytes);
  for (int key = 0; key < 15'000; ++key)
    write("old" + std::to_string(key));
  const auto before = compactor_figure("compaction_judged_records");
  overwrite(900);
  EXPECT_GT(compactor_figure("compacted_segments"), 5u);
  EXPECT_LT(compactor_figure("compaction_judged_records") - before,
            45'000u / 5);
  expect_all();
}

// Goal: where the index is so large that the search costs more than it saves,
// the segments are read.
TEST_F(SparseCompactionTest, ReadsAllWhereThatIsCheaper) {
  open(sync_mode::none, 1, segment_bytes);
  for (int key = 0; key < 20'000; ++key)
    write("old" + std::to_string(key));
  const auto before = compactor_figure("compaction_judged_records");
  // Thirty records fill a segment.
  overwrite(60, 2000);
  EXPECT_GT(compactor_figure("compacted_segments"), 10u);
  EXPECT_GT(compactor_figure("compaction_judged_records") - before,
            25 * compactor_figure("compacted_segments"));
  expect_all();
}

// Goal: a tombstone that has to stay is found, though no index knows it.
TEST_F(SparseCompactionTest, KeepsTombstonesThatAreNeeded) {
  open(sync_mode::none, 1, segment_bytes);
  // What is deleted lies in segments that nobody rewrites.
  for (int key = 0; key < 15'000; ++key)
    write("old" + std::to_string(key));
  overwrite(20);
  for (int key = 0; key < 15'000; key += 500) {
    evaluate(session, make(operation_kind::erase, next_id++,
                           "old" + std::to_string(key)));
    expected.erase("old" + std::to_string(key));
  }
  overwrite(900);
  ASSERT_GT(compactor_figure("compacted_segments"), 5u);
  // The index of the next start knows nothing but the records.
  caf_compat::tell_anon(writer, sync_now{session, {next_id++, 0}});
  run_actors();
  auto left = files->crash(test_support::crash_policy::lose_unsynced, 1);
  close();
  files = left;
  open(sync_mode::none, 1, segment_bytes);
  for (int key = 0; key < 15'000; key += 500)
    EXPECT_EQ(read_back("old" + std::to_string(key)), "<absent>");
  expect_all();
}

} // namespace
} // namespace kvs::actors
