/// The listener for clients that speak RESP.
#pragma once

#include "actors/acceptor.hpp"
#include "actors/resp/client_registry.hpp"
#include "actors/resp/publisher.hpp"
#include "protocol/resp/command_spec.hpp"

#include <functional>
#include <string>

namespace kvs::actors::resp {

/// What INFO says of the process.
struct process_figures {
  std::uint64_t id = 0;
  /// "Linux 6.1 x86_64".
  std::string system;
  /// "libc", or what replaces its malloc.
  std::string allocator;
  /// With and without pages of files.
  std::uint64_t resident_bytes = 0;
  std::uint64_t own_bytes = 0;
  std::uint64_t peak_bytes = 0;
  /// Of memory.
  std::uint64_t machine_bytes = 0;
  /// With six decimals.
  std::string user_seconds;
  std::string system_seconds;
};

/// What sessions of RESP need beyond the store. Cheap to copy.
struct session_services {
  client_registry_actor registry;
  publisher_actor publisher;
  protocol::resp::execution_limits limits;
  std::string node_version;
  std::string directory;
  /// The number of the session; larger than that of any earlier one.
  std::uint64_t client_id = 0;
  std::string local_address;
  /// When the node began, in seconds since 1970.
  std::int64_t started_s = 0;
  std::string run_id;
  /// From any thread.
  std::function<process_figures()> process;
  /// SHUTDOWN was called.
  std::function<void()> on_shutdown;
};

/// What CONFIG GET shows of the node before anybody changes it.
settings initial_settings(const store_options& store,
                          const listener_options& listener);

/// The sessions of a listener for RESP.
session_maker make_resp_sessions(const session_services& services);

/// A session of RESP. `loop` as for `spawn_connection`.
connection_actor spawn_resp_connection(caf::actor_system& system,
                                       caf_compat::execution_base* loop,
                                       connection_args args,
                                       session_services services);

} // namespace kvs::actors::resp
