// What kvs-node can be told on the command line.

#pragma once

#include "actors/acceptor.hpp"
#include "actors/store.hpp"
#include "apps/node/offline.hpp"

#include <cstddef>
#include <string>
#include <variant>

namespace kvs::apps {

struct node_options {
  actors::store_options store;
  actors::listener_options listener;
  /// The listener for RESP; its limits are those of `listener`.
  bool resp = true;
  /// The address was asked for: without it there is no node.
  bool resp_is_required = false;
  std::string resp_host = "127.0.0.1";
  std::uint16_t resp_port = 6380;
  std::size_t thread_count = 0;
  bool allow_remote = false;
  bool verbose = false;
};

/// The command line said all there is to say (--help, --version) or was wrong:
/// the text is printed already, this is the exit code.
struct exit_now {
  int code = 0;
};

using node_command = std::variant<node_options, verify_command, salvage_command,
                                  restore_command, exit_now>;

node_command parse_node_options(int argc, char** argv);

/// "127.0.0.1:4000" or "[::1]:4000"; false: it is neither.
bool parse_address(const std::string& text, std::string& host,
                   std::uint16_t& port);

/// Whether only this machine can reach `host`.
bool is_loopback(const std::string& host);

} // namespace kvs::apps
