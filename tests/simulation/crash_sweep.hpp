#pragma once

#include "tests/simulation/world.hpp"

#include <cstdint>
#include <unordered_set>

namespace kvs::simulation {

/// What a sweep has looked at.
struct sweep_counts {
  std::uint64_t points = 0;
  /// Draws of what a crash leaves, those that differ from others of their
  /// point, and starts that were themselves cut off.
  std::uint64_t states = 0;
  std::uint64_t different_states = 0;
  std::uint64_t nested = 0;

  sweep_counts& operator+=(const sweep_counts& other) {
    points += other.points;
    states += other.states;
    different_states += other.different_states;
    nested += other.nested;
    return *this;
  }
};

/// Looks at a disk before every change of a life: what a crash at this moment
/// may leave must be a store that keeps all promises.
class crash_sweep {
public:
  crash_sweep(const profile& how, life& lived, world& of, std::uint64_t seed,
              std::uint64_t states_per_point)
    : how_{how}, life_{lived}, world_{of}, seed_{seed}, states_per_point_{
                                                          states_per_point} {
  }

  /// To be called before the first start.
  void begin();
  /// A crash now.
  void look();
  const sweep_counts& counts() const {
    return counts_;
  }

private:
  void look_at_states();
  void check(const disk_ptr& left, std::size_t first_allowed,
             std::uint64_t seed);
  std::optional<found_store> check_start(const disk_ptr& left,
                                         std::size_t first_allowed,
                                         std::uint64_t seed);
  void check_writes(const disk_ptr& disk, found_store found);
  void check_nested(const disk_ptr& left, std::uint64_t seed);

  const profile& how_;
  life& life_;
  world& world_;
  std::uint64_t seed_;
  std::uint64_t states_per_point_;
  sweep_counts counts_;
  std::unordered_set<std::uint64_t> seen_;
};

} // namespace kvs::simulation
