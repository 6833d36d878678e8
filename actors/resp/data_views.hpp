/// How the commands of RESP see the keys that an actor holds: as their
/// keyspace.
#pragma once

#include "actors/key_state.hpp"
#include "actors/program.hpp"
#include "actors/resp/publisher.hpp"
#include "protocol/resp/commands.hpp"
#include "storage/key_hash.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <string>
#include <vector>

namespace kvs::actors::resp {

/// A keyspace of entries, which know what has become of their keys.
class key_view : public protocol::resp::keyspace {
public:
  explicit key_view(storage::timestamp_ms now) : now_{now} {
  }

  /// Where notifications go from now on; nullptr: nowhere.
  void collect(std::vector<key_event>* events) {
    events_ = events;
  }

  const protocol::resp::found_value* find(std::string_view key) final;
  void put(std::string_view key, protocol::resp::shared_bytes value,
           std::int64_t expires_at_ms) final;
  void put_unnoticed(std::string_view key, protocol::resp::shared_bytes value,
                     std::int64_t expires_at_ms) final;
  void expire(std::string_view key, std::int64_t expires_at_ms) final;
  void erase(std::string_view key) final;
  std::uint64_t size() final;
  std::int64_t now_ms() final;
  void notify(protocol::resp::event_class kind, std::string_view event,
              std::string_view key) final;

  /// The values that were put and not replaced since.
  std::uint64_t written_bytes() const {
    return written_bytes_;
  }

protected:
  struct entry {
    bool present = false;
    bool changed = false;
    /// Whether who watches the key takes it for changed.
    bool noticed = false;
    /// It was made, whatever has become of it since.
    bool made = false;
    /// The value, too, is another one.
    bool replaced = false;
    protocol::resp::found_value found;
  };
  /// nullptr: there is no such key.
  virtual entry* find_entry(std::string_view key) = 0;
  virtual entry& make_entry(std::string_view key) = 0;

private:
  storage::timestamp_ms now_;
  std::vector<key_event>* events_ = nullptr;
  std::uint64_t written_bytes_ = 0;
};

/// One key, as a SHARD evaluates it or as a session has read it.
class single_key_view final : public key_view {
public:
  single_key_view(std::string_view key, const key_state& state,
                  storage::timestamp_ms now, std::vector<key_event>* events);

  void
  for_each_key(const std::function<void(std::string_view)>& visit) override;
  void clear() override;

  /// What has happened to the key.
  update_outcome outcome() const;

private:
  entry* find_entry(std::string_view) override {
    return &only_;
  }
  entry& make_entry(std::string_view) override {
    return only_;
  }

  std::string_view key_;
  entry only_;
};

/// All keys of a program; changes stay here until they are taken as writes.
class program_view final : public key_view {
public:
  program_view(const program& from, storage::timestamp_ms now);

  void
  for_each_key(const std::function<void(std::string_view)>& visit) override;
  void clear() override;

  /// What has changed, as operations. Their bytes belong to the program, to
  /// the view's keys and to `owners`.
  std::vector<operation> writes(const storage::key_hasher& hash,
                                memory_owners& owners,
                                protocol::pacer& pace) const;

private:
  struct program_entry : entry {
    bool was_present = false;
    /// When it was read.
    bool was_alive = false;
    storage::key_hash hash = 0;
  };
  entry* find_entry(std::string_view key) override;
  entry& make_entry(std::string_view key) override;

  const program& from_;
  boost::unordered_flat_map<std::string_view, program_entry> entries_;
  /// Everything that is not in `entries_` has been erased.
  bool cleared_ = false;
};

} // namespace kvs::actors::resp
