/// What a SHARD has a READER decide; private to shard*.cpp.
#pragma once

#include "actors/long_work.hpp"
#include "actors/paced_function.hpp"
#include "actors/shard_state.hpp"

#include <utility>
#include <vector>

namespace kvs::actors {

/// What an evaluation does to a large value.
class evaluation_work final : public long_work {
public:
  evaluation_work(const evaluation& current, key_state state,
                  std::uint64_t value_bytes_max, storage::timestamp_ms now)
    : result{std::move(state), value_bytes_max, now} {
    for (const auto& each : current.running) {
      operations_.push_back(each.op);
      memory_.add(each.memory);
    }
  }
  bool step() override {
    return evaluation_.step();
  }

  key_evaluation result;
  std::vector<answer> answers;

private:
  std::vector<operation> operations_;
  /// The shard may stop and let go of the operations meanwhile.
  memory_owners memory_;
  /// The last member: what it refers to must be there while it is unwound.
  paced_function evaluation_{[this](protocol::pacer& pace) {
    for (const auto& each : operations_)
      answers.push_back(result.apply(each, pace));
  }};
};

} // namespace kvs::actors
