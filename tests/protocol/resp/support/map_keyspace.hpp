// A keyspace in memory, for tests.

#pragma once

#include "protocol/resp/keyspace.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace kvs::protocol::resp::test {

/// Keys in a map, a clock that only moves when it is told to, and a record of
/// all notifications as `kind event key`.
class map_keyspace final : public keyspace {
public:
  const found_value* find(std::string_view key) override;
  void put(std::string_view key, shared_bytes value,
           std::int64_t expires_at_ms) override;
  void expire(std::string_view key, std::int64_t expires_at_ms) override;
  void erase(std::string_view key) override;
  std::uint64_t size() override;
  void
  for_each_key(const std::function<void(std::string_view)>& visit) override;
  void clear() override;
  std::int64_t now_ms() override;
  void notify(event_class kind, std::string_view event,
              std::string_view key) override;

  std::int64_t time_ms{1'700'000'000'000};
  std::vector<std::string> events;

private:
  struct entry {
    std::string value;
    std::int64_t expires_at_ms{0};
  };

  /// The entry of a live key; an expired one is dropped.
  entry* live(std::string_view key);

  std::map<std::string, entry, std::less<>> entries_;
  found_value found_;
};

} // namespace kvs::protocol::resp::test
