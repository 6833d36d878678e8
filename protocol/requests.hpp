// Everything a client can ask for, free of any wire format.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

namespace kvs::protocol {

// Every string_view borrows from the bytes the request was decoded from; the
// owner of those bytes keeps them while the request lives. Versions are the
// sequence numbers of records; 0 is never one and stands for "absent".

/// When a put is to happen.
enum class write_condition : std::uint8_t {
  none = 0,
  if_absent = 1,
  if_present = 2,
  /// Only if the current version equals `put::expected_version`.
  if_version = 3,
};

/// Opens a conversation. Optional, but the only way to learn the limits.
struct hello {
  /// Version of the protocol that the client wants to speak.
  std::uint32_t version{1};
  /// Features that the client understands, one bit each. None exist yet.
  std::uint64_t features{0};
  /// Who is calling, for the log of the node.
  std::string_view name;
};

/// Is answered with the same bytes.
struct ping {
  std::string_view payload;
};

struct get {
  std::string_view key;
};

/// Reads several keys at one point of the log.
struct multi_get {
  std::vector<std::string_view> keys;
};

struct put {
  std::string_view key;
  write_condition condition{write_condition::none};
  /// Meaningful with `if_version` only. 0 there means "is absent".
  std::uint64_t expected_version{0};
  /// Life from now on, in milliseconds; 0 means for ever.
  std::int64_t expiry_ms{0};
  std::string_view value;
};

struct erase {
  std::string_view key;
  /// Erases only this version, if it is set.
  std::optional<std::uint64_t> expected_version;
};

struct exists {
  std::string_view key;
};

/// Adds to a decimal signed 64-bit integer; an absent key counts as 0.
struct increment {
  std::string_view key;
  std::int64_t delta{1};
};

/// Adds bytes behind the value; an absent key counts as empty.
struct append {
  std::string_view key;
  std::string_view value;
};

/// Sets the expiry of a key that exists.
struct touch {
  std::string_view key;
  /// Life from now on, in milliseconds; at least 1.
  std::int64_t ttl_ms{1};
};

/// Takes the expiry away.
struct persist {
  std::string_view key;
};

enum class operation_kind : std::uint8_t { put = 0, erase = 1 };

/// One write of a batch. With `erase`, expiry is 0 and value is empty.
struct operation {
  operation_kind kind{operation_kind::put};
  std::string_view key;
  /// As in `put`.
  std::int64_t expiry_ms{0};
  std::string_view value;
};

/// Applies all operations in order or none; of two on one key the later wins.
struct batch {
  std::vector<operation> operations;
};

/// A key and the version the client saw; 0 means it saw no such key.
struct observed_key {
  std::string_view key;
  std::uint64_t version{0};
};

/// Applies all writes if no key of `reads` has another version by now.
struct transact {
  std::vector<observed_key> reads;
  std::vector<operation> writes;
};

/// Lists keys. Every key that exists during the whole scan is returned at
/// least once.
struct scan {
  /// 0 at the beginning, then `scan_reply::next_cursor`.
  std::uint64_t cursor{0};
  /// About how many keys to return; the node clamps it.
  std::uint32_t count_hint{100};
  /// Only keys that begin with this.
  std::string_view prefix;
};

/// Counts the keys at one point of the log.
struct count {};

/// Asks for named figures of the node.
struct stats {};

/// Makes everything written so far durable.
struct sync {};

/// Starts a compaction and waits for it.
struct compact {};

/// Erases the whole store.
struct flush {};

/// Makes a backup of the store and waits for it.
struct backup {
  /// A directory on the machine of the node, where that allows backups.
  std::string_view to;
  /// An earlier one that it may share files with; empty: none.
  std::string_view earlier;
  /// Copy what could be linked.
  bool copies{false};
};

/// Any request. The order of the alternatives is the order of the frozen type
/// numbers of the native protocol, which begin with 1.
using request = std::variant<hello, ping, get, multi_get, put, erase, exists,
                             increment, append, touch, persist, batch, transact,
                             scan, count, stats, sync, compact, flush, backup>;

/// Type numbers of the native protocol; frozen.
enum class request_type : std::uint8_t {
  hello = 1,
  ping = 2,
  get = 3,
  multi_get = 4,
  put = 5,
  erase = 6,
  exists = 7,
  increment = 8,
  append = 9,
  touch = 10,
  persist = 11,
  batch = 12,
  transact = 13,
  scan = 14,
  count = 15,
  stats = 16,
  sync = 17,
  compact = 18,
  flush = 19,
  backup = 20,
};

/// Number of request types, whose numbers are 1 to this one.
inline constexpr std::uint8_t request_type_count = std::variant_size_v<request>;

static_assert(request_type_count
              == static_cast<std::uint8_t>(request_type::backup));

/// Returns the type number of `r`.
inline request_type type_of(const request& r) {
  return static_cast<request_type>(r.index() + 1);
}

/// Returns whether a request of type `type` may change the store. After a
/// lost connection the outcome of such a request is unknown.
constexpr bool is_write(request_type type) {
  switch (type) {
    case request_type::put:
    case request_type::erase:
    case request_type::increment:
    case request_type::append:
    case request_type::touch:
    case request_type::persist:
    case request_type::batch:
    case request_type::transact:
    case request_type::flush:
      return true;
    default:
      return false;
  }
}

} // namespace kvs::protocol
