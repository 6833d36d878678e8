// Everything a node can answer, free of any wire format.

#pragma once

#include "protocol/requests.hpp"
#include "protocol/status.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace kvs::protocol {

// Every string_view borrows: on the node from whoever encodes, in a client
// from the frame that was received. A `durable_version` says how far the log
// is known to survive a power cut: versions up to it, inclusive, are safe.

/// Answers `hello`.
struct hello_reply {
  std::uint32_t version{1};
  std::uint64_t features{0};
  std::string_view node_name;
  /// Version of the program, such as "0.1.0".
  std::string_view node_version;
  std::uint64_t key_bytes_max{0};
  std::uint64_t value_bytes_max{0};
  std::uint64_t frame_bytes_max{0};
  std::uint64_t batch_operations_max{0};
};

/// Answers `ping`.
struct pong {
  std::string_view payload;
};

/// `value_reply::ttl_ms` of a key that never expires or does not exist.
inline constexpr std::int64_t ttl_none = -1;

/// Answers `get`. Without `found` the other fields say nothing.
struct value_reply {
  bool found{false};
  std::uint64_t version{0};
  /// Remaining life in milliseconds, or `ttl_none`.
  std::int64_t ttl_ms{ttl_none};
  std::string_view value;
};

/// Answers `multi_get`, in the order of the keys.
struct values_reply {
  std::vector<value_reply> values;
};

/// Answers `put`, `touch`, `persist`, `batch`, `transact` and `flush`.
struct write_reply {
  /// False: the condition did not hold, or the key to touch is absent.
  bool applied{false};
  /// The new version if applied, else the current one; 0: the key is absent.
  std::uint64_t version{0};
  std::uint64_t durable_version{0};
};

/// Answers `erase`.
struct erase_reply {
  /// Whether there was such a key.
  bool existed{false};
  /// False: absent, or its version was not the expected one.
  bool applied{false};
  /// Version of the erasure if applied, else the current one or 0.
  std::uint64_t version{0};
  std::uint64_t durable_version{0};
};

/// Answers `exists`.
struct exists_reply {
  bool found{false};
  std::uint64_t version{0};
  /// As in `value_reply`.
  std::int64_t ttl_ms{ttl_none};
};

/// Answers `increment`.
struct increment_reply {
  /// The sum.
  std::int64_t value{0};
  std::uint64_t version{0};
  std::uint64_t durable_version{0};
};

/// Answers `append`.
struct append_reply {
  /// Size of the value now.
  std::uint64_t value_bytes{0};
  std::uint64_t version{0};
  std::uint64_t durable_version{0};
};

/// Answers `scan`.
struct scan_reply {
  /// Cursor of the next call; 0 means that this was the last.
  std::uint64_t next_cursor{0};
  std::vector<std::string_view> keys;
};

/// Answers `count`.
struct count_reply {
  std::uint64_t key_count{0};
};

/// One figure of the node.
struct named_figure {
  std::string name;
  std::string value;
};

/// Answers `stats`, in an order that people can read.
struct stats_reply {
  std::vector<named_figure> figures;
};

/// Answers `sync`.
struct sync_reply {
  std::uint64_t durable_version{0};
};

/// Answers `compact`.
struct compact_reply {
  std::uint64_t segments_rewritten{0};
  /// Size of the store on disk before and after.
  std::uint64_t bytes_before{0};
  std::uint64_t bytes_after{0};
};

/// Answers `backup`.
struct backup_reply {
  std::uint64_t segments{0};
  std::uint64_t bytes{0};
  /// Segments shared with the earlier backup, linked to the store, copied.
  std::uint64_t kept{0};
  std::uint64_t linked{0};
  std::uint64_t copied{0};
  std::uint64_t copied_bytes{0};
  /// The newest version in it.
  std::uint64_t version{0};
};

/// Answers any request that failed.
struct error_reply {
  status code{status::internal};
  /// What was wrong and what did not happen, for people.
  std::string message;
  /// Type of the request, or 0 when it could not even be read.
  std::uint8_t request_type{0};
};

/// Any reply.
using reply
  = std::variant<hello_reply, pong, value_reply, values_reply, write_reply,
                 erase_reply, exists_reply, increment_reply, append_reply,
                 scan_reply, count_reply, stats_reply, sync_reply,
                 compact_reply, backup_reply, error_reply>;

} // namespace kvs::protocol
