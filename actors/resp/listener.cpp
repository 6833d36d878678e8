#include "actors/resp/listener.hpp"

#include "actors/byte_stream.hpp"

#include <chrono>
#include <utility>

namespace kvs::actors::resp {
namespace {

/// As Redis names the modes.
const char* name_of(sync_mode mode) {
  switch (mode) {
    case sync_mode::always:
      return "always";
    case sync_mode::interval:
      return "everysec";
    case sync_mode::none:
      return "no";
  }
  return "";
}

} // namespace

settings initial_settings(const store_options& store,
                          const listener_options& listener) {
  settings made;
  made.idle_timeout = listener.limits.idle_timeout;
  auto idle_s
    = std::chrono::ceil<std::chrono::seconds>(made.idle_timeout).count();
  made.parameters = {
    {"appendfsync", name_of(store.sync)},
    {"appendonly", "yes"},
    {"bind", listener.host},
    {"client-output-buffer-limit",
     "normal 0 0 0 slave 0 0 0 pubsub 33554432 0 0"},
    {"databases", "1"},
    {"dir", store.directory},
    {"latency-monitor-threshold", "0"},
    {"maxclients", std::to_string(listener.clients_max)},
    {"maxmemory", "0"},
    {"maxmemory-policy", "noeviction"},
    {"notify-keyspace-events", to_letters(made.notify)},
    {"port", std::to_string(listener.port)},
    {"proto-max-bulk-len", std::to_string(store.value_bytes_max)},
    {"requirepass", ""},
    {"save", ""},
    {"slowlog-log-slower-than", std::to_string(made.slowlog_slower_than_us)},
    {"slowlog-max-len", std::to_string(made.slowlog_length_max)},
    {"tcp-keepalive", std::to_string(keepalive_after.count())},
    {"timeout", std::to_string(idle_s)},
  };
  return made;
}

session_maker make_resp_sessions(const session_services& services) {
  return {[services](caf::actor_system& system,
                     caf_compat::execution_base* loop, connection_args args,
                     std::uint64_t number, const std::string& local) {
            auto own = services;
            own.client_id = number;
            own.local_address = local;
            return spawn_resp_connection(system, loop, std::move(args),
                                         std::move(own));
          },
          "-ERR max number of clients reached\r\n"};
}

} // namespace kvs::actors::resp
