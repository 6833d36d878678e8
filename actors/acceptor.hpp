/// ACCEPTOR: one listener.
#pragma once

#include "actors/connection.hpp"
#include "storage/result.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace kvs::actors {

/// Accept nobody any more and drain every connection; answered when the last
/// one is gone.
struct stop_listening {};

struct listening_stopped {};

/// Close what has not drained by itself.
struct abort_connections {};

/// ACCEPTOR: owns one listening socket and knows its connections. Never looks
/// at their bytes.
///
/// Order: connections are dealt out to the loops in turn.
/// Failure: when no file descriptor is left it pauses for 100 ms instead of
/// spinning; above `clients_max` a client is told so and closed.
using acceptor_actor = caf::typed_actor<
  caf_compat::rpc<stop_listening>::returns<listening_stopped>,
  caf_compat::takes<abort_connections>>;

/// What the ACCEPTOR leaves to the protocol.
struct session_maker {
  /// Spawns the CONNECTION of one client; `number` is larger than any before,
  /// `local` the address that the client has called.
  std::function<connection_actor(
    caf::actor_system&, caf_compat::execution_base* loop, connection_args,
    std::uint64_t number, const std::string& local)>
    spawn;
  /// What a client reads that cannot be served.
  std::string refusal;
};

/// The native protocol.
session_maker make_native_sessions();

struct listener_options {
  std::string host = "127.0.0.1";
  /// 0: the system chooses.
  std::uint16_t port = 4000;
  std::uint32_t clients_max = 10'000;
  connection_limits limits;
  std::string node_name;
  std::string node_version;
  session_maker sessions = make_native_sessions();
};

struct listener {
  acceptor_actor acceptor;
  /// Where it listens, with the port that was chosen.
  std::string address;
};

/// Binds, listens and spawns the ACCEPTOR.
/// @pre the actor system uses the Asio scheduler
/// Errors: io_failed (in use, not permitted, no such host).
storage::result<listener> spawn_listener(caf::actor_system& system,
                                         store_access store,
                                         listener_options options);

} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::stop_listening)
KVS_MESSAGE(kvs::actors::listening_stopped)
KVS_MESSAGE(kvs::actors::abort_connections)
