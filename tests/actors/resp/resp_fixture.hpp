#pragma once

#include "actors/resp/listener.hpp"
#include "tests/actors/connection_fixture.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace kvs::actors::resp {

/// A command as clients send it.
inline std::string command_of(const std::vector<std::string>& words) {
  auto bytes = "*" + std::to_string(words.size()) + "\r\n";
  for (const auto& each : words) {
    bytes.append("$").append(std::to_string(each.size())).append("\r\n");
    bytes.append(each).append("\r\n");
  }
  return bytes;
}

/// Sessions of RESP on scripted streams, with all the actors that they share;
/// the store behind them is the real one on a disk in memory.
class resp_fixture : public connection_fixture {
protected:
  /// A client and its session.
  struct resp_client {
    std::shared_ptr<scripted_stream> stream;
    connection_actor session;
  };

  void start(sync_mode mode = sync_mode::none) {
    memory_bytes_max = 256 * storage::mebibyte;
    open(mode, 2, 64 * storage::mebibyte);
    services_.publisher = spawn_publisher(system);
    services_.registry = spawn_client_registry(system, initial_settings({}, {}),
                                               services_.publisher);
    services_.process = [] { return process_figures{}; };
    services_.local_address = "test:6380";
    run_actors();
  }

  void TearDown() override {
    for (auto& each : clients_) {
      each.stream->close();
      caf::anon_send_exit(each.session, caf::exit_reason::kill);
    }
    clients_.clear();
    auto stopped = caf::exit_reason::user_shutdown;
    caf::anon_send_exit(services_.registry, stopped);
    caf::anon_send_exit(services_.publisher, stopped);
    services_ = {};
    connection_fixture::TearDown();
  }

  resp_client join() {
    auto services = services_;
    services.client_id = ++last_client_;
    resp_client joined;
    joined.stream = std::make_shared<scripted_stream>();
    joined.session = spawn_resp_connection(
      system, caf_compat::on_scheduler, arguments_for(joined.stream), services);
    clients_.push_back(joined);
    run_actors();
    return joined;
  }

  /// Sends bytes; nothing runs yet.
  static void push(const resp_client& from, std::string_view bytes) {
    from.stream->push(std::as_bytes(std::span{bytes.data(), bytes.size()}));
  }
  /// What has been replied since the last call.
  static std::string heard(const resp_client& by) {
    auto sent = std::exchange(by.stream->sent, {});
    auto bytes = sent.bytes();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  /// Sends inline commands, one a line, and returns what is replied.
  std::string tell(const resp_client& from, std::string_view lines) {
    push(from, std::string{lines} + "\r\n");
    run_actors();
    return heard(from);
  }
  std::string tell_words(const resp_client& from,
                         const std::vector<std::string>& words) {
    push(from, command_of(words));
    run_actors();
    return heard(from);
  }

private:
  session_services services_;
  std::uint64_t last_client_ = 0;
  std::vector<resp_client> clients_;
};

} // namespace kvs::actors::resp
