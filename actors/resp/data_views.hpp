/// How the commands of RESP see the keys that an actor holds: as their
/// keyspace.
#pragma once

#include "actors/key_state.hpp"
#include "actors/program.hpp"
#include "actors/resp/publisher.hpp"
#include "protocol/resp/commands.hpp"
#include "storage/key_hash.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <optional>
#include <string>
#include <vector>

namespace kvs::actors::resp {

/// One key, as a SHARD evaluates it or as a session has read it.
class single_key_view final : public protocol::resp::keyspace {
public:
  single_key_view(std::string_view key, const key_state& state,
                  storage::timestamp_ms now, std::vector<key_event>* events);

  const protocol::resp::found_value* find(std::string_view key) override;
  void put(std::string_view key, protocol::resp::shared_bytes value,
           std::int64_t expires_at_ms) override;
  void expire(std::string_view key, std::int64_t expires_at_ms) override;
  void erase(std::string_view key) override;
  std::uint64_t size() override;
  void
  for_each_key(const std::function<void(std::string_view)>& visit) override;
  void clear() override;
  std::int64_t now_ms() override;
  void notify(protocol::resp::event_class kind, std::string_view event,
              std::string_view key) override;

  /// What has happened to the key.
  update_outcome outcome() const;

private:
  std::string_view key_;
  storage::timestamp_ms now_;
  std::vector<key_event>* events_;
  bool present_;
  bool changed_ = false;
  bool replaced_ = false;
  protocol::resp::found_value found_;
};

/// All keys of a program; changes stay here until they are taken as writes.
class program_view final : public protocol::resp::keyspace {
public:
  program_view(const program& from, storage::timestamp_ms now,
               std::vector<key_event>* events);

  const protocol::resp::found_value* find(std::string_view key) override;
  void put(std::string_view key, protocol::resp::shared_bytes value,
           std::int64_t expires_at_ms) override;
  void expire(std::string_view key, std::int64_t expires_at_ms) override;
  void erase(std::string_view key) override;
  std::uint64_t size() override;
  void
  for_each_key(const std::function<void(std::string_view)>& visit) override;
  void clear() override;
  std::int64_t now_ms() override;
  void notify(protocol::resp::event_class kind, std::string_view event,
              std::string_view key) override;

  /// What has changed, as operations. Their bytes belong to the program, to
  /// the view's keys and to `owners`.
  std::vector<operation> writes(const storage::key_hasher& hash,
                                memory_owners& owners) const;

private:
  struct entry {
    bool was_present = false;
    bool present = false;
    bool changed = false;
    storage::key_hash hash = 0;
    protocol::resp::found_value found;
  };
  entry& at(std::string_view key);

  const program& from_;
  storage::timestamp_ms now_;
  std::vector<key_event>* events_;
  boost::unordered_flat_map<std::string_view, entry> entries_;
  /// Everything that is not in `entries_` has been erased.
  bool cleared_ = false;
};

} // namespace kvs::actors::resp
