#pragma once

#include "tests/simulation/world.hpp"

#include <string>

namespace kvs::simulation {

/// One disk error in a life: the `nth` call that can fail like this does, or
/// all from then on.
struct disk_fault {
  std::uint64_t nth = 1;
  int os_error = 0;
  bool for_ever = false;
};

/// Lives as the script says while the disk fails, also while it starts and
/// stops. A step that is refused must leave nothing behind, nothing promised
/// may be lost, and no read may be wrong: checked while it lives, after the
/// death of the process and after a power cut. Differences fail the test.
class faulty_life {
public:
  faulty_life(world& lived, const profile& how, const disk_fault& fault)
    : lived_{lived}, how_{how}, fault_{fault} {
  }

  /// Whether the fault has happened at all.
  bool run(const std::vector<step>& script);

private:
  bool start(storage::timestamp_ms wall_clock);
  bool take(const step& what);
  bool restart(const step& what);
  bool find_state(std::size_t first_allowed);
  void look(const step& what);
  /// What a start finds on the disk, now that it works again.
  void check(const disk_ptr& left, std::size_t first_allowed, const char* what);
  void check_takes_writes();

  world& lived_;
  const profile& how_;
  disk_fault fault_;
  oracle expected_;
  disk_ptr disk_;
  /// There is a store that can be asked.
  bool is_open_ = false;
};

} // namespace kvs::simulation
