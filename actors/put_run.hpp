/// Puts that are appended together, and which of them need no record: pure, no
/// actor.
#pragma once

#include "actors/operation.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace kvs::actors {

/// Puts in their order, as long as their operations live. A put is replaced if
/// a later one of the run has the same key: nobody can see its value, before a
/// crash or after it, if all of the run becomes visible and durable at once.
class put_run {
public:
  /// Puts of one run; a turn stages several if they are small.
  static constexpr std::size_t puts_max = 2048;

  void clear();
  /// @pre fewer than `puts_max` have been added
  void add(const operation& put);

  std::size_t size() const noexcept {
    return puts_.size();
  }
  bool replaces_any() const noexcept {
    return replaced_count_ != 0;
  }
  bool is_replaced(std::size_t at) const noexcept {
    return puts_[at].is_replaced;
  }

private:
  struct put {
    const operation* op = nullptr;
    bool is_replaced = false;
  };
  static constexpr std::size_t cell_count = 2 * puts_max;

  std::vector<put> puts_;
  std::size_t replaced_count_ = 0;
  /// Puts are numbered through all runs, so that a new run need not empty the
  /// cells; 0 is none.
  std::uint64_t first_number_ = 1;
  /// By hash, the numbers of the last puts of keys.
  std::array<std::uint64_t, cell_count> cells_{};
};

} // namespace kvs::actors
