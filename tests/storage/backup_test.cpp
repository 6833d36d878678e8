// Goal: a backup is whole or none, and shares what it can (docs/backup.md).

#include "tests/storage/backup_fixture.hpp"
#include "tests/support/watched_file_system.hpp"

#include <cerrno>

namespace kvs::storage {
namespace {

using test_support::crash_policy;
using test_support::disk_call;
using test_support::memory_file_system;
using testing::contents;
using testing::mini_store;

class BackupTest : public testing::backup_fixture {};

// Goal: what did not change since takes no space, whether it was linked or
// copied the first time.
TEST_F(BackupTest, SharesFilesWithAnEarlierOne) {
  make_store();
  ASSERT_TRUE(back_up("backups/first", {}, true));
  {
    auto opened = mini_store::open(disk, {});
    ASSERT_TRUE(opened);
    add_segments(**opened, 1);
  }
  const auto before = disk->used_bytes();
  auto second = back_up("backups/second", "backups/first", true);
  ASSERT_TRUE(second) << to_string(second.error());
  EXPECT_EQ(second->kept, 3u);
  EXPECT_EQ(second->copied, 1u);
  EXPECT_LT(disk->used_bytes() - before, second->bytes / 2);
  EXPECT_EQ(damages_of("backups/second"), 0u);
  // It stands for itself when the earlier one is gone.
  for (const auto& name : files_in("backups/first"))
    ASSERT_TRUE(disk->unlink("backups/first/" + name));
  ASSERT_TRUE(restore("backups/second", "restored"));
  EXPECT_EQ(contents_of("restored"), made);
}

// Goal: rot in an earlier backup does not spread to later ones.
TEST_F(BackupTest, KeepsNothingThatRotted) {
  make_store();
  ASSERT_TRUE(back_up("backups/first", {}, true));
  disk->flip_bit("backups/first/000002.log", 200, 3);
  EXPECT_EQ(damages_of("backups/first"), 1u);
  auto second = back_up("backups/second", "backups/first");
  ASSERT_TRUE(second);
  EXPECT_EQ(second->kept, 2u);
  EXPECT_EQ(second->linked, 1u);
  EXPECT_EQ(damages_of("backups/second"), 0u);
}

// Goal: the store keeps what compaction drops until the backup has it; no file
// of the earlier backup is read in that time.
TEST_F(BackupTest, TakesFilesOfAnEarlierOneWithoutReadingThem) {
  make_store();
  ASSERT_TRUE(back_up("backups/first", {}, true));
  auto watched = std::make_shared<test_support::watched_file_system>(disk);
  auto writer = begin(watched, "backups/second", "backups/first");
  ASSERT_TRUE(writer);
  std::size_t opened = 0;
  watched->before_open = [&](const std::string&) { ++opened; };
  ASSERT_TRUE(take_all(**writer));
  EXPECT_EQ(opened, 0u);
  // Now compaction may go on.
  for (const char* name : {"000001.log", "000002.log", "000003.log"})
    ASSERT_TRUE(disk->unlink(std::string{"store/"} + name));
  auto report = check_and_finish(**writer);
  ASSERT_TRUE(report) << to_string(report.error());
  EXPECT_EQ(report->kept, 3u);
  EXPECT_EQ(damages_of("backups/second"), 0u);
  ASSERT_TRUE(restore("backups/second", "restored"));
  EXPECT_EQ(contents_of("restored"), made);
}

TEST_F(BackupTest, SaysThatAnEarlierOneHasRottedAndNobodyElseHasTheFile) {
  make_store();
  ASSERT_TRUE(back_up("backups/first", {}, true));
  disk->flip_bit("backups/first/000002.log", 200, 3);
  auto writer = begin(disk, "backups/second", "backups/first");
  ASSERT_TRUE(writer);
  ASSERT_TRUE(take_all(**writer));
  ASSERT_TRUE(disk->unlink("store/000002.log"));
  auto refused = check_and_finish(**writer);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::corrupt);
  EXPECT_NE(refused.error().context.find("backups/first/000002.log: "),
            std::string::npos)
    << refused.error().context;
  (*writer)->abandon();
  EXPECT_FALSE(disk->status("backups/second.incomplete"));
  EXPECT_EQ(files_in("backups/first").size(), 4u);
}

TEST_F(BackupTest, RefusesToBuildOnWhatIsNoBackupOfThisStore) {
  make_store();
  EXPECT_EQ(back_up("backups/b", "backups/none").error().code, errc::not_found);
  auto other = memory_file_system::make();
  std::swap(disk, other);
  make_store();
  ASSERT_TRUE(back_up("backups/other"));
  const auto listing = disk->content("backups/other/BACKUP");
  std::swap(disk, other);
  ASSERT_TRUE(disk->create_directory("backups/other"));
  disk->put_content("backups/other/BACKUP", listing);
  EXPECT_EQ(back_up("backups/b", "backups/other").error().code,
            errc::unusable_directory);
  EXPECT_TRUE(files_in("backups/b").empty());
}

// Goal: what has the name already is left alone, whatever it is.
TEST_F(BackupTest, WritesOnlyWhereNothingIs) {
  make_store();
  ASSERT_TRUE(back_up("backups/b"));
  ASSERT_TRUE(disk->create_directory("backups/empty"));
  ASSERT_TRUE(disk->create_directory("backups/copies"));
  disk->put_content("backups/copies/000001.log", {});
  disk->put_content("backups/file", {});
  known_state = sealed_state();
  const auto before = disk->changes();
  for (const char* name : {"backups/b", "backups/empty", "backups/copies",
                           "backups/file", "store"}) {
    auto refused = back_up(name);
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code, errc::unusable_directory) << name;
    EXPECT_NE(refused.error().context.find("nothing was touched"),
              std::string::npos);
    EXPECT_FALSE(disk->status(std::string{name} + ".incomplete")) << name;
  }
  EXPECT_EQ(disk->changes(), before);
  EXPECT_EQ(damages_of("backups/b"), 0u);
  EXPECT_EQ(contents_of("store"), made);
}

