// What the commands need to know of the store.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

namespace kvs::protocol::resp {

/// Bytes and whatever keeps them alive.
struct shared_bytes {
  /// May be null: then the bytes outlive the command, as its arguments do.
  std::shared_ptr<const void> owner;
  std::string_view bytes;
};

struct found_value {
  shared_bytes value;
  /// Milliseconds since 1970; 0 means never.
  std::int64_t expires_at_ms{0};
};

/// The classes of keyspace notifications, by their letter in the setting
/// `notify-keyspace-events`.
enum class event_class : char {
  generic = 'g',
  string = '$',
  expired = 'x',
  new_key = 'n',
  key_miss = 'm',
};

/// The keys of a database, all of them strings, as one command sees and
/// changes them. Every call happens at once: a later call sees its effect.
///
/// The command decides what is changed and which notifications are sent, in
/// the order of Redis; the keyspace hides expired keys, with the notification
/// `expired` for those it drops.
class keyspace {
public:
  keyspace() = default;
  keyspace(const keyspace&) = delete;
  keyspace& operator=(const keyspace&) = delete;
  virtual ~keyspace() = default;

  /// The value of a live key, or null. Valid until the next call; a copy of
  /// its `shared_bytes` is valid as long as the copy.
  virtual const found_value* find(std::string_view key) = 0;

  /// Sets the value and the deadline of a key that may exist.
  virtual void put(std::string_view key, shared_bytes value,
                   std::int64_t expires_at_ms)
    = 0;

  /// The same, but who watches the key does not take it for a change.
  virtual void put_unnoticed(std::string_view key, shared_bytes value,
                             std::int64_t expires_at_ms) {
    put(key, std::move(value), expires_at_ms);
  }

  /// Sets the deadline alone of a live key; 0 means never.
  virtual void expire(std::string_view key, std::int64_t expires_at_ms) = 0;

  /// Removes a live key.
  virtual void erase(std::string_view key) = 0;

  /// How many keys there are; expired ones may count until they are dropped.
  virtual std::uint64_t size() = 0;

  /// Calls `visit` with every live key, in any order. `visit` changes nothing.
  virtual void for_each_key(const std::function<void(std::string_view)>& visit)
    = 0;

  virtual void clear() = 0;

  /// The time by which deadlines are judged, in milliseconds since 1970. Does
  /// not change during a command.
  virtual std::int64_t now_ms() = 0;

  /// A keyspace notification, exactly when Redis 7.0 would send one if its
  /// class were enabled.
  virtual void notify(event_class kind, std::string_view event,
                      std::string_view key)
    = 0;
};

} // namespace kvs::protocol::resp
