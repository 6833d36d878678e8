/// How often each command was called, how long it took, how often it failed.
#pragma once

#include "protocol/resp/commands.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace kvs::actors::resp {

/// As in INFO commandstats.
struct command_count {
  std::uint64_t calls = 0;
  /// From when it was read until its reply left.
  std::chrono::nanoseconds took{};
  /// Refused before they were run, or queued.
  std::uint64_t rejected = 0;
  /// Replied to with an error.
  std::uint64_t failed = 0;

  bool is_zero() const noexcept {
    return calls + rejected + failed == 0;
  }
};

/// Clients use few commands, and mostly the same one again.
class command_counters {
public:
  using spec = protocol::resp::command_spec;
  using entry = std::pair<const spec*, command_count>;

  command_count& of(const spec& what) {
    if (last_ >= all_.size() || all_[last_].first != &what)
      last_ = place_of(what);
    return all_[last_].second;
  }
  void add(const command_counters& other) {
    for (const auto& [what, count] : other.all_) {
      auto& sum = of(*what);
      sum.calls += count.calls;
      sum.took += count.took;
      sum.rejected += count.rejected;
      sum.failed += count.failed;
    }
  }
  /// `earlier`: what was counted until some time before.
  void subtract(const command_counters& earlier) {
    for (const auto& [what, count] : earlier.all_) {
      auto& left = of(*what);
      left.calls -= std::min(left.calls, count.calls);
      left.took -= std::min(left.took, count.took);
      left.rejected -= std::min(left.rejected, count.rejected);
      left.failed -= std::min(left.failed, count.failed);
    }
    std::erase_if(all_, [](const auto& each) { return each.second.is_zero(); });
  }
  /// In no order.
  const std::vector<entry>& all() const noexcept {
    return all_;
  }

private:
  std::size_t place_of(const spec& what) {
    auto it = std::find_if(all_.begin(), all_.end(), [&](const auto& each) {
      return each.first == &what;
    });
    if (it == all_.end())
      it = all_.insert(it, {&what, command_count{}});
    return static_cast<std::size_t>(it - all_.begin());
  }

  std::vector<entry> all_;
  std::size_t last_ = 0;
};

} // namespace kvs::actors::resp
