#include "storage/file_system.hpp"
#include "tests/storage/mini_store.hpp"

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <thread>

namespace kvs::storage {
namespace {

using testing::bytes_of;
using testing::mini_store;
using testing::text_of;

class PosixFileSystemTest : public ::testing::Test {
protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "kvs-posix-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root = name;
  }
  void TearDown() override {
    std::filesystem::remove_all(root);
  }

  std::shared_ptr<file> create(const std::string& name) {
    auto created = files->open(root + "/" + name, open_mode::create);
    EXPECT_TRUE(created);
    return created ? *created : nullptr;
  }
  std::string path(const std::string& name) const {
    return root + "/" + name;
  }
  static result<ok> write(file& target, std::uint64_t at,
                          std::string_view text) {
    const auto part = bytes_of(text);
    return target.write_at(at, {&part, 1});
  }

  std::shared_ptr<file_system> files = posix_file_system();
  std::string root;
};

TEST_F(PosixFileSystemTest, WritesManyPartsOneBehindTheOther) {
  auto target = create("f");
  std::string expected;
  std::vector<std::string> texts;
  for (int i = 0; i < 3000; ++i)
    texts.push_back(i % 7 == 0 ? std::string{} : std::to_string(i));
  std::vector<std::span<const std::byte>> parts;
  for (const std::string& text : texts) {
    parts.push_back(bytes_of(text));
    expected += text;
  }
  ASSERT_TRUE(target->write_at(3, parts));
  std::vector<std::byte> read(expected.size() + 10);
  EXPECT_EQ(*target->read_at(3, read), expected.size());
  read.resize(expected.size());
  EXPECT_EQ(text_of(read), expected);
  EXPECT_TRUE(target->sync());
}

TEST_F(PosixFileSystemTest, ResidentReadsGiveWhatIsInMemory) {
  auto target = create("f");
  ASSERT_TRUE(write(*target, 0, "0123456789"));
  std::vector<std::byte> four(4);
  auto read = target->read_resident_at(3, four);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, 4U);
  EXPECT_EQ(text_of(four), "3456");
  read = target->read_resident_at(8, four);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, 2U);
  EXPECT_EQ(text_of(four), "8956");
}

TEST_F(PosixFileSystemTest, AllocatedSpaceReadsAsZeros) {
  auto target = create("f");
  ASSERT_TRUE(target->allocate(8192));
  std::vector<std::byte> bytes(100, std::byte{1});
  auto read = target->read_at(0, bytes);
  ASSERT_TRUE(read);
  EXPECT_TRUE(std::all_of(bytes.begin(), bytes.begin() + long(*read),
                          [](std::byte b) { return b == std::byte{0}; }));
  ASSERT_TRUE(target->truncate(10));
  EXPECT_EQ(*target->size_bytes(), 10u);
}

TEST_F(PosixFileSystemTest, ErrorsSayWhatTheCallerReactsTo) {
  EXPECT_EQ(files->open(root + "/x", open_mode::read_only).error().code,
            errc::not_found);
  EXPECT_EQ(files->unlink(root + "/x").error().code, errc::not_found);
  create("y");
  EXPECT_EQ(files->open(root + "/y", open_mode::create).error().os_error,
            EEXIST);
  EXPECT_EQ(files->create_directory(root + "/y/below").error().code,
            errc::unusable_directory);
  EXPECT_EQ(files->create_directory(root + "/y").error().code,
            errc::unusable_directory);
}

TEST_F(PosixFileSystemTest, DoesNotFollowSymbolicLinks) {
  create("y");
  std::filesystem::create_symlink("y", root + "/link");
  EXPECT_FALSE(files->open(root + "/link", open_mode::read_write));
}

TEST_F(PosixFileSystemTest, SaysWhatIsAtAPath) {
  using what = path_status::kind;
  create("file");
  ASSERT_EQ(::symlink(path("file").c_str(), path("link").c_str()), 0);
  ASSERT_EQ(::symlink(root.c_str(), path("way").c_str()), 0);
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(files->status(path("file"))->what, what::file);
  EXPECT_EQ(files->status(path("link"))->what, what::symbolic_link);
  EXPECT_EQ(files->status(path("way/"))->what, what::symbolic_link);
  EXPECT_EQ(files->status(path("pipe"))->what, what::other);
  EXPECT_EQ(files->status(root)->what, what::directory);
  EXPECT_TRUE(files->status(path("file"))->is_own);
  EXPECT_TRUE(files->status(path("file"))->is_writable);
  EXPECT_EQ(files->status(path("file"))->owner, ::geteuid());
  EXPECT_EQ(files->status(path("none")).error().code, errc::not_found);
  EXPECT_EQ(files->status(root + "/file/none").error().code,
            errc::unusable_directory);
}

