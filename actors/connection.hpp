/// CONNECTION: one client.
#pragma once

#include "actors/byte_stream.hpp"
#include "actors/session.hpp"
#include "actors/store.hpp"
#include "protocol/limits.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace kvs::actors {

/// Stop reading, answer what is in flight, then close.
struct drain_connection {};

/// CONNECTION: owns one socket, its buffers, the order of its client's
/// requests and its credits. Never touches a file or the index.
///
/// Order: requests of one client take effect in the order they were sent, per
/// key (request_router.hpp). Replies leave as they come.
/// Large values: they are read, by a READER, when the replies before them have
/// left and the MEMORY BUDGET allows it.
/// Back-pressure: a connection stops reading while too many of its requests
/// are in flight, while too many bytes of replies wait for a slow reader, and
/// while the MEMORY BUDGET keeps it waiting.
/// Failure: bytes that are no request are answered as docs/wire_protocol.md
/// says; a broken socket ends the actor after its requests have been answered
/// by the store, whose answers are then dropped.
using connection_actor = session_actor::extend_with<memory_user_actor>::extend<
  caf_compat::takes<drain_connection>>;

struct connection_limits {
  protocol::decode_limits decode;
  /// A frame that has begun must be complete after this and one second per
  /// `frame_bytes_per_second_min` that have arrived.
  std::chrono::milliseconds frame_timeout{10'000};
  std::uint64_t frame_bytes_per_second_min = std::uint64_t{1} << 20;
  /// A reader that takes nothing for this long is dropped.
  std::chrono::milliseconds write_timeout{30'000};
  /// No request for this long ends the connection; 0: never.
  std::chrono::milliseconds idle_timeout{0};
  std::uint32_t requests_in_flight_max = 256;
  /// … and no more than this many bytes of their keys and values; one request
  /// may exceed it.
  std::uint64_t request_bytes_max = std::uint64_t{4} << 20;
  /// No more requests are read while this many bytes of replies wait.
  std::uint64_t reply_bytes_max = std::uint64_t{4} << 20;
};

struct connection_args {
  std::shared_ptr<byte_stream> stream;
  store_access store;
  connection_limits limits;
  std::string node_name;
  std::string node_version;
};

/// `loop`: the thread of the stream; nullptr: the scheduler (tests).
connection_actor spawn_connection(caf::actor_system& system,
                                  caf_compat::execution_base* loop,
                                  connection_args args);

} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::drain_connection)
