#include "apps/node/resp_service.hpp"

#include "actors/logging.hpp"
#include "apps/node/process_figures.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <random>
#include <utility>

namespace kvs::apps {
namespace {

namespace logging = actors::logging;

/// Tools tell one run of a node from another by it.
std::string random_id() {
  std::random_device random;
  std::string id;
  for (int part = 0; part < 5; ++part) {
    std::array<char, 9> digits{};
    std::snprintf(digits.data(), digits.size(), "%08x", random());
    id += digits.data();
  }
  return id;
}

template <class Actor>
void report_end(const Actor& whom, const char* role,
                const std::function<void(const std::string&)>& failed) {
  caf_compat::on_end(whom, [failed, role](const caf::error& why) {
    if (why != caf::exit_reason::user_shutdown)
      failed(role);
  });
}

} // namespace

resp_service::resp_service(
  caf::actor_system& system, node_options& options,
  const std::function<void(const std::string&)>& failed)
  : system_{system}, options_{options}, failed_{failed} {
  if (!options.resp)
    return;
  publisher_ = actors::resp::spawn_publisher(system);
  report_end(publisher_, "publisher", failed_);
  options.store.expiry_listener = publisher_;
}

bool resp_service::listen(const actors::store_access& store,
                          std::function<void()> on_shutdown) {
  if (!options_.resp)
    return true;
  auto listening = options_.listener;
  listening.host = options_.resp_host;
  listening.port = options_.resp_port;
  registry_ = actors::resp::spawn_client_registry(
    system_, actors::resp::initial_settings(options_.store, listening),
    publisher_);
  report_end(registry_, "client-registry", failed_);
  actors::resp::session_services services;
  services.registry = registry_;
  services.publisher = publisher_;
  services.limits.key_bytes_max = options_.listener.limits.decode.key_bytes_max;
  services.limits.value_bytes_max = options_.store.value_bytes_max;
  services.node_version = options_.listener.node_version;
  services.started_s = std::chrono::duration_cast<std::chrono::seconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
  services.run_id = random_id();
  services.process = figures_of_this_process;
  services.on_shutdown = std::move(on_shutdown);
  listening.sessions = actors::resp::make_resp_sessions(services);
  auto made = actors::spawn_listener(system_, store, std::move(listening));
  if (made) {
    acceptor_ = made->acceptor;
    logging::info("node.resp-listening resp={}", made->address);
    return true;
  }
  if (options_.resp_is_required) {
    logging::critical("node.bind-failed error=\"{}\"",
                      storage::to_string(made.error()));
    return false;
  }
  logging::warn("node.resp-off error=\"{}\"", storage::to_string(made.error()));
  return true;
}

void resp_service::stop() {
  acceptor_.reset();
  if (registry_)
    caf::anon_send_exit(registry_, caf::exit_reason::user_shutdown);
  if (publisher_)
    caf::anon_send_exit(publisher_, caf::exit_reason::user_shutdown);
  registry_ = nullptr;
  publisher_ = nullptr;
}

} // namespace kvs::apps
