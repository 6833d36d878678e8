/// What conditional writes do to the value of one key: pure, no actor.
#pragma once

#include "actors/operation.hpp"
#include "actors/value_update.hpp"

#include <cstdint>
#include <span>

namespace kvs::actors {

/// A key as an evaluation sees it.
struct key_state {
  bool present = false;
  storage::sequence_number version = 0;
  storage::timestamp_ms expires_at = 0;
  /// Only meaningful if the value was read; `put` and `erase` do not need it.
  std::span<const std::byte> value;
  std::uint32_t value_crc = 0;
  memory_owner memory;
  /// Free memory right behind the value: an append that fits it copies only
  /// what is new.
  std::span<std::byte> spare;
  /// The operand of the next append lies right behind the value already.
  bool operand_follows = false;
  /// Where increments may write their sum, and who owns it. Optional.
  std::span<std::byte> digits;
  memory_owner digits_memory;
};

/// Bytes that the sum of an increment takes at most.
inline constexpr std::size_t digits_max = 20;

/// Whether `op` looks at the value of a key that is present.
bool needs_value(const operation& op) noexcept;

/// storage::value_checksum(value).
std::uint32_t paced_checksum(std::span<const std::byte> value,
                             protocol::pacer& pace);

/// Applies conditional writes of one key in order, one result for all.
///
/// The versions of changes are not known before the WRITER has numbered the
/// record, so answers carry the number of the change instead and
/// `settle_version` turns it into a version.
class key_evaluation {
public:
  /// `now` is the time that updates go by.
  key_evaluation(key_state start, std::uint64_t value_bytes_max,
                 storage::timestamp_ms now = 0)
    : state_{std::move(start)}, value_bytes_max_{value_bytes_max}, now_{now} {
  }

  /// The answer to `op`; its `version` is settled later. Long work is paced.
  /// @pre the value is known if needs_value(op) and the key is present
  answer apply(const operation& op, protocol::pacer& pace);

  /// The same where values are small.
  answer apply(const operation& op) {
    protocol::pacer unpaced;
    return apply(op, unpaced);
  }

  /// State-changing operations so far.
  std::uint32_t change_count() const noexcept {
    return change_count_;
  }

  /// Whether who watches the key takes it for changed.
  bool is_noticed() const noexcept {
    return is_noticed_;
  }

  /// Whether some operation has made the key; a later one may have erased it.
  bool was_made() const noexcept {
    return was_made_;
  }

  /// The key after all operations.
  const key_state& state() const noexcept {
    return state_;
  }

  /// Turns the change number in `reply.version` into the version, given the
  /// number of the combined record.
  void settle_version(answer& reply,
                      storage::sequence_number last) const noexcept;

private:
  bool condition_holds(const operation& op) const noexcept;
  void change(const operation& op, answer& reply, protocol::pacer& pace);
  void put(const operation& op);
  void increment(const operation& op, answer& reply);
  void append(const operation& op, answer& reply, protocol::pacer& pace);
  void join(std::span<const std::byte> more, protocol::pacer& pace);
  void update(const operation& op, answer& reply, protocol::pacer& pace);
  void replace_value(memory_owner memory, std::span<const std::byte> value,
                     std::uint32_t crc);
  void count_change(answer& reply, bool is_noticed = true);
  /// What an answer reports as version: the number of the latest change with
  /// this bit set, a plain version without it.
  static constexpr std::uint64_t change_bit = std::uint64_t{1} << 63;

  key_state state_;
  std::uint64_t value_bytes_max_;
  storage::timestamp_ms now_;
  std::uint32_t change_count_ = 0;
  bool is_noticed_ = false;
  bool was_made_ = false;
};

} // namespace kvs::actors