TEST_F(PosixFileSystemTest, LinksFilesAndRemovesDirectories) {
  create("file");
  ASSERT_TRUE(files->link(path("file"), path("other")));
  ASSERT_TRUE(files->unlink(path("file")));
  EXPECT_TRUE(files->open(path("other"), open_mode::read_only));
  EXPECT_FALSE(files->link(path("other"), path("other")));
  EXPECT_EQ(files->link(path("none"), path("new")).error().code,
            errc::not_found);
  ASSERT_TRUE(files->create_directory(path("folder")));
  ASSERT_TRUE(files->rename(path("other"), path("folder/other")));
  EXPECT_FALSE(files->remove_directory(path("folder"))) << "it is not empty";
  ASSERT_TRUE(files->unlink(path("folder/other")));
  EXPECT_TRUE(files->remove_directory(path("folder")));
  EXPECT_EQ(files->remove_directory(path("folder")).error().code,
            errc::not_found);
}

TEST_F(PosixFileSystemTest, FilesAreForTheirOwnerOnly) {
  ASSERT_TRUE(files->create_directory(root + "/a/b"));
  auto made = files->open(root + "/a/b/f", open_mode::create);
  ASSERT_TRUE(made);
  struct stat status {};
  ASSERT_EQ(::stat((root + "/a/b/f").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  ASSERT_EQ(::stat((root + "/a/b").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
}

TEST_F(PosixFileSystemTest, ListsRenamesAndUnlinks) {
  create("a");
  create("b");
  ASSERT_TRUE(files->rename(root + "/a", root + "/c"));
  ASSERT_TRUE(files->unlink(root + "/b"));
  EXPECT_TRUE(files->sync_directory(root));
  auto names = files->list(root);
  ASSERT_TRUE(names);
  EXPECT_EQ(*names, std::vector<std::string>{"c"});
  EXPECT_GT(*files->free_bytes(root), 0u);
}

TEST_F(PosixFileSystemTest, ALockExcludesAndNamesItsHolder) {
  const std::string path = root + "/LOCK";
  auto lock = files->lock(path);
  ASSERT_TRUE(lock);
  auto second = files->lock(path);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::locked);
  EXPECT_NE(second.error().context.find(std::to_string(::getpid())),
            std::string::npos);
  lock->reset();
  EXPECT_TRUE(files->lock(path));
}

// Goal: whoever removes the lock file it holds, as a backup does, lets no two
// in that have opened it before.
TEST_F(PosixFileSystemTest, ALockOfAFileThatIsGoneIsNone) {
  const std::string path = root + "/LOCK";
  std::atomic<int> holders{0};
  std::atomic<int> most{0};
  auto work = [&] {
    for (int i = 0; i < 20'000; ++i) {
      auto lock = files->lock(path);
      if (!lock)
        continue;
      const int now = ++holders;
      if (now > most)
        most = now;
      std::this_thread::yield();
      --holders;
      EXPECT_TRUE(files->unlink(path));
    }
  };
  std::thread other{work};
  work();
  other.join();
  EXPECT_EQ(most, 1);
}

// Goal: what the lock file says never decides (bitcask #163).
TEST_F(PosixFileSystemTest, ALockFileWithNonsenseDoesNotPreventTheStart) {
  std::ofstream{root + "/LOCK"} << "not a number";
  EXPECT_TRUE(files->lock(root + "/LOCK"));
}

TEST_F(PosixFileSystemTest, ReportsThatNoDescriptorIsLeft) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = 0;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  auto opened = files->open(root + "/f", open_mode::create);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, errc::too_many_files);
}

// Goal: the same store on a real disk: everything is there after reopening.
TEST_F(PosixFileSystemTest, CarriesAStore) {
  mini_store::options options;
  options.directory = root + "/store";
  testing::contents expected;
  for (int round = 0; round < 3; ++round) {
    auto opened = mini_store::open(files, options);
    ASSERT_TRUE(opened) << to_string(opened.error());
    mini_store& store = **opened;
    EXPECT_EQ(*store.all(), expected);
    for (int i = 0; i < 200; ++i) {
      const std::string key = "key" + std::to_string(i % 50);
      const std::string value(static_cast<std::size_t>(i * 37 % 900), 'v');
      ASSERT_TRUE(store.put(key, value));
      expected[key] = value;
    }
    ASSERT_TRUE(store.put("large", std::string(300'000, 'l')));
    expected["large"] = std::string(300'000, 'l');
    ASSERT_TRUE(store.sync());
    ASSERT_TRUE(store.compact(true));
    EXPECT_EQ(*store.all(), expected);
  }
}

} // namespace
} // namespace kvs::storage
