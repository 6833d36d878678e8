#pragma once

#include "storage/location.hpp"
#include "tests/storage/mini_store.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// What a store may contain.
namespace kvs::simulation {

struct expected_value {
  std::string value;
  /// 0: never.
  storage::timestamp_ms expires_at = 0;

  bool operator==(const expected_value&) const = default;
};
using expected_keys = std::map<std::string, expected_value>;

/// What one write does to all of them.
struct expected_change {
  bool clears_all = false;
  /// In order; nullopt: the key goes.
  std::vector<std::pair<std::string, std::optional<expected_value>>> keys;
};

/// What a reader sees of it at that time.
storage::testing::contents visible_at(const expected_keys& keys,
                                      storage::timestamp_ms now);

/// Knows every write that was tried, in the order of the log, and which of
/// them were promised. States are numbered: state n is what the first n writes
/// make.
class oracle {
public:
  /// The next write is tried; it makes the next state.
  void attempt(expected_change change);
  /// The write that was to make this state was refused: nothing of it may ever
  /// be seen.
  void withdraw(std::size_t state);

  const expected_keys& newest() const {
    return states_.back();
  }
  std::size_t newest_number() const {
    return states_.size() - 1;
  }

  /// Everything up to this state survives a power cut; the death of the
  /// process.
  void is_durable(std::size_t state);
  void is_acknowledged(std::size_t state);
  std::size_t durable() const {
    return durable_;
  }
  std::size_t acknowledged() const {
    return acknowledged_;
  }

  /// Somebody was told that a key which expires then has done so: no start may
  /// believe an earlier time any more.
  void expiry_was_reported(storage::timestamp_ms expired_at);
  storage::timestamp_ms reported_time() const {
    return reported_time_;
  }

  /// The first state from `first` on that looks like this; nullopt: what was
  /// found never was, or is older than what was promised.
  std::optional<std::size_t> find(const storage::testing::contents& found,
                                  std::size_t first,
                                  storage::timestamp_ms now) const;
  /// What was acknowledged and is not durable may be gone.
  void power_was_cut() {
    acknowledged_ = durable_;
  }
  /// After a start: there is only this state now, and it is durable.
  void settle(std::size_t state);
  /// What of `found` differs from that state, for people.
  std::string difference(const storage::testing::contents& found,
                         std::size_t state, storage::timestamp_ms now) const;

private:
  void make_state(std::size_t number);

  std::vector<expected_keys> states_{expected_keys{}};
  /// What made each of them.
  std::vector<expected_change> changes_{expected_change{}};
  std::size_t durable_ = 0;
  std::size_t acknowledged_ = 0;
  storage::timestamp_ms reported_time_ = 0;
};

} // namespace kvs::simulation
