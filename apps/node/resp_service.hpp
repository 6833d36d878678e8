// The part of the node that Redis clients see.

#pragma once

#include "actors/resp/listener.hpp"
#include "apps/node/options.hpp"

#include <functional>
#include <optional>

namespace kvs::apps {

/// Owns the actors that sessions of RESP share, and their listener.
class resp_service {
public:
  /// Spawns the PUBLISHER and lets the store tell it what expires. `failed`
  /// is told the role of an actor that dies before `stop`; from any thread.
  resp_service(caf::actor_system& system, node_options& options,
               const std::function<void(const std::string&)>& failed);

  /// Begins to listen. False: an address that was asked for is not to be had.
  bool listen(const actors::store_access& store,
              std::function<void()> on_shutdown);

  /// The listener, if there is one.
  const std::optional<actors::acceptor_actor>& acceptor() const {
    return acceptor_;
  }

  /// Ends the shared actors. @pre the listener has stopped
  void stop();

private:
  caf::actor_system& system_;
  const node_options& options_;
  std::function<void(const std::string&)> failed_;
  actors::resp::publisher_actor publisher_;
  actors::resp::client_registry_actor registry_;
  std::optional<actors::acceptor_actor> acceptor_;
};

} // namespace kvs::apps