// Goal: remains of a backup whose maker is gone are no obstacle, and are the
// only thing that is ever cleaned away.
TEST_F(BackupTest, TakesRemainsAndNothingElseForItsOwn) {
  make_store();
  ASSERT_TRUE(disk->create_directory("backups/b.incomplete"));
  for (const char* name :
       {"000001.log", "000009.reloc", "BACKUP", "BACKUP.tmp"})
    disk->put_content(std::string{"backups/b.incomplete/"} + name, {});
  disk->put_content("backups/b.incomplete/notes.txt", {});
  const auto before = files_in("backups/b.incomplete");
  EXPECT_EQ(back_up("backups/b").error().code, errc::unusable_directory);
  EXPECT_EQ(files_in("backups/b.incomplete"), before);
  ASSERT_TRUE(disk->unlink("backups/b.incomplete/notes.txt"));
  ASSERT_TRUE(back_up("backups/b"));
  EXPECT_FALSE(disk->status("backups/b.incomplete"));
  EXPECT_EQ(files_in("backups/b").size(), 4u);
  EXPECT_EQ(damages_of("backups/b"), 0u);
}

// Goal: two nodes that were asked for the same name do not take each other's
// files for remains.
TEST_F(BackupTest, TwoNeverMakeOneBackup) {
  make_store();
  auto first = begin(disk, "backups/b");
  ASSERT_TRUE(first);
  ASSERT_TRUE((*first)->take_next());
  auto second = begin(disk, "backups/b");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::locked);
  EXPECT_NE(second.error().context.find("backups/b: a backup of this name is "
                                        "being made"),
            std::string::npos)
    << second.error().context;
  ASSERT_TRUE(run(**first));
  first->reset();
  EXPECT_EQ(begin(disk, "backups/b").error().code, errc::unusable_directory);
  EXPECT_EQ(damages_of("backups/b"), 0u);
}

// Goal: a backup that is given up takes nothing with it that it has not made.
TEST_F(BackupTest, RemovesOnlyWhatItMade) {
  make_store();
  for (const bool copies : {false, true}) {
    auto writer = begin(disk, "backups/b", {}, copies);
    ASSERT_TRUE(writer);
    ASSERT_TRUE((*writer)->take_next());
    disk->put_content("backups/b.incomplete/000002.log", {});
    disk->put_content("backups/b.incomplete/notes.txt", {});
    EXPECT_FALSE((*writer)->take_next());
    (*writer)->abandon();
    EXPECT_EQ(files_in("backups/b.incomplete"),
              (std::vector<std::string>{"000002.log", "notes.txt"}));
    ASSERT_TRUE(disk->unlink("backups/b.incomplete/000002.log"));
    ASSERT_TRUE(disk->unlink("backups/b.incomplete/notes.txt"));
  }
}

TEST_F(BackupTest, ANameThatIsTakenMeanwhileIsLeftAlone) {
  make_store();
  auto writer = begin(disk, "backups/b");
  ASSERT_TRUE(writer);
  ASSERT_TRUE(disk->create_directory("backups/b"));
  disk->put_content("backups/b/BACKUP", {});
  auto refused = run(**writer);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unusable_directory);
  (*writer)->abandon();
  EXPECT_EQ(files_in("backups/b"), std::vector<std::string>{"BACKUP"});
  EXPECT_FALSE(disk->status("backups/b.incomplete"));
}

