#include "tests/simulation/oracle.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace kvs::simulation {
namespace {

using storage::timestamp_ms;
using storage::testing::contents;

bool is_visible(const expected_value& value, timestamp_ms now) {
  return value.expires_at == 0 || value.expires_at > now;
}

bool looks_like(const expected_keys& keys, const contents& found,
                timestamp_ms now) {
  auto at = found.begin();
  for (const auto& [key, expected] : keys) {
    if (!is_visible(expected, now))
      continue;
    if (at == found.end() || at->first != key || at->second != expected.value)
      return false;
    ++at;
  }
  return at == found.end();
}

std::string shortened(const std::string& text) {
  return text.substr(0, 12);
}

} // namespace

contents visible_at(const expected_keys& keys, timestamp_ms now) {
  contents seen;
  for (const auto& [key, expected] : keys)
    if (is_visible(expected, now))
      seen[key] = expected.value;
  return seen;
}

void oracle::attempt(expected_change change) {
  changes_.push_back(std::move(change));
  states_.emplace_back();
  make_state(newest_number());
}

void oracle::withdraw(std::size_t state) {
  assert(state > 0 && state < states_.size());
  changes_[state] = {};
  for (std::size_t i = state; i < states_.size(); ++i)
    make_state(i);
}

void oracle::make_state(std::size_t number) {
  const expected_change& change = changes_[number];
  expected_keys& keys = states_[number];
  keys = change.clears_all ? expected_keys{} : states_[number - 1];
  for (const auto& [key, value] : change.keys)
    if (value)
      keys[key] = *value;
    else
      keys.erase(key);
}

void oracle::is_durable(std::size_t state) {
  durable_ = std::max(durable_, state);
  is_acknowledged(state);
}

void oracle::is_acknowledged(std::size_t state) {
  assert(state <= newest_number());
  acknowledged_ = std::max(acknowledged_, state);
}

void oracle::expiry_was_reported(timestamp_ms expired_at) {
  reported_time_ = std::max(reported_time_, expired_at);
}

std::optional<std::size_t>
oracle::find(const contents& found, std::size_t first, timestamp_ms now) const {
  for (std::size_t i = first; i < states_.size(); ++i)
    if (looks_like(states_[i], found, now))
      return i;
  return std::nullopt;
}

void oracle::settle(std::size_t state) {
  states_ = {expected_keys{states_[state]}};
  changes_.resize(1);
  durable_ = 0;
  acknowledged_ = 0;
}

std::string oracle::difference(const contents& found, std::size_t state,
                               timestamp_ms now) const {
  const contents wanted = visible_at(states_[state], now);
  std::string text = "compared with state " + std::to_string(state) + " of "
                     + std::to_string(newest_number()) + ":";
  for (const auto& [key, value] : wanted) {
    const auto at = found.find(key);
    if (at == found.end())
      text += " " + key + "=" + shortened(value) + " is missing;";
    else if (at->second != value)
      text += " " + key + "=" + shortened(at->second) + " instead of "
              + shortened(value) + ";";
  }
  for (const auto& [key, value] : found)
    if (!wanted.contains(key))
      text += " " + key + "=" + shortened(value) + " is there;";
  return text;
}

} // namespace kvs::simulation
