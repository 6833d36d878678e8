#pragma once

#include "tests/simulation/world.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Stores at rest, of which bits flip.
namespace kvs::simulation {

/// The tests divide the bits of a store among them.
inline constexpr std::uint64_t rot_parts = 8;

enum class rest : std::uint8_t {
  /// The log has fallen idle, and the process has died.
  idle,
  /// It was stopped in order.
  closed,
};

/// The files of a store with their sizes. Bits are counted through all of them.
struct rotting_files {
  std::vector<std::pair<std::string, std::uint64_t>> files;
  std::uint64_t bytes = 0;

  explicit rotting_files(test_support::memory_file_system& disk);
  std::pair<std::string, std::uint64_t> place_of(std::uint64_t byte) const;
};

/// Of 64 KiB at least.
struct resting_store {
  profile how;
  disk_ptr disk;
  /// Every key, and what a reader gets; nullopt: nothing.
  std::vector<std::pair<std::string, std::optional<std::string>>> keys;
  storage::timestamp_ms now = 0;
};

resting_store make_resting_store(std::uint64_t seed, rest state);

/// Which bits a part of a test flips.
struct chosen_bits {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t step = 1;
};
chosen_bits choose_bits(const rotting_files& all, std::uint64_t part,
                        std::uint64_t one_in);

/// How many stores there are to rot.
std::uint64_t stores_to_rot();

/// How a key is read.
using reading = std::function<storage::result<std::optional<std::string>>(
  const std::string& key)>;

/// Reads every key: nothing wrong comes, nothing is missing. A read may fail.
/// Returns how many have.
std::uint64_t expect_nothing_wrong(const resting_store& store,
                                   const reading& get);

} // namespace kvs::simulation
