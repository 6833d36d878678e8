#include "tests/simulation/bit_rot.hpp"

#include "tests/simulation/seeded_random.hpp"
#include "tests/support/proof.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace kvs::simulation {
namespace {

constexpr std::uint64_t store_bytes_min = 64 * storage::kibibyte;

profile rotting_profile() {
  profile how;
  how.name = "bit rot";
  how.key_count = 48;
  how.value_bytes_max = 900;
  how.segment_bytes = 8 * storage::kibibyte;
  how.weights = {40, 3, 12, 8, 0, 0, 6, 1, 2, 2, 1, 0, 0, 0};
  return how;
}

} // namespace

rotting_files::rotting_files(test_support::memory_file_system& disk) {
  const auto names = disk.list(store_directory);
  for (const std::string& name : *names) {
    const std::string path = std::string{store_directory} + "/" + name;
    files.emplace_back(path, disk.content(path).size());
    bytes += files.back().second;
  }
}

std::pair<std::string, std::uint64_t>
rotting_files::place_of(std::uint64_t byte) const {
  auto at = files.begin();
  while (byte >= at->second)
    byte -= (at++)->second;
  return {at->first, byte};
}

resting_store make_resting_store(std::uint64_t seed, rest state) {
  resting_store made;
  made.how = rotting_profile();
  seed_the_store(seed);
  const auto lived = make_storage_world(made.how);
  life script_life{*lived, made.how};
  EXPECT_TRUE(script_life.start(test_support::memory_file_system::make()));
  made.disk = script_life.disk();
  for (const step& next : make_script(made.how, seed, 2000)) {
    EXPECT_TRUE(script_life.run(next));
    if (made.disk->used_bytes() > store_bytes_min)
      break;
  }
  step last;
  for (const step_kind what : {step_kind::sync, step_kind::rest}) {
    last.what = what;
    EXPECT_TRUE(script_life.run(last));
  }
  if (state == rest::closed) {
    EXPECT_EQ(lived->stop(), step_result::done);
  }
  made.now = lived->now();
  const auto seen = visible_at(script_life.expected().newest(), made.now);
  for (unsigned i = 0; i < made.how.key_count; ++i) {
    const std::string key = "key" + std::to_string(i);
    const auto found = seen.find(key);
    made.keys.emplace_back(
      key, found == seen.end() ? std::nullopt : std::optional{found->second});
  }
  made.disk = made.disk->crash(test_support::crash_policy::keep_everything, 0);
  EXPECT_GE(rotting_files{*made.disk}.bytes, store_bytes_min);
  return made;
}

chosen_bits choose_bits(const rotting_files& all, std::uint64_t part,
                        std::uint64_t one_in) {
  const std::uint64_t bits = all.bytes * 8;
  const std::uint64_t fewer
    = std::max<std::uint64_t>(1, 100 / test_support::amount(100));
  chosen_bits chosen{bits * part / rot_parts, bits * (part + 1) / rot_parts,
                     one_in * fewer};
  if (const auto only = test_support::only_step()) {
    const bool is_here = *only >= chosen.begin && *only < chosen.end;
    chosen.begin = is_here ? *only : chosen.end;
    chosen.end = is_here ? *only + 1 : chosen.end;
  }
  return chosen;
}

std::uint64_t stores_to_rot() {
  return std::max<std::uint64_t>(1, test_support::amount(100) / 100);
}

std::uint64_t expect_nothing_wrong(const resting_store& store,
                                   const reading& get) {
  std::uint64_t failures = 0;
  for (const auto& [key, wanted] : store.keys) {
    const auto value = get(key);
    if (!value)
      ++failures;
    else if (!wanted)
      EXPECT_FALSE(*value) << key << " is back: " << (*value)->substr(0, 12);
    else if (!*value)
      ADD_FAILURE() << key << " is missing";
    else
      EXPECT_EQ(**value, *wanted) << key;
  }
  return failures;
}

} // namespace kvs::simulation
