// One socket, waited for with a timeout.

#include "protocol/client_resp.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <optional>

namespace kvs::protocol {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

namespace {

// Enough that large strings do not need a wait for every few packets.
constexpr std::size_t chunk_bytes = 256 * 1024;

} // namespace

class resp_client::connection {
public:
  explicit connection(const client_options& options) : options_(options) {
  }

  std::optional<client_error> open(const std::string& host,
                                   std::uint16_t port) {
    std::optional<error_code> result;
    tcp::resolver resolver{loop_};
    resolver.async_resolve(
      host, std::to_string(port),
      [&](error_code error, const tcp::resolver::results_type& found) {
        if (error)
          result = error;
        else
          asio::async_connect(
            socket_, found,
            [&](error_code failed, const tcp::endpoint&) { result = failed; });
      });
    loop_.run_for(options_.connect_timeout);
    std::string why;
    if (!result) {
      // Both handlers refer to this frame, so they have to run before it ends.
      resolver.cancel();
      close();
      why = "no answer in time";
    } else if (*result) {
      why = result->message();
    } else {
      error_code ignored;
      socket_.set_option(tcp::no_delay{true}, ignored);
      return std::nullopt;
    }
    return client_error{client_errc::unreachable, status::ok,
                        "cannot connect to " + host + ":" + std::to_string(port)
                          + ": " + why};
  }

  void add(std::initializer_list<std::string_view> words) {
    queued_ += '*' + std::to_string(words.size()) + "\r\n";
    for (const std::string_view word : words) {
      queued_ += '$' + std::to_string(word.size()) + "\r\n";
      queued_.append(word).append("\r\n");
    }
  }

  void send() {
    if (!broken_) {
      std::optional<error_code> result;
      asio::async_write(socket_, asio::buffer(queued_),
                        [&](error_code error, std::size_t) { result = error; });
      wait_for(result);
    }
    queued_.clear();
  }

  client_outcome<resp::reply_value> receive() {
    std::uint64_t needed_bytes = 1;
    for (;;) {
      if (unread_.size() - used_bytes_ >= needed_bytes) {
        auto parsed
          = resp::parse_reply(std::string_view{unread_}.substr(used_bytes_));
        if (parsed.result == resp::parsed_reply::status::reply) {
          used_bytes_ += parsed.consumed_bytes;
          return std::move(parsed.reply);
        }
        if (parsed.result == resp::parsed_reply::status::error)
          fail(client_errc::not_understood,
               "the peer does not speak RESP: " + parsed.error);
        needed_bytes = parsed.needed_bytes;
      }
      if (broken_)
        return *broken_;
      read_some();
    }
  }

private:
  // Grows with what arrives, not with what was announced.
  void read_some() {
    unread_.erase(0, used_bytes_);
    used_bytes_ = 0;
    const std::size_t before = unread_.size();
    unread_.resize(before + chunk_bytes);
    std::optional<error_code> result;
    std::size_t received_bytes = 0;
    socket_.async_read_some(asio::buffer(unread_.data() + before, chunk_bytes),
                            [&](error_code error, std::size_t count) {
                              result = error;
                              received_bytes = count;
                            });
    wait_for(result);
    unread_.resize(before + received_bytes);
  }

  // What `result` belongs to refers to the frame of the caller; when this
  // returns it has run, with or without success.
  void wait_for(const std::optional<error_code>& result) {
    loop_.restart();
    loop_.run_for(options_.request_timeout);
    if (!result) {
      close();
      fail(client_errc::timed_out, "the server did not answer in time");
    } else if (*result) {
      fail(client_errc::disconnected,
           *result == asio::error::eof
             ? "the server closed the connection"
             : "the connection failed: " + result->message());
    }
  }

  void close() {
    error_code ignored;
    socket_.close(ignored);
    loop_.restart();
    loop_.run();
  }

  void fail(client_errc code, std::string why) {
    if (!broken_)
      broken_ = client_error{code, status::ok, std::move(why)};
  }

  client_options options_;
  asio::io_context loop_;
  tcp::socket socket_{loop_};
  std::string queued_;
  /// What was received, of which `used_bytes_` are parsed.
  std::string unread_;
  std::size_t used_bytes_{0};
  std::optional<client_error> broken_;
};

resp_client::resp_client(std::unique_ptr<connection> opened)
  : connection_(std::move(opened)) {
}

resp_client::resp_client(resp_client&&) noexcept = default;
resp_client& resp_client::operator=(resp_client&&) noexcept = default;
resp_client::~resp_client() = default;

client_outcome<resp_client>
resp_client::connect(const std::string& host, std::uint16_t port,
                     const client_options& options) {
  auto opened = std::make_unique<connection>(options);
  if (auto error = opened->open(host, port))
    return std::move(*error);
  return resp_client{std::move(opened)};
}

void resp_client::add(std::initializer_list<std::string_view> words) {
  connection_->add(words);
}

void resp_client::send() {
  connection_->send();
}

client_outcome<resp::reply_value> resp_client::receive() {
  return connection_->receive();
}

} // namespace kvs::protocol
