#pragma once

#include "tests/storage/mini_store.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What a simulated store is asked to do, step by step.
namespace kvs::simulation {

enum class step_kind : std::uint8_t {
  put,
  put_expiring,
  erase,
  batch,
  flush,
  /// Reads a few keys, which may find out that one has expired.
  look,
  sync,
  /// Goes on in the next segment.
  rotate,
  /// The log falls idle.
  rest,
  /// Rewrites whatever has dead records.
  compact,
  /// Time passes.
  wait,
  /// Stops in order and starts again.
  stop,
  /// The process dies; what the operating system knows is not lost.
  kill,
  /// The power goes; what was not synced is lost.
  power_cut,
};
inline constexpr std::size_t step_kinds = 14;

struct step {
  step_kind what = step_kind::put;
  /// Of put, put_expiring, erase and batch. Of `look`: the keys.
  std::vector<storage::testing::batch_operation> changes;
  /// Of put_expiring: when, seen from now.
  std::int64_t expires_in_ms = 0;
  /// Of `wait`; of the wall clock between two starts, which may go back.
  std::int64_t clock_step_ms = 0;
  /// Of `compact`: everything, or the segment with this number alone, if
  /// segments can be chosen.
  std::optional<std::uint64_t> segment_number;
  /// The next step is asked for before this one is answered.
  bool is_hurried = false;
};

/// A kind of life. The numbers are relative to each other.
struct profile {
  std::string name;
  unsigned key_count = 8;
  unsigned value_bytes_max = 300;
  std::array<unsigned, step_kinds> weights{};
  std::uint64_t segment_bytes = storage::segment_bytes_min;
  std::uint32_t shard_count = 1;
  unsigned hash_bits = 64;
  /// In thousandths.
  unsigned hurry = 300;
};

/// Each has its stress on something else.
const std::vector<profile>& profiles();

/// The same seed makes the same script. Every value is written only once.
std::vector<step> make_script(const profile& how, std::uint64_t seed,
                              std::size_t steps);

} // namespace kvs::simulation
