// The keyspace of the tests.

#include "tests/protocol/resp/support/map_keyspace.hpp"

#include <memory>

namespace kvs::protocol::resp::test {

map_keyspace::entry* map_keyspace::live(std::string_view key) {
  const auto found = entries_.find(key);
  if (found == entries_.end())
    return nullptr;
  auto& entry = found->second;
  if (entry.expires_at_ms == 0 || entry.expires_at_ms > time_ms)
    return &entry;
  entries_.erase(found);
  notify(event_class::expired, "expired", key);
  return nullptr;
}

const found_value* map_keyspace::find(std::string_view key) {
  const auto* entry = live(key);
  if (entry == nullptr)
    return nullptr;
  // A copy for each call: a handler that keeps a view without its owner is
  // found by the sanitizers.
  auto owner = std::make_shared<const std::string>(entry->value);
  const std::string_view view{*owner};
  found_ = {{std::move(owner), view}, entry->expires_at_ms};
  return &found_;
}

void map_keyspace::put(std::string_view key, shared_bytes value,
                       std::int64_t expires_at_ms) {
  entries_.insert_or_assign(std::string{key},
                            entry{std::string{value.bytes}, expires_at_ms});
}

void map_keyspace::expire(std::string_view key, std::int64_t expires_at_ms) {
  entries_.at(std::string{key}).expires_at_ms = expires_at_ms;
}

void map_keyspace::erase(std::string_view key) {
  entries_.erase(std::string{key});
}

std::uint64_t map_keyspace::size() {
  return entries_.size();
}

void map_keyspace::for_each_key(
  const std::function<void(std::string_view)>& visit) {
  std::vector<std::string> keys;
  for (const auto& [key, entry] : entries_)
    keys.push_back(key);
  for (const auto& key : keys) {
    if (live(key) != nullptr)
      visit(key);
  }
}

void map_keyspace::clear() {
  entries_.clear();
}

std::int64_t map_keyspace::now_ms() {
  return time_ms;
}

void map_keyspace::notify(event_class kind, std::string_view event,
                          std::string_view key) {
  std::string line{static_cast<char>(kind)};
  line.append(" ").append(event).append(" ").append(key);
  events.push_back(std::move(line));
}

} // namespace kvs::protocol::resp::test
