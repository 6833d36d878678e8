#include "tests/simulation/script.hpp"

#include <numeric>
#include <random>

namespace kvs::simulation {
namespace {

using storage::testing::batch_operation;

/// In the order of step_kind.
constexpr std::array<unsigned, step_kinds> ordinary{40, 6, 14, 8, 0, 6, 10,
                                                    3,  2, 4,  2, 1, 1, 1};

profile make(const char* name, std::array<unsigned, step_kinds> weights) {
  profile made;
  made.name = name;
  made.weights = weights;
  return made;
}

std::vector<profile> make_profiles() {
  std::vector<profile> all;
  all.push_back(make("ordinary", ordinary));
  all.push_back(
    make("overwrites", {80, 0, 0, 0, 0, 2, 10, 4, 0, 6, 0, 0, 1, 0}));
  all.back().key_count = 3;
  all.push_back(make("deletes", {30, 0, 40, 4, 0, 2, 8, 6, 0, 10, 0, 1, 1, 0}));
  all.push_back(make("batches", {10, 0, 5, 60, 0, 2, 10, 3, 0, 5, 0, 1, 1, 1}));
  all.push_back(
    make("expiries", {15, 40, 5, 4, 0, 15, 8, 4, 1, 8, 20, 2, 2, 1}));
  all.push_back(make("flushes", {40, 5, 5, 5, 8, 2, 8, 4, 0, 8, 1, 1, 1, 1}));
  all.push_back(make("syncs", {30, 2, 10, 5, 0, 1, 50, 2, 4, 2, 0, 0, 1, 1}));
  all.push_back(
    make("segments", {40, 3, 10, 5, 0, 2, 8, 25, 2, 12, 1, 1, 1, 1}));
  all.push_back(make("restarts", {40, 5, 10, 5, 1, 2, 8, 4, 2, 5, 3, 8, 8, 6}));
  all.push_back(
    make("collisions", {40, 5, 16, 8, 1, 4, 10, 4, 1, 6, 2, 1, 1, 1}));
  all.back().hash_bits = 2;
  all.back().key_count = 12;
  all.push_back(
    make("large values", {30, 4, 10, 6, 0, 2, 10, 3, 1, 5, 1, 1, 1, 1}));
  all.back().value_bytes_max = 20'000;
  all.back().segment_bytes = 64 * storage::kibibyte;
  all.push_back(make("shards", {40, 6, 14, 16, 2, 6, 10, 3, 2, 5, 3, 2, 2, 1}));
  all.back().shard_count = 3;
  return all;
}

class script_writer {
public:
  script_writer(const profile& how, std::uint64_t seed)
    : how_{how}, random_{seed} {
  }

  step next() {
    step made;
    made.what = draw_kind();
    switch (made.what) {
      case step_kind::put_expiring:
        // Some are in the past already.
        made.expires_in_ms = static_cast<std::int64_t>(below(4000)) - 500;
        [[fallthrough]];
      case step_kind::put:
        made.changes = {{key(), value()}};
        made.is_hurried = hurries();
        break;
      case step_kind::erase:
        made.changes = {{key(), std::nullopt}};
        break;
      case step_kind::batch:
        made.changes = batch();
        made.is_hurried = hurries();
        break;
      case step_kind::look:
        for (int i = 0; i < 3; ++i)
          made.changes.push_back({key(), std::nullopt});
        break;
      case step_kind::compact:
        if (below(3) != 0)
          made.segment_number = below(1000);
        break;
      case step_kind::wait:
        made.clock_step_ms = static_cast<std::int64_t>(below(3000));
        break;
      case step_kind::stop:
      case step_kind::kill:
      case step_kind::power_cut:
        made.clock_step_ms = static_cast<std::int64_t>(below(20'000)) - 10'000;
        break;
      default:
        break;
    }
    return made;
  }

private:
  std::uint64_t below(std::uint64_t end) {
    return random_() % end;
  }
  bool hurries() {
    return below(1000) < how_.hurry;
  }

  step_kind draw_kind() {
    const auto sum
      = std::accumulate(how_.weights.begin(), how_.weights.end(), 0U);
    auto left = below(sum);
    std::size_t kind = 0;
    while (left >= how_.weights[kind])
      left -= how_.weights[kind++];
    return static_cast<step_kind>(kind);
  }

  std::string key() {
    return "key" + std::to_string(below(how_.key_count));
  }

  /// Its number makes it a value that nobody else writes.
  std::string value() {
    const std::string number = std::to_string(++values_);
    return number + std::string(below(how_.value_bytes_max), 'v');
  }

  std::vector<batch_operation> batch() {
    std::vector<batch_operation> made;
    const auto count = 2 + below(4);
    for (std::uint64_t i = 0; i < count; ++i)
      if (below(4) == 0)
        made.push_back({key(), std::nullopt});
      else
        made.push_back({key(), value()});
    return made;
  }

  const profile& how_;
  std::mt19937_64 random_;
  std::uint64_t values_ = 0;
};

} // namespace

const std::vector<profile>& profiles() {
  static const std::vector<profile> all = make_profiles();
  return all;
}

std::vector<step> make_script(const profile& how, std::uint64_t seed,
                              std::size_t steps) {
  script_writer writer{how, seed};
  std::vector<step> script;
  while (script.size() < steps)
    script.push_back(writer.next());
  return script;
}

} // namespace kvs::simulation
