#pragma once

#include "storage/location.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// What a store must hold after any prefix of the writes that took effect.
namespace kvs::actors {

struct model_value {
  std::string value;
  /// 0: never.
  storage::timestamp_ms expires_at = 0;
  /// Of the write that made it.
  storage::sequence_number version = 0;
};

using model_state = std::map<std::string, model_value>;

struct model_change {
  enum class kind { put, erase, append, increment };
  kind what = kind::put;
  std::string key;
  std::string value;
  storage::timestamp_ms expires_at = 0;
};

/// One record of the log, or one batch.
struct model_step {
  storage::sequence_number version = 0;
  std::vector<model_change> changes;
  /// Everything before it is gone.
  bool flushes = false;
};

/// All writes in the order of the log.
class schedule_history {
public:
  void add(model_step step);

  const std::map<storage::sequence_number, model_step>& steps() const {
    return steps_;
  }

  /// After all steps up to `version`.
  model_state state_at(storage::sequence_number version) const;

  /// The prefix of at least all steps up to `first` that looks like `found` at
  /// `now`; nullopt: there is none. `found` has what has not expired, and
  /// `versions` the version of each: two prefixes may hold the same values.
  std::optional<storage::sequence_number>
  prefix_of(const std::map<std::string, std::string>& found,
            const std::map<std::string, storage::sequence_number>& versions,
            storage::sequence_number first, storage::timestamp_ms now) const;

  /// For people: the state at `first` and the steps behind it.
  std::string text_from(storage::sequence_number first) const;

  /// Steps behind `version` never were: a power cut has taken them.
  void cut_behind(storage::sequence_number version);

private:
  std::map<storage::sequence_number, model_step> steps_;
};

void apply(model_state& state, const model_step& step);

/// Without what fills the values.
std::string text_of(const std::map<std::string, std::string>& contents);

std::map<std::string, std::string> visible(const model_state& state,
                                           storage::timestamp_ms now);

} // namespace kvs::actors