TEST_F(BackupTest, NoBackupIsMadeInAStoreOrAroundIt) {
  make_store();
  for (const char* root :
       {"store", "store/", "./store", "store/backups", "backups/../store", "."})
    EXPECT_EQ(check_backup_root(*disk, root, "store").error().code,
              errc::unusable_directory)
      << root;
  EXPECT_FALSE(check_backup_root(*disk, "/data", "/data/store"));
  EXPECT_TRUE(check_backup_root(*disk, "backups", "store"));
  EXPECT_TRUE(check_backup_root(*disk, "store-backups", "store"));
  EXPECT_TRUE(check_backup_root(*disk, "/data/backups", "/data/store"));
  // Another way to say "store", which only the disk knows.
  disk->put_content("link/MANIFEST", {});
  EXPECT_EQ(check_backup_root(*disk, "link", "store").error().code,
            errc::unusable_directory);
}

// Goal: damage in the store is not carried on as if it were whole.
TEST_F(BackupTest, RefusesToBackUpDamage) {
  make_store();
  disk->flip_bit("store/000002.log", segment_header_bytes + 40, 1);
  for (const bool copies : {false, true}) {
    auto refused = back_up("backups/b", {}, copies);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::corrupt);
    EXPECT_NE(refused.error().context.find("store/000002.log offset "),
              std::string::npos)
      << refused.error().context;
    EXPECT_TRUE(files_in("backups/b").empty());
  }
}

// Goal: a backup is no store, so that nobody writes to it.
TEST_F(BackupTest, NoNodeOpensABackup) {
  make_store();
  ASSERT_TRUE(back_up("backups/b"));
  recovery_options how;
  how.directory = "backups/b";
  auto opened = open_store(disk, how);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().context.find("restore"), std::string::npos);
}

// Goal: whatever fails on the way, there is a whole backup or none, and the
// next try succeeds; nothing of it harms the store.
TEST_F(BackupTest, AFailedCallLeavesNoHalfBackup) {
  make_store();
  known_state = sealed_state();
  const auto whole = disk;
  for (const disk_call call :
       {disk_call::open, disk_call::create, disk_call::read, disk_call::write,
        disk_call::sync, disk_call::rename, disk_call::sync_directory,
        disk_call::list, disk_call::status, disk_call::unlink})
    for (const int os_error : {EIO, ENOSPC, EMFILE})
      for (std::uint64_t nth = 1; nth < 14; ++nth) {
        disk = whole->restart();
        disk->fail(call, nth, os_error);
        const auto report = back_up(*disk, "backups/b", {}, true);
        disk->stop_failing();
        if (!report) {
          EXPECT_FALSE(disk->status("backups/b"));
          ASSERT_TRUE(back_up("backups/b")) << "the second time";
        }
        EXPECT_EQ(damages_of("backups/b"), 0u);
        EXPECT_EQ(contents_of("store"), made);
      }
}

TEST_F(BackupTest, AFullDiskIsSaidAndLeavesNothing) {
  make_store();
  disk->limit_space(disk->used_bytes() + 1500);
  auto refused = back_up("backups/b", {}, true);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::no_space);
  EXPECT_TRUE(files_in("backups/b").empty());
  EXPECT_FALSE(disk->status("backups/b")) << "its directory is gone, too";
  // Links need none.
  auto linked = back_up("backups/b");
  ASSERT_TRUE(linked);
  EXPECT_EQ(linked->linked, 3u);
}

TEST_F(BackupTest, WhatCannotBeLinkedIsCopied) {
  make_store();
  disk->fail(disk_call::link, 1, EXDEV, true);
  auto report = back_up("backups/b");
  ASSERT_TRUE(report);
  EXPECT_EQ(report->copied, 3u);
  EXPECT_EQ(damages_of("backups/b"), 0u);
}

// Goal: a power cut leaves a whole backup or none, also when the kernel writes
// in an order of its own.
TEST_F(BackupTest, APowerCutLeavesNoHalfBackup) {
  make_store();
  known_state = sealed_state();
  const auto whole = disk;
  std::size_t finished = 0;
  for (const bool copies : {false, true})
    for (const crash_policy policy : test_support::all_crash_policies)
      for (std::uint64_t point = 1;; ++point) {
        auto running = whole->restart();
        disk = running;
        const auto before = running->changes();
        running->power_off_at(point);
        const auto report = back_up(*running, "backups/b", {}, copies);
        const bool is_over = running->changes() - before < point;
        disk = running->crash(policy, point);
        EXPECT_TRUE(!report || disk->status("backups/b"));
        if (disk->status("backups/b")) {
          auto verified = verify_backup(*disk, "backups/b", {});
          ASSERT_TRUE(verified) << "half of it has the name";
          EXPECT_TRUE(verified->damages.empty())
            << "point " << point << " policy " << static_cast<int>(policy);
          ASSERT_TRUE(restore("backups/b", "restored"));
          EXPECT_EQ(contents_of("restored"), made);
          ++finished;
        } else {
          ASSERT_TRUE(back_up("backups/b"));
        }
        EXPECT_EQ(contents_of("store"), made);
        if (is_over)
          break;
      }
  EXPECT_GT(finished, 14u);
}

} // namespace
} // namespace kvs::storage
