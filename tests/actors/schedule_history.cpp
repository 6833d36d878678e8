#include "tests/actors/schedule_history.hpp"

#include <algorithm>
#include <utility>

namespace kvs::actors {

void schedule_history::add(model_step step) {
  steps_.emplace(step.version, std::move(step));
}

model_state schedule_history::state_at(storage::sequence_number version) const {
  model_state state;
  for (const auto& [each, step] : steps_) {
    if (each > version)
      break;
    apply(state, step);
  }
  return state;
}

std::optional<storage::sequence_number> schedule_history::prefix_of(
  const std::map<std::string, std::string>& found,
  const std::map<std::string, storage::sequence_number>& versions,
  storage::sequence_number first, storage::timestamp_ms now) const {
  model_state state;
  auto has_versions = [&] {
    return std::ranges::all_of(versions, [&](const auto& each) {
      return state[each.first].version == each.second;
    });
  };
  storage::sequence_number reached = 0;
  for (auto it = steps_.begin();; ++it) {
    auto is_enough = it == steps_.end() || it->first > first;
    if (is_enough && visible(state, now) == found && has_versions())
      return reached;
    if (it == steps_.end())
      return std::nullopt;
    apply(state, it->second);
    reached = it->first;
  }
}

std::string schedule_history::text_from(storage::sequence_number first) const {
  auto text = text_of(visible(state_at(first), 0));
  for (auto it = steps_.upper_bound(first); it != steps_.end(); ++it) {
    text += "\n" + std::to_string(it->first);
    if (it->second.flushes)
      text += " flush";
    for (const auto& change : it->second.changes)
      text += " " + change.key
              + (change.what == model_change::kind::erase ? " erased"
                                                          : "=" + change.value)
              + (change.expires_at == 0
                   ? ""
                   : " until " + std::to_string(change.expires_at));
  }
  return text;
}

void schedule_history::cut_behind(storage::sequence_number version) {
  steps_.erase(steps_.upper_bound(version), steps_.end());
}

void apply(model_state& state, const model_step& step) {
  using kind = model_change::kind;
  if (step.flushes)
    state.clear();
  // A batch has the number of its last record.
  auto version = step.version - step.changes.size();
  for (const auto& change : step.changes) {
    auto& slot = state[change.key];
    slot.version = ++version;
    switch (change.what) {
      case kind::put:
        slot.value = change.value;
        slot.expires_at = change.expires_at;
        break;
      case kind::append:
        slot.value += change.value;
        break;
      case kind::increment:
        slot.value
          = std::to_string((slot.value.empty() ? 0 : std::stoll(slot.value))
                           + std::stoll(change.value));
        break;
      case kind::erase:
        state.erase(change.key);
        break;
    }
  }
}

std::string text_of(const std::map<std::string, std::string>& contents) {
  std::string text;
  for (const auto& [key, value] : contents)
    text += key + "=" + value.substr(0, value.find('.')) + " ";
  return text;
}

std::map<std::string, std::string> visible(const model_state& state,
                                           storage::timestamp_ms now) {
  std::map<std::string, std::string> found;
  for (const auto& [key, each] : state)
    if (each.expires_at == 0 || each.expires_at > now)
      found.emplace(key, each.value);
  return found;
}

} // namespace kvs::actors
