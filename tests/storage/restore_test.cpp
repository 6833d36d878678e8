// Goal: a restored store is the one that was backed up, or none, and gives out
// numbers of its own (docs/backup.md).

#include "tests/storage/backup_fixture.hpp"
#include "tests/support/watched_file_system.hpp"

#include <cerrno>
#include <set>

namespace kvs::storage {
namespace {

using test_support::crash_policy;
using test_support::disk_call;
using testing::contents;
using testing::mini_store;
using testing::minute;
using testing::year_2026;

class RestoreTest : public testing::backup_fixture {};

TEST_F(RestoreTest, ARestoredStoreIsTheOneThatWasBackedUp) {
  make_store();
  for (const bool copies : {false, true}) {
    const std::string name = copies ? "backups/copies" : "backups/links";
    auto report = back_up(name, {}, copies);
    ASSERT_TRUE(report) << to_string(report.error());
    EXPECT_EQ(report->segments, 3u);
    EXPECT_EQ(report->linked, copies ? 0u : 3u);
    EXPECT_EQ(report->copied, copies ? 3u : 0u);
    EXPECT_EQ(damages_of(name), 0u);
    const std::string to = copies ? "restored/1" : "restored/2";
    auto restored = restore(name, to);
    ASSERT_TRUE(restored) << to_string(restored.error());
    EXPECT_EQ(restored->segments, 3u);
    EXPECT_EQ(restored->records, made.size());
    EXPECT_EQ(contents_of(to), made);
  }
}

TEST_F(RestoreTest, AnEmptyStoreHasABackupToo) {
  ASSERT_TRUE(mini_store::open(disk, {}));
  ASSERT_TRUE(back_up("backups/empty"));
  ASSERT_TRUE(restore("backups/empty", "restored"));
  EXPECT_EQ(contents_of("restored"), contents{});
}

// Goal: every bit of a backup is covered.
TEST_F(RestoreTest, FindsEveryFlippedBit) {
  make_store();
  ASSERT_TRUE(back_up("backups/b", {}, true));
  const auto whole = disk;
  for (const auto& name : files_in("backups/b")) {
    const std::string path = "backups/b/" + name;
    const auto size = whole->content(path).size();
    for (std::uint64_t offset = 0; offset < size; offset += 7) {
      disk = whole->restart();
      disk->flip_bit(path, offset, static_cast<unsigned>(offset % 8));
      auto verified = verify_backup(*disk, "backups/b", {});
      EXPECT_TRUE(!verified || !verified->damages.empty())
        << path << " offset " << offset;
      ASSERT_FALSE(restore("backups/b", "restored"))
        << path << " offset " << offset;
      for (const auto& left : files_in("restored"))
        EXPECT_EQ(left, "LOCK");
    }
  }
}

TEST_F(RestoreTest, NamesWhatIsMissingOrTooShort) {
  make_store();
  ASSERT_TRUE(back_up("backups/b", {}, true));
  auto bytes = disk->content("backups/b/000001.log");
  bytes.pop_back();
  disk->put_content("backups/b/000001.log", bytes);
  ASSERT_TRUE(disk->unlink("backups/b/000003.log"));
  auto verified = verify_backup(*disk, "backups/b", {});
  ASSERT_TRUE(verified);
  ASSERT_EQ(verified->damages.size(), 2u);
  EXPECT_EQ(verified->damages[0].file, "backups/b/000001.log");
  EXPECT_EQ(verified->damages[1].file, "backups/b/000003.log");
  auto restored = restore("backups/b", "restored");
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().code, errc::corrupt);
}

// Goal: one bad file does not hide another.
TEST_F(RestoreTest, GoesOnBehindAFileThatCannotBeRead) {
  make_store();
  ASSERT_TRUE(back_up("backups/b", {}, true));
  disk->flip_bit("backups/b/000003.log", 300, 1);
  for (const disk_call call : {disk_call::open, disk_call::read}) {
    disk->fail(call, 2, EIO); // The first one is for the listing.
    auto verified = verify_backup(*disk, "backups/b", {});
    disk->stop_failing();
    ASSERT_TRUE(verified) << to_string(verified.error());
    EXPECT_EQ(verified->segments, 3u);
    ASSERT_EQ(verified->damages.size(), 2u);
    EXPECT_EQ(verified->damages[0].file, "backups/b/000001.log");
    EXPECT_NE(to_string(verified->damages[0]).find("Input/output error"),
              std::string::npos)
      << to_string(verified->damages[0]);
    EXPECT_EQ(verified->damages[1].file, "backups/b/000003.log");
  }
}

// Goal: of two restores to one place, one is refused and does no harm.
TEST_F(RestoreTest, TwoRestoresDoNotTakeEachOthersFiles) {
  make_store();
  ASSERT_TRUE(back_up("backups/b"));
  auto watched = std::make_shared<test_support::watched_file_system>(disk);
  // Between the look at the directory and its lock another one comes and goes.
  watched->before_lock = [&](const std::string&) {
    ASSERT_TRUE(restore("backups/b", "restored"));
  };
  auto refused
    = restore_backup(watched, "backups/b", "restored", year_2026, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unusable_directory);
  EXPECT_EQ(contents_of("restored"), made);
}

TEST_F(RestoreTest, ANewerFormatIsRefused) {
  make_store();
  ASSERT_TRUE(back_up("backups/b"));
  auto bytes = disk->content("backups/b/BACKUP");
  bytes[8] = std::byte{2};
  disk->put_content("backups/b/BACKUP", bytes);
  EXPECT_EQ(verify_backup(*disk, "backups/b", {}).error().code,
            errc::unknown_format);
  EXPECT_EQ(restore("backups/b", "restored").error().code,
            errc::unknown_format);
  EXPECT_EQ(back_up("backups/c", "backups/b").error().code,
            errc::unknown_format);
}

TEST_F(RestoreTest, RestoresOnlyIntoAnEmptyDirectory) {
  make_store();
  ASSERT_TRUE(back_up("backups/b"));
  const auto before = disk->changes();
  auto refused = restore("backups/b", "store");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unusable_directory);
  EXPECT_EQ(disk->changes(), before);
  EXPECT_EQ(contents_of("store"), made);
}

