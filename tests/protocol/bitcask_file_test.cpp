// The data files of Bitcask.

#include "apps/client/bitcask_file.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace kvs::apps {
namespace {

using namespace std::string_literals;
using status = bitcask_reader::status;

// Written by bitcask 2.1.0: k9 is erased from file 2, then written again.
const std::string written_by_bitcask
  = "\x0b\xa6\x53\x8a\x6b\x03\x37\x51\x00\x02\x00\x00\x00\x16"
    "k9bitcask_tombstone2\x00\x00\x00\x02"
    "\x28\x16\x72\x0b\x6b\x03\x37\x51\x00\x02\x00\x00\x00\x01k9x"s;

constexpr std::size_t tombstone_bytes = 38;

struct reading {
  std::vector<bitcask_record> records;
  std::vector<std::uint64_t> damages;
  std::uint64_t torn_at{0};
  status last{status::end};
};

reading read(const std::string& file, std::uint64_t value_bytes_kept = 100) {
  reading result;
  std::istringstream in{file};
  bitcask_reader reader{in, file.size(), value_bytes_kept};
  for (;;) {
    bitcask_record record;
    result.last = reader.next(record);
    if (result.last == status::record)
      result.records.push_back(record);
    else if (result.last == status::damaged)
      result.damages.push_back(reader.offset());
    else
      break;
  }
  result.torn_at = reader.offset();
  return result;
}

TEST(BitcaskFileTest, ReadsWhatBitcaskHasWritten) {
  const auto result = read(written_by_bitcask);
  EXPECT_EQ(result.last, status::end);
  ASSERT_EQ(result.records.size(), 2u);
  EXPECT_TRUE(result.records[0].is_tombstone());
  EXPECT_EQ(result.records[0].key, "k9");
  EXPECT_EQ(result.records[0].offset, 0u);
  EXPECT_FALSE(result.records[1].is_tombstone());
  EXPECT_EQ(result.records[1].value, "x");
  EXPECT_EQ(result.records[1].offset, tombstone_bytes);
}

TEST(BitcaskFileTest, KeepsNoMoreOfAValueThanAskedFor) {
  const auto result = read(written_by_bitcask, 3);
  ASSERT_EQ(result.records.size(), 2u);
  EXPECT_EQ(result.records[0].value, "bit");
  EXPECT_EQ(result.records[0].value_bytes, 22u);
}

TEST(BitcaskFileTest, KnowsTheMarksOfAllVersions) {
  for (const std::string& value :
       {"bitcask_tombstone"s, "bitcask_tombstone1\0\0\0\1"s,
        "bitcask_tombstone2\0\0\0\1"s})
    EXPECT_TRUE((bitcask_record{"k", value, value.size(), 0}.is_tombstone()));
  for (const std::string& value : {""s, "bitcask_tombston"s, "x"s})
    EXPECT_FALSE((bitcask_record{"k", value, value.size(), 0}.is_tombstone()));
}

// Goal: no end of a file is taken for a record, and none is read over.
TEST(BitcaskFileTest, EveryPrefixIsTornWhereItsLastRecordBegins) {
  for (std::size_t size = 1; size < written_by_bitcask.size(); ++size) {
    const auto result = read(written_by_bitcask.substr(0, size));
    if (size == tombstone_bytes) {
      EXPECT_EQ(result.last, status::end);
      continue;
    }
    EXPECT_EQ(result.last, status::torn) << size;
    EXPECT_EQ(result.torn_at, size < tombstone_bytes ? 0 : tombstone_bytes);
  }
}

TEST(BitcaskFileTest, EveryDamageIsSeen) {
  for (std::size_t i = 0; i < written_by_bitcask.size(); ++i) {
    std::string damaged = written_by_bitcask;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    const auto result = read(damaged);
    EXPECT_LT(result.records.size(), 2u) << i;
    EXPECT_TRUE(!result.damages.empty() || result.last == status::torn) << i;
  }
}

TEST(BitcaskFileTest, GoesOnBehindADamagedRecord) {
  std::string damaged = written_by_bitcask;
  damaged[20] ^= 1;
  auto result = read(damaged);
  EXPECT_EQ(result.damages, std::vector<std::uint64_t>{0});
  ASSERT_EQ(result.records.size(), 1u);
  EXPECT_EQ(result.records[0].value, "x");
  EXPECT_EQ(result.last, status::end);
  // Two in a row: the sizes of the first cannot have been right.
  result = read(std::string(1000, '\0'));
  EXPECT_EQ(result.damages, std::vector<std::uint64_t>{0});
  EXPECT_EQ(result.last, status::torn);
}

class BitcaskDirectoryTest : public testing::Test {
protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "kvs-bitcask-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory = name;
  }

  void TearDown() override {
    std::filesystem::remove_all(directory);
  }

  std::filesystem::path add(const std::string& name) {
    std::ofstream{directory / name} << "12345";
    return directory / name;
  }

  std::filesystem::path directory;
};

TEST_F(BitcaskDirectoryTest, FilesAreSortedByNumber) {
  for (const char* name :
       {"10.bitcask.data", "9.bitcask.data", "9.bitcask.hint", "x.bitcask.data",
        ".bitcask.data", "bitcask.write.lock", "1234567890.bitcask.data"})
    add(name);
  const auto found = list_bitcask_files(directory);
  ASSERT_EQ(found.files.size(), 3u);
  EXPECT_EQ(found.files[0].number, 9u);
  EXPECT_EQ(found.files[0].size_bytes, 5u);
  EXPECT_EQ(found.files[1].number, 10u);
  EXPECT_EQ(found.files[2].number, 1234567890u);
}

TEST_F(BitcaskDirectoryTest, FilesThatWaitForTheirEndAreNotRead) {
  add("1.bitcask.data");
  const auto dead = add("2.bitcask.data");
  std::filesystem::permissions(dead, std::filesystem::perms::others_exec,
                               std::filesystem::perm_options::add);
  const auto found = list_bitcask_files(directory);
  EXPECT_EQ(found.files.size(), 1u);
  EXPECT_EQ(found.dead_files, std::vector{dead});
}

TEST_F(BitcaskDirectoryTest, NoDirectoryIsAnError) {
  EXPECT_NE(list_bitcask_files(directory / "absent").error, "");
}

} // namespace
} // namespace kvs::apps
