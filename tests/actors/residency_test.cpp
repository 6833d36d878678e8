// Goal: recent segments are read where they lie in memory, within a limit, and
// nobody looks at what is gone.

#include "actors/residency.hpp"

#include "tests/actors/store_fixture.hpp"

#include <cerrno>

namespace kvs::actors {
namespace {

using test_support::disk_call;

class ResidencyTest : public store_fixture {
protected:
  static constexpr std::uint64_t segment_bytes = 64 * 1024;

  void open_resident(std::uint64_t segments_max) {
    resident_bytes_max = segments_max * segment_bytes;
    open(sync_mode::none, 2, segment_bytes);
  }

  /// Writes more than `count` segments of keys, each of them once.
  void fill(std::size_t count) {
    const std::string value(1000, 'v');
    for (std::size_t i = 0; i < count * 66; ++i)
      write("key" + std::to_string(i), value);
  }

  void write(const std::string& key, const std::string& value) {
    put(session, next_id_++, key, value);
    run_actors();
  }

  /// Reads of files that `what` has caused.
  template <class Function>
  std::uint64_t reads_of(Function what) {
    auto before = files->calls(disk_call::read);
    what();
    return files->calls(disk_call::read) - before;
  }

  std::uint64_t next_id_ = 1;
};

TEST_F(ResidencyTest, ReadsNoFileWhereASegmentIsResident) {
  open_resident(8);
  fill(2);
  EXPECT_EQ(files->mappings(), 3u);
  EXPECT_EQ(reads_of([this] {
              EXPECT_EQ(value_of("key3").size(), 1000u);
              EXPECT_EQ(value_of("absent"), "<absent>");
              write("key4", "new");
            }),
            0u);
  EXPECT_EQ(value_of("key4"), "new");
}

// Goal: what was written after the last step is read from the file.
TEST_F(ResidencyTest, ReadsTheNewestRecordsAsBefore) {
  open_resident(8);
  write("key", "value");
  EXPECT_EQ(reads_of([this] { EXPECT_EQ(value_of("key"), "value"); }), 1u);
}

TEST_F(ResidencyTest, DropsTheOldestSegmentForANewOne) {
  open_resident(2);
  fill(5);
  EXPECT_EQ(files->mappings(), 2u);
  EXPECT_EQ(value_of("key3").size(), 1000u);
  EXPECT_EQ(reads_of([this] { EXPECT_EQ(value_of("key3").size(), 1000u); }),
            1u);
}

TEST_F(ResidencyTest, LooksAwayFromRewrittenSegments) {
  open_resident(16);
  fill(3);
  for (int i = 0; i < 198; i += 2)
    write("key" + std::to_string(i), "new");
  caf_compat::tell_anon(compactor, compact_store{session, {1, 0}});
  run_actors();
  EXPECT_FALSE(told->figures.empty());
  auto names = files->list("/store");
  ASSERT_TRUE(names);
  auto logs = std::count_if(names->begin(), names->end(), [](const auto& each) {
    return each.ends_with(".log") || each.ends_with(".reloc");
  });
  EXPECT_LE(files->mappings(), static_cast<std::size_t>(logs));
  EXPECT_EQ(reads_of([this] {
              for (int i = 1; i < 150; i += 2)
                EXPECT_EQ(value_of("key" + std::to_string(i)).size(), 1000u);
            }),
            0u)
    << "the relocation segment is resident too";
}

// Goal: a limit of the system costs speed, nothing else.
TEST_F(ResidencyTest, GoesOnWithoutMemoryThatItMayNotLock) {
  files->fail(disk_call::map, 1, ENOMEM, true);
  open_resident(8);
  fill(2);
  EXPECT_EQ(files->mappings(), 0u);
  EXPECT_EQ(value_of("key3").size(), 1000u);
  files->stop_failing();
  fill(3);
  EXPECT_EQ(files->mappings(), 0u) << "it is not tried again";
}

TEST_F(ResidencyTest, KeepsWhatItCouldLock) {
  open_resident(8);
  fill(2);
  files->fail(disk_call::map, 1, ENOMEM);
  fill(5);
  EXPECT_EQ(files->mappings(), 2u);
  EXPECT_EQ(reads_of([this] { EXPECT_EQ(value_of("key280").size(), 1000u); }),
            0u)
    << "newer segments take the place of older ones";
}

// Goal: an append that failed and was cut off is not looked at.
TEST_F(ResidencyTest, DoesNotLookBehindAFailedAppend) {
  open_resident(8);
  write("before", "value");
  files->fail(disk_call::write, 1, ENOSPC);
  write("lost", std::string(2000, 'x'));
  write("behind", "value2");
  fill(1);
  EXPECT_EQ(value_of("lost"), "<absent>");
  EXPECT_EQ(value_of("before"), "value");
  EXPECT_EQ(value_of("behind"), "value2");
}

} // namespace
} // namespace kvs::actors
