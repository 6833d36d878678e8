#include "actors/acceptor.hpp"

#include "actors/asio_scheduler.hpp"
#include "actors/logging.hpp"
#include "actors/tcp_stream.hpp"
#include "protocol/native/codec.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <map>
#include <utility>
#include <vector>

namespace kvs::actors {
namespace {

using boost::asio::ip::tcp;

/// From the socket half: a client, or why there is none.
struct client_accepted {
  std::shared_ptr<tcp::socket> socket;
  std::size_t loop_index = 0;
};
struct accept_failed {
  std::string reason;
};
/// Note to self: descriptors may be free again.
struct accept_again_due {};
struct connection_gone {
  std::uint64_t number = 0;
};

} // namespace
} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::client_accepted)
KVS_MESSAGE(kvs::actors::accept_failed)
KVS_MESSAGE(kvs::actors::accept_again_due)
KVS_MESSAGE(kvs::actors::connection_gone)

namespace kvs::actors {
namespace {

using acceptor_impl = acceptor_actor::extend<
  caf_compat::takes<client_accepted>, caf_compat::takes<accept_failed>,
  caf_compat::takes<accept_again_due>, caf_compat::takes<connection_gone>>;

constexpr std::chrono::milliseconds accept_pause{100};

class acceptor final : public caf_compat::pinnable<acceptor_impl::base> {
public:
  acceptor(caf::actor_config& config, caf_compat::execution_base* loop,
           std::shared_ptr<tcp::acceptor> socket, store_access store,
           listener_options options, std::string local)
    : pinnable{config, loop}, socket_{std::move(socket)},
      store_{std::move(store)}, options_{std::move(options)}, local_{std::move(
                                                                local)} {
  }

  const char* name() const override {
    return "kvs.acceptor";
  }

  behavior_type make_behavior() override {
    accept();
    return {
      [this](const stop_listening&) -> caf::result<listening_stopped> {
        auto promise = this->make_response_promise<listening_stopped>();
        stopping_ = true;
        promises_.push_back(promise);
        close_listener();
        for (const auto& [number, client] : connections_)
          caf_compat::tell(this, client, drain_connection{});
        finish_if_empty();
        return promise;
      },
      [this](const abort_connections&) {
        for (const auto& [number, client] : connections_)
          caf::anon_send_exit(client, caf::exit_reason::kill);
      },
      [this](const client_accepted& message) {
        serve(message);
        accept();
      },
      [this](const accept_failed& message) {
        if (stopping_)
          return;
        if (!std::exchange(pausing_, true))
          logging::error("acceptor.accept-failed error=\"{}\"", message.reason);
        caf_compat::tell_after(this, this, accept_pause, accept_again_due{});
      },
      [this](const accept_again_due&) { accept(); },
      [this](const connection_gone& note) {
        connections_.erase(note.number);
        finish_if_empty();
      },
    };
  }

  void on_exit() override {
    close_listener();
    connections_.clear();
    store_ = {};
  }

private:
  void accept() {
    if (stopping_ || !socket_->is_open())
      return;
    auto index = next_loop_++ % loop_count(this->system());
    auto& loop = loop_of(this->system(), index);
    auto client = std::make_shared<tcp::socket>(loop.io());
    // The handler holds a handle, never the actor itself.
    socket_->async_accept(*client, [self = acceptor_impl{this}, client,
                                    index](boost::system::error_code error) {
      if (!error)
        caf_compat::tell_anon(self, client_accepted{client, index});
      else if (error != boost::asio::error::operation_aborted)
        caf_compat::tell_anon(self, accept_failed{error.message()});
    });
  }

  void serve(const client_accepted& message) {
    pausing_ = false;
    if (stopping_)
      return;
    if (connections_.size() >= options_.clients_max)
      return turn_away(*message.socket);
    auto& loop = loop_of(this->system(), message.loop_index);
    connection_args args;
    args.stream = make_tcp_stream(std::move(*message.socket), loop);
    args.store = store_;
    args.limits = options_.limits;
    args.node_name = options_.node_name;
    args.node_version = options_.node_version;
    auto number = ++last_number_;
    auto client = options_.sessions.spawn(this->system(), &loop,
                                          std::move(args), number, local_);
    caf_compat::watch(client, acceptor_impl{this}, connection_gone{number});
    connections_.emplace(number, std::move(client));
  }

  void turn_away(tcp::socket& client) const {
    const auto& frame = options_.sessions.refusal;
    boost::system::error_code ignored;
    client.non_blocking(true, ignored);
    client.write_some(boost::asio::buffer(frame.data(), frame.size()), ignored);
  }

  void close_listener() {
    boost::system::error_code ignored;
    socket_->close(ignored);
  }

  void finish_if_empty() {
    if (!stopping_ || !connections_.empty())
      return;
    for (auto& each : promises_)
      each.deliver(listening_stopped{});
    this->quit();
  }

  std::shared_ptr<tcp::acceptor> socket_;
  store_access store_;
  listener_options options_;
  std::string local_;
  std::map<std::uint64_t, connection_actor> connections_;
  std::uint64_t last_number_ = 0;
  std::size_t next_loop_ = 0;
  /// An accept failed and none has worked since; logged once.
  bool pausing_ = false;
  bool stopping_ = false;
  std::vector<caf::typed_response_promise<listening_stopped>> promises_;
};

std::string native_refusal() {
  protocol::byte_buffer frame;
  protocol::native::encode_error(
    frame, {},
    {protocol::status::overloaded,
     "the node serves as many clients as it may; nothing was read", 0});
  return {reinterpret_cast<const char*>(frame.data()), frame.size()};
}

storage::error bind_error(const listener_options& options,
                          const boost::system::error_code& error) {
  return {storage::errc::io_failed, error.value(),
          "cannot listen on " + options.host + ":"
            + std::to_string(options.port)};
}

} // namespace

session_maker make_native_sessions() {
  return {[](caf::actor_system& system, caf_compat::execution_base* loop,
             connection_args args, std::uint64_t, const std::string&) {
            return spawn_connection(system, loop, std::move(args));
          },
          native_refusal()};
}

storage::result<listener> spawn_listener(caf::actor_system& system,
                                         store_access store,
                                         listener_options options) {
  auto& loop = loop_of(system, 0);
  boost::system::error_code error;
  tcp::resolver resolver{loop.io()};
  auto found = resolver.resolve(options.host, std::to_string(options.port),
                                tcp::resolver::passive, error);
  if (error || found.empty())
    return bind_error(options, error);
  auto endpoint = found.begin()->endpoint();
  auto socket = std::make_shared<tcp::acceptor>(loop.io());
  socket->open(endpoint.protocol(), error);
  if (!error)
    socket->set_option(tcp::acceptor::reuse_address{true}, error);
  if (!error)
    socket->bind(endpoint, error);
  if (!error)
    socket->listen(tcp::acceptor::max_listen_connections, error);
  if (error)
    return bind_error(options, error);
  auto local = socket->local_endpoint(error);
  auto host = local.address().to_string();
  if (local.address().is_v6())
    host = "[" + host + "]";
  listener made;
  made.address = host + ":" + std::to_string(local.port());
  made.acceptor = system.spawn<acceptor>(
    static_cast<caf_compat::execution_base*>(&loop), std::move(socket),
    std::move(store), std::move(options), made.address);
  return made;
}

} // namespace kvs::actors