// Goal: no node takes half of a restored store for one.
TEST_F(RestoreTest, APowerCutInARestoreLeavesNoHalfStore) {
  make_store();
  ASSERT_TRUE(back_up("backups/b"));
  disk = disk->crash(crash_policy::lose_unsynced, 1);
  const auto whole = disk;
  for (const crash_policy policy : test_support::all_crash_policies)
    for (std::uint64_t point = 1;; ++point) {
      auto running = whole->restart();
      disk = running;
      const auto before = running->changes();
      running->power_off_at(point);
      (void)restore("backups/b", "restored");
      const bool is_over = running->changes() - before < point;
      disk = running->crash(policy, point);
      if (disk->exists("restored/MANIFEST")) {
        EXPECT_EQ(contents_of("restored"), made)
          << "point " << point << " policy " << static_cast<int>(policy);
      }
      if (is_over)
        break;
    }
}

// Goal: a restored store never gives out a number that the original may have
// given out since the backup was made.
TEST_F(RestoreTest, NumbersOfARestoredStoreAreItsOwn) {
  make_store();
  ASSERT_TRUE(back_up("backups/b"));
  std::set<sequence_number> seen;
  for (int start = 0; start < 100; ++start) {
    recovery_options how;
    how.directory = "store";
    auto opened = open_store(disk, how);
    ASSERT_TRUE(opened);
    seen.insert(opened->last_sequence + 1);
  }
  for (int restored = 0; restored < 3; ++restored) {
    // The times differ by a minute, and each store is started ten times.
    const auto now = year_2026 + (1000 + restored * 20) * minute;
    const std::string to = "restored/" + std::to_string(restored);
    ASSERT_TRUE(restore_backup(disk, "backups/b", to, now, {}));
    for (int start = 0; start < 10; ++start) {
      recovery_options how;
      how.directory = to;
      auto opened = open_store(disk, how);
      ASSERT_TRUE(opened);
      EXPECT_TRUE(seen.insert(opened->last_sequence + 1).second);
    }
  }
}

TEST_F(RestoreTest, TheEpochOfARestoredStoreOnlyRises) {
  EXPECT_EQ(epoch_of_restored(7, 0), 8u);
  EXPECT_EQ(epoch_of_restored(7, year_2026 - 1), 8u);
  EXPECT_EQ(epoch_of_restored(7, year_2026 + 100 * minute), 100u);
  EXPECT_EQ(epoch_of_restored(700, year_2026 + 100 * minute), 701u);
  // A clock that is far ahead leaves half of the epochs.
  EXPECT_EQ(epoch_of_restored(7, ~timestamp_ms{0}), 1u << 23);
}

} // namespace
} // namespace kvs::storage
