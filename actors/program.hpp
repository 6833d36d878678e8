/// Something that a session does to several keys as if nothing else happened
/// meanwhile. No actor; the session's request router runs it.
#pragma once

#include "actors/operation.hpp"
#include "protocol/pacer.hpp"

#include <string>
#include <vector>

namespace kvs::actors {

/// What a program wants to know of a key.
enum class key_use : std::uint8_t {
  /// Nothing: it only writes it.
  none,
  /// Whether it exists, its version and expiry.
  exists,
  /// As `exists`, and its shard remembers when it is made; see
  /// operation_kind::watch.
  watch,
  /// As `exists`, and what the shard has remembered.
  watched,
  /// As `exists`, and its value.
  value,
};

/// A key of a program, and what it holds.
struct program_key {
  std::string_view key;
  storage::key_hash hash = 0;
  key_use use = key_use::value;

  // Known when `run` is called:
  bool present = false;
  storage::sequence_number version = 0;
  storage::timestamp_ms expires_at = 0;
  std::span<const std::byte> value{};
  /// watched: the last record that made the key while it was watched.
  storage::sequence_number made_at = 0;
  /// The log up to here had been applied when the key was looked up.
  storage::sequence_number evaluated_at = 0;
};

/// PROGRAM: reads keys, decides, writes.
///
/// Order: all its keys are read at one point of the log, and its writes take
/// effect at that point too: the WRITER validates what was read, and on a
/// conflict the program is run again with fresh values, under the progress
/// rule. A program that never writes reads in one cut and is run once.
/// Ownership: the router holds it until `done` has been called; the messages
/// it causes hold it as long as they refer to bytes of it.
class program {
public:
  virtual ~program() = default;

  /// Decides, from what `keys` and `all_keys` hold, what is written, in
  /// order; of two writes to one key only the last may remain. Called again
  /// after a conflict; then nothing of the earlier call has happened.
  /// Values are owned by the program; their checksums are set. For large
  /// values it is a READER that calls it, and long work is paced.
  virtual std::vector<operation> run(protocol::pacer& pace) = 0;

  /// Told once: everything has happened, or nothing has and why.
  virtual void done(const failure& error, storage::sequence_number version) = 0;

  /// May name a key twice if it wants two things of it.
  std::vector<program_key> keys;
  /// Owns the bytes of `keys`.
  memory_owner memory;
  /// Whether `run` may write at all.
  bool writes = true;
  /// Whether one that does not write wants all its reads at one point.
  bool in_one_cut = true;
  /// It reads or changes keys that it does not name.
  bool whole_store = false;
  /// With `whole_store`: all keys that live.
  std::vector<std::string> all_keys;
  /// Keeps the values in `keys` alive.
  memory_owners value_memory;
};

} // namespace kvs::actors
