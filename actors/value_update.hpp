/// A change of one key's value that a session has thought of: how commands
/// beyond those of `operation_kind` are evaluated by a SHARD.
#pragma once

#include "actors/operation.hpp"
#include "protocol/pacer.hpp"
#include "storage/location.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace kvs::actors {

struct key_state;

/// What an update does to its key, and what the session wants to remember of
/// it.
struct update_outcome {
  enum class change : std::uint8_t { none, put_value, erase_key };
  change what = change::none;
  /// put: the value stays as it was; only the expiry changes.
  bool keeps_value = false;
  /// Who watches the key does not take it for changed.
  bool is_unnoticed = false;
  /// put: the value otherwise, and its owner unless the operation owns it.
  std::span<const std::byte> value;
  memory_owner memory;
  storage::timestamp_ms expires_at = 0;
  /// For the session; see answer::result.
  std::shared_ptr<const void> result;
};

/// Ownership: by the message that carries the operation.
/// Threads: `apply` is called by a SHARD, or by a READER for large values,
/// perhaps several times, and changes nothing of the object.
class value_update {
public:
  virtual ~value_update() = default;
  /// Whether `apply` wants the value of a key that is present.
  virtual bool needs_value() const = 0;
  /// How many bytes more than the value there is its result may take.
  virtual std::uint64_t growth_bytes() const = 0;
  /// Whether `apply` copies the value, for its result or for itself.
  virtual bool copies_value() const = 0;
  /// Long work is paced.
  virtual update_outcome apply(const key_state& before,
                               storage::timestamp_ms now,
                               protocol::pacer& pace) const = 0;
};

} // namespace kvs::actors
