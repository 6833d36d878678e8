/// Calls of commands on their way through the store.
#pragma once

#include "actors/program.hpp"
#include "actors/resp/publisher.hpp"
#include "actors/value_update.hpp"
#include "protocol/byte_buffer.hpp"
#include "protocol/resp/commands.hpp"
#include "storage/clock.hpp"
#include "storage/key_hash.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace kvs::actors::resp {

using protocol::resp::command_spec;

/// A command and its arguments, whose bytes `memory` owns.
struct call {
  const command_spec* spec = nullptr;
  std::vector<std::string_view> args;
  memory_owner memory;
  int version = 2;
  bool wants_events = false;
  protocol::resp::execution_limits limits;
};

/// What a command has replied, and what is told about it.
struct call_result {
  protocol::byte_buffer reply;
  std::vector<key_event> events;
};

/// Whether Redis tells this event behind the reply to the command.
bool comes_after_reply(const call& what, const key_event& event);

/// Whether a call needs the value of a key that it only gives another expiry:
/// its record is written anew.
bool rewrites_value(const call& what);

/// A command on one key, evaluated by its SHARD. Its result is a
/// `call_result`.
class call_update final : public value_update {
public:
  explicit call_update(call what);
  bool needs_value() const override;
  std::uint64_t growth_bytes() const override;
  bool copies_value() const override;
  update_outcome apply(const key_state& before, storage::timestamp_ms now,
                       protocol::pacer& pace) const override;

private:
  call what_;
};

/// Runs a command that only reads on a key that has been read.
call_result read_with(const call& what, const answer& found,
                      const memory_owners& memory, storage::timestamp_ms now,
                      protocol::pacer& pace);

/// What a session remembers of a watched key.
struct watch {
  std::string key;
  storage::key_hash hash = 0;
  storage::sequence_number version = 0;
  storage::sequence_number evaluated_at = 0;
};

/// Commands on several keys, one after the other, on what the earlier ones
/// have left.
class call_program final : public program {
public:
  using finished = std::function<void(const failure&, call_program&)>;

  /// Commands without handler get no reply here. `tell` is called once, from
  /// `done`.
  call_program(std::vector<call> calls, std::vector<watch> watches,
               const std::shared_ptr<const storage::key_hasher>& hash,
               std::shared_ptr<const storage::clock> clock, finished tell);

  std::vector<operation> run(protocol::pacer& pace) override;
  void done(const failure& error, storage::sequence_number version) override;

  const std::vector<call>& calls() const {
    return calls_;
  }
  /// One per call; only known when done.
  std::vector<protocol::byte_buffer>& replies() {
    return replies_;
  }
  /// As the replies.
  std::vector<std::vector<key_event>>& events() {
    return events_;
  }
  /// Measure from now on how long each call takes.
  void measure() {
    is_measured_ = true;
  }
  /// 0 if that was not measured.
  std::chrono::steady_clock::duration took(std::size_t call) const {
    return is_measured_ ? took_[call] : std::chrono::steady_clock::duration{};
  }
  /// A watched key has changed: nothing was done.
  bool is_aborted() const {
    return aborted_;
  }

private:
  void add_keys(const call& what);
  void add_key(std::string_view key, key_use use);
  bool watches_hold() const;

  std::vector<call> calls_;
  std::vector<watch> watches_;
  std::shared_ptr<const storage::key_hasher> hash_;
  std::shared_ptr<const storage::clock> clock_;
  finished tell_;
  std::vector<protocol::byte_buffer> replies_;
  std::vector<std::vector<key_event>> events_;
  std::vector<memory_owners> written_memory_;
  std::vector<std::chrono::steady_clock::duration> took_;
  bool is_measured_ = false;
  bool aborted_ = false;
  bool too_large_ = false;
};

/// Begins to watch keys: looks them up.
class watch_program final : public program {
public:
  using finished
    = std::function<void(const failure&, std::vector<watch> found)>;
  watch_program(std::vector<std::string> names, const storage::key_hasher& hash,
                finished tell);
  std::vector<operation> run(protocol::pacer& pace) override;
  void done(const failure& error, storage::sequence_number version) override;

private:
  std::vector<std::string> names_;
  finished tell_;
};

} // namespace kvs::actors::resp
