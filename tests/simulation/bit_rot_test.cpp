// Goal: whatever single bit of a store's files flips, nobody ever reads a
// wrong value, an old one, or a key that was deleted. The store does not open,
// or a read fails, or all is as it was.

#include "tests/simulation/bit_rot.hpp"

#include "tests/simulation/seeded_random.hpp"
#include "tests/simulation/simulated.hpp"
#include "tests/support/proof.hpp"
#include "tests/support/watched_file_system.hpp"

#include <gtest/gtest.h>

#include <iostream>
#include <map>

namespace kvs::simulation {
namespace {

using storage::testing::mini_store;
using test_support::watched_file_system;

mini_store::options options_for(const resting_store& store) {
  mini_store::options chosen;
  chosen.directory = store_directory;
  chosen.segment_bytes = store.how.segment_bytes;
  chosen.shard_count = store.how.shard_count;
  chosen.now = store.now;
  return chosen;
}

/// A store that was opened while nothing was wrong, and the bytes that this
/// start has not looked at: whatever they are, it would be the same store.
class undisturbed_start {
public:
  explicit undisturbed_start(const resting_store& from)
    : disk{from.disk->restart()} {
    for (const auto& [path, bytes] : rotting_files{*disk}.files)
      looked_at_[path].resize(bytes);
    const auto watched = std::make_shared<watched_file_system>(disk);
    watched->before_reading
      = [this](const std::string& path, std::uint64_t offset_bytes,
               std::uint64_t bytes) { note(path, offset_bytes, bytes); };
    auto opened = mini_store::open(watched, options_for(from));
    watched->before_reading = nullptr;
    EXPECT_TRUE(opened);
    store = *std::move(opened);
  }

  bool has_looked_at(const std::string& path, std::uint64_t byte) const {
    return looked_at_.at(path)[byte];
  }

  disk_ptr disk;
  std::unique_ptr<mini_store> store;

private:
  void note(const std::string& path, std::uint64_t offset_bytes,
            std::uint64_t bytes) {
    auto& known = looked_at_[path];
    for (std::uint64_t i = 0; i < bytes && offset_bytes + i < known.size(); ++i)
      known[offset_bytes + i] = true;
  }

  std::map<std::string, std::vector<bool>> looked_at_;
};

class BitRotTest
  : public ::testing::TestWithParam<std::tuple<rest, std::uint64_t>> {
protected:
  /// Calls `rot` with every store.
  template <class Rot>
  void for_each_store(Rot rot) {
    for (std::uint64_t seed = 0; seed < stores_to_rot(); ++seed) {
      if (!test_support::is_wanted(seed) || HasFailure())
        continue;
      seed_ = seed;
      rot(make_resting_store(seed, std::get<0>(GetParam())));
    }
    std::cout << "[ COUNTS   ] flips " << flips_ << ", noticed " << noticed_
              << std::endl;
    EXPECT_TRUE(flips_ > 0 || test_support::only_step());
  }

  /// Calls `flip` with the file, the byte and the bit of every place to flip.
  /// It returns whether anybody has noticed.
  template <class Flip>
  void for_each_bit(const rotting_files& all, std::uint64_t one_in, Flip flip) {
    const auto chosen = choose_bits(all, std::get<1>(GetParam()), one_in);
    for (std::uint64_t bit = chosen.begin; bit < chosen.end;
         bit += chosen.step) {
      const auto [path, byte] = all.place_of(bit / 8);
      ++flips_;
      noticed_ += flip(path, byte, static_cast<unsigned>(bit % 8)) ? 1 : 0;
      if (HasFailure()) {
        ADD_FAILURE() << test_support::how_to_repeat(seed_, bit);
        return;
      }
    }
  }

private:
  std::uint64_t seed_ = 0;
  std::uint64_t flips_ = 0;
  std::uint64_t noticed_ = 0;
};

bool flip_under(const resting_store& store,
                test_support::memory_file_system& disk, const std::string& path,
                std::uint64_t byte, unsigned bit, const reading& get) {
  disk.flip_bit(path, byte, bit);
  const auto failures = expect_nothing_wrong(store, get);
  // It is an error for the key whose record that is, and for nobody else.
  EXPECT_LE(failures, 1U);
  disk.flip_bit(path, byte, bit);
  return failures != 0;
}

bool flip_before_a_start(const resting_store& store, const std::string& path,
                         std::uint64_t byte, unsigned bit) {
  const disk_ptr disk = store.disk->restart();
  disk->flip_bit(path, byte, bit);
  auto opened = mini_store::open(disk, options_for(store));
  if (!opened) {
    const auto code = opened.error().code;
    EXPECT_TRUE(code == storage::errc::corrupt
                || code == storage::errc::unknown_format)
      << to_string(opened.error());
    return true;
  }
  return expect_nothing_wrong(
           store, [&](const std::string& key) { return (*opened)->get(key); })
         != 0;
}

class BitRotStartTest : public BitRotTest {};

// Goal: every bit of the store flips before it is started.
TEST_P(BitRotStartTest, AStartBelievesNothingWrong) {
  for_each_store([this](const resting_store& store) {
    const undisturbed_start usual{store};
    const rotting_files all{*store.disk};
    const auto get
      = [&](const std::string& key) { return usual.store->get(key); };
    ASSERT_EQ(expect_nothing_wrong(store, get), 0U) << "before any bit flips";
    for_each_bit(all, 1, [&](const auto& path, auto byte, unsigned bit) {
      // A start may remove a file that it has looked at.
      if (usual.has_looked_at(path, byte) || !usual.disk->exists(path))
        return flip_before_a_start(store, path, byte, bit);
      return flip_under(store, *usual.disk, path, byte, bit, get);
    });
  });
}

// Goal: bits flip under the real store while it serves reads.
TEST_P(BitRotTest, ARunningStoreServesNothingWrong) {
  for_each_store([this](const resting_store& store) {
    const disk_ptr disk = store.disk->restart();
    const auto running = make_simulated_world(store.how, 0);
    ASSERT_FALSE(running->open(disk, store.now));
    const auto get = [&](const std::string& key) { return running->get(key); };
    ASSERT_EQ(expect_nothing_wrong(store, get), 0U) << "before any bit flips";
    for_each_bit(rotting_files{*disk}, 8,
                 [&](const auto& path, auto byte, unsigned bit) {
                   return flip_under(store, *disk, path, byte, bit, get);
                 });
    running->die();
  });
}

std::string
name_of(const ::testing::TestParamInfo<BitRotTest::ParamType>& info) {
  const auto [state, part] = info.param;
  return (state == rest::idle ? "idle" : "closed") + std::to_string(part);
}

// One of the programs has no parts of it.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BitRotStartTest);
INSTANTIATE_TEST_SUITE_P(
  All, BitRotStartTest,
  ::testing::Combine(::testing::Values(rest::idle, rest::closed),
                     ::testing::Range(std::uint64_t{0}, parts_of_starts)),
  name_of);
INSTANTIATE_TEST_SUITE_P(
  All, BitRotTest,
  ::testing::Combine(::testing::Values(rest::idle, rest::closed),
                     ::testing::Range(std::uint64_t{0}, rot_parts)),
  name_of);

} // namespace
} // namespace kvs::simulation
