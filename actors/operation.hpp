/// What a session asks of the store for one key, and what it is told.
///
/// Both listeners decode into these; an actor cannot tell where a request
/// came from. Bytes are borrowed: the message that carries an operation also
/// carries a shared owner of the bytes its views point to.
#pragma once

#include "actors/outcome.hpp"
#include "storage/key_hash.hpp"
#include "storage/location.hpp"
#include "storage/segment.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvs::actors {

/// Keeps borrowed bytes alive.
using memory_owner = std::shared_ptr<const void>;

enum class operation_kind : std::uint8_t {
  // Reads.
  get,
  /// As get, without the value; never touches the disk.
  exists,
  /// As exists. If the key is absent, its shard remembers from now on when it
  /// is made, until `forget_watches`.
  watch,
  /// As exists; `answer::number` is the last record that made the key while
  /// it was watched, 0 if none has.
  watched,
  // Blind or conditional.
  put,
  // Always conditional: an absent key writes nothing.
  erase,
  increment,
  append,
  /// Sets the expiry.
  touch,
  /// Removes the expiry.
  persist,
  /// Whatever `operation::update` says.
  update,
};

enum class write_condition : std::uint8_t {
  none,
  if_absent,
  if_present,
  /// The key's version must equal `operation::expected_version`; 0 is absent.
  if_version,
};

/// Which of a session's requests an operation belongs to.
struct request_ref {
  /// The session's own number.
  std::uint64_t id = 0;
  /// Which part of it, where a request has several keys or shards.
  std::uint32_t part = 0;
};

class value_update;

/// What whoever decided a write knows of it.
struct write_notes {
  /// Who watches the key does not take it for changed.
  bool is_unnoticed = false;
  /// erase: the key was made and erased again in between.
  bool was_made = false;
  /// put: the key was there and had not expired.
  bool was_alive = false;
};

struct operation {
  request_ref ref;
  operation_kind kind = operation_kind::get;
  write_condition condition = write_condition::none;
  storage::key_hash hash = 0;
  std::string_view key;
  std::span<const std::byte> value;
  /// storage::value_checksum(value), computed by whoever had it first.
  std::uint32_t value_crc = 0;
  /// put, touch: 0 is never.
  storage::timestamp_ms expires_at = 0;
  /// With `if_version`.
  storage::sequence_number expected_version = 0;
  /// increment.
  std::int64_t delta = 0;
  write_notes notes{};
  /// update: owned by the message.
  const value_update* update = nullptr;
};

/// A value that was looked up and not read.
struct stored_value {
  storage::segment_ptr segment;
  storage::record_location location;
  std::string key;
};

/// The answer to one operation.
struct answer {
  request_ref ref;
  outcome code = outcome::ok;
  /// Reads: the key exists. Writes: the condition held and it took effect.
  bool applied = false;
  /// erase: there was such a key.
  bool existed = false;
  /// A record of it is in the log: if this answer cannot be given, nobody may
  /// say that nothing happened.
  bool changed = false;
  /// The version after the operation; 0: the key is absent.
  storage::sequence_number version = 0;
  /// 0: never.
  storage::timestamp_ms expires_at = 0;
  /// increment: the sum. append: the new size. count: keys of one shard.
  std::int64_t number = 0;
  /// get: kept alive by the message.
  std::span<const std::byte> value;
  /// get of a large value: where it lies; the session has it read when it has
  /// room for it. The segment stays readable, so it is the value of the moment
  /// of the lookup.
  std::shared_ptr<const stored_value> stored;
  /// update: update_outcome::result.
  std::shared_ptr<const void> result;
  /// Text for people when `code` is not ok; may be null.
  failure_detail detail;
};

/// Owners of everything a message's views point to. Most messages need one.
class memory_owners {
public:
  void add(const memory_owner& owner) {
    if (owner == nullptr || owner == first_)
      return;
    if (first_ == nullptr) {
      first_ = owner;
      return;
    }
    if (rest_ == nullptr)
      rest_ = std::make_shared<std::vector<memory_owner>>();
    if (rest_->empty() || rest_->back() != owner)
      rest_->push_back(owner);
  }

  void add(const memory_owners& others) {
    add(others.first_);
    if (others.rest_ != nullptr)
      for (const auto& owner : *others.rest_)
        add(owner);
  }

  /// Whether both keep the same things alive, as far as a glance tells.
  bool same_as(const memory_owners& other) const noexcept {
    return first_ == other.first_ && rest_ == other.rest_;
  }

private:
  memory_owner first_;
  /// Shared only because messages must be copyable; filled before it is sent.
  std::shared_ptr<std::vector<memory_owner>> rest_;
};

} // namespace kvs::actors
