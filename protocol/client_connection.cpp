// One socket and one thread behind the client library.

#include "protocol/client_connection.hpp"

#include "protocol/native/codec.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <limits>

namespace kvs::protocol {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// Buffers that one large value has made are not kept for small requests.
constexpr std::size_t kept_bytes_max = 1 << 20;

// What the loss of the connection means for a call that waits.
client_error lost(request_type type, const client_error& why) {
  if (!is_write(type) || why.code == client_errc::not_understood)
    return why;
  return {client_errc::outcome_unknown, status::ok,
          why.message + "; the write may or may not have happened"};
}

client_error too_late(request_type type) {
  if (is_write(type))
    return {client_errc::outcome_unknown, status::ok,
            "the node did not answer in time; the write may or may not have "
            "happened"};
  return {client_errc::timed_out, status::ok,
          "the node did not answer in time"};
}

client_error refused(const error_reply& error) {
  const auto code = error.code == status::outcome_unknown
                      ? client_errc::outcome_unknown
                      : client_errc::refused;
  return {code, error.code,
          std::string{name_of(error.code)} + ": " + error.message};
}

client_error unreachable(const std::string& host, std::uint16_t port,
                         const std::string& why) {
  return {client_errc::unreachable, status::ok,
          "cannot connect to " + host + ":" + std::to_string(port) + ": "
            + why};
}

} // namespace

client_connection::client_connection(const client_options& options)
  : options_(options) {
}

client_connection::~client_connection() {
  loop_.stop();
  if (thread_.joinable())
    thread_.join();
  fail({client_errc::disconnected, status::ok, "the client was closed"});
}

std::optional<client_error> client_connection::open(const std::string& host,
                                                    std::uint16_t port) {
  std::optional<error_code> result;
  tcp::resolver resolver{loop_};
  resolver.async_resolve(
    host, std::to_string(port),
    [&](error_code error, const tcp::resolver::results_type& endpoints) {
      if (error) {
        result = error;
        return;
      }
      asio::async_connect(
        socket_, endpoints,
        [&](error_code failed, const tcp::endpoint&) { result = failed; });
    });
  loop_.run_for(options_.connect_timeout);
  if (!result) {
    // Both handlers refer to this frame, so they have to run before it ends.
    resolver.cancel();
    error_code ignored;
    socket_.close(ignored);
    loop_.run();
    return unreachable(host, port, "no answer in time");
  }
  if (*result)
    return unreachable(host, port, result->message());
  error_code ignored;
  socket_.set_option(tcp::no_delay{true}, ignored);
  loop_.restart();
  read_next();
  thread_ = std::thread{[this] {
    // Without it the loop would end whenever nothing is under way.
    const auto guard = asio::make_work_guard(loop_);
    loop_.run();
  }};
  return std::nullopt;
}

void client_connection::submit(const request& message, completion done) {
  std::optional<client_error> broken;
  {
    const std::lock_guard lock{mutex_};
    broken = broken_;
    if (!broken) {
      const std::uint64_t id = ++last_id_;
      native::encode_request(queued_, native::request_id{id}, message);
      waiting_.emplace(id, waiting_call{type_of(message),
                                        clock::now() + options_.request_timeout,
                                        std::move(done)});
      if (write_scheduled_)
        return;
      write_scheduled_ = true;
    }
  }
  if (broken)
    // It was moved only if nothing is broken.
    // NOLINTNEXTLINE(bugprone-use-after-move)
    return done(client_error{client_errc::disconnected, status::ok,
                             "the connection is closed (" + broken->message
                               + "); the request was not sent"});
  asio::post(loop_, [this] { write_next(); });
}

void client_connection::write_next() {
  if (!sweeping_)
    sweep_deadlines();
  {
    const std::lock_guard lock{mutex_};
    if (queued_.empty() || broken_) {
      write_scheduled_ = false;
      return;
    }
    writing_.clear();
    if (writing_.capacity() > kept_bytes_max)
      writing_.release();
    std::swap(writing_, queued_);
  }
  asio::async_write(socket_, asio::buffer(writing_.data(), writing_.size()),
                    [this](error_code error, std::size_t) {
                      // A broken pipe is reported by the reading side, which
                      // may still find the reason in what the node sent.
                      if (!error)
                        write_next();
                    });
}

void client_connection::read_next() {
  socket_.async_read_some(
    asio::buffer(chunk_), [this](error_code error, std::size_t read) {
      if (!error)
        return take_received(read);
      const std::string why = error == asio::error::eof
                                ? "the node closed the connection"
                                : "the connection failed: " + error.message();
      fail({client_errc::disconnected, status::ok,
            last_words_.empty() ? why : why + " (" + last_words_ + ")"});
    });
}

void client_connection::take_received(std::size_t received_bytes) {
  unread_.append(chunk_.data(), received_bytes);
  std::size_t used_bytes = 0;
  for (;;) {
    const auto rest = unread_.bytes().subspan(used_bytes);
    const auto parsed = native::parse_header(rest, options_.frame_bytes_max);
    if (std::holds_alternative<native::need_more>(parsed))
      break;
    if (const auto* error = std::get_if<decode_error>(&parsed))
      return fail(
        {client_errc::not_understood, error->code,
         "the peer does not speak the kvs protocol: " + error->message});
    header_ = *std::get_if<native::frame_header>(&parsed);
    const auto body = rest.subspan(native::header_bytes);
    const std::size_t have_bytes
      = std::min<std::size_t>(body.size(), header_.body_bytes);
    byte_buffer taken;
    taken.reserve(static_cast<std::size_t>(header_.body_bytes));
    taken.append(body.first(have_bytes));
    used_bytes += native::header_bytes + have_bytes;
    if (have_bytes < header_.body_bytes) {
      unread_.clear();
      body_ = std::move(taken);
      return read_rest_of_body(have_bytes);
    }
    if (!take_body(std::move(taken)))
      return;
  }
  unread_.consume(used_bytes);
  read_next();
}

void client_connection::read_rest_of_body(std::size_t have_bytes) {
  const auto missing_bytes
    = static_cast<std::size_t>(header_.body_bytes) - have_bytes;
  std::byte* rest = body_.grow(missing_bytes);
  asio::async_read(socket_, asio::buffer(rest, missing_bytes),
                   [this](error_code error, std::size_t) {
                     if (error)
                       return fail({client_errc::disconnected, status::ok,
                                    "the connection ended in the middle of a "
                                    "reply: "
                                      + error.message()});
                     if (take_body(std::move(body_)))
                       read_next();
                   });
}

bool client_connection::take_body(byte_buffer body) {
  auto decoded = native::decode_reply(header_, body.bytes());
  if (const auto* error = std::get_if<decode_error>(&decoded)) {
    fail({client_errc::not_understood, error->code, error->message});
    return false;
  }
  reply& message = *std::get_if<reply>(&decoded);
  if (const auto* error = std::get_if<error_reply>(&message)) {
    last_words_ = error->message;
    settle(header_.id, refused(*error));
    return true;
  }
  settle(header_.id, received<reply>{std::move(body), std::move(message)});
  return true;
}

void client_connection::settle(native::request_id id, any_outcome outcome) {
  waiting_call call;
  {
    const std::lock_guard lock{mutex_};
    const auto found = waiting_.find(static_cast<std::uint64_t>(id));
    // A call that was given up for late is answered already.
    if (found == waiting_.end())
      return;
    call = std::move(found->second);
    waiting_.erase(found);
  }
  const auto expected
    = static_cast<std::uint8_t>(call.type) | native::reply_bit;
  if (outcome && header_.type != expected) {
    const client_error why{client_errc::not_understood, status::ok,
                           "the node answered another request than it was "
                           "asked"};
    call.done(why);
    return fail(why);
  }
  call.done(std::move(outcome));
}

void client_connection::fail(client_error why) {
  error_code ignored;
  socket_.close(ignored);
  sweep_timer_.cancel();
  std::map<std::uint64_t, waiting_call> ended;
  {
    const std::lock_guard lock{mutex_};
    if (!broken_)
      broken_ = why;
    ended.swap(waiting_);
    queued_.release();
  }
  for (auto& [id, call] : ended)
    call.done(lost(call.type, why));
}

void client_connection::sweep_deadlines() {
  using namespace std::chrono_literals;
  const auto pause = std::clamp<std::chrono::milliseconds>(
    options_.request_timeout / 4, 1ms, 250ms);
  sweeping_ = true;
  sweep_timer_.expires_after(pause);
  sweep_timer_.async_wait([this](error_code error) {
    sweeping_ = false;
    if (error)
      return;
    end_overdue_calls();
  });
}

void client_connection::end_overdue_calls() {
  const auto now = clock::now();
  std::vector<waiting_call> overdue;
  bool others_wait = false;
  {
    const std::lock_guard lock{mutex_};
    // All calls have the same patience, so the oldest is due first.
    while (!waiting_.empty() && waiting_.begin()->second.deadline <= now) {
      overdue.push_back(std::move(waiting_.begin()->second));
      waiting_.erase(waiting_.begin());
    }
    // While a write is stuck nothing else would start the sweep again.
    others_wait = !waiting_.empty() || write_scheduled_;
  }
  for (waiting_call& call : overdue)
    call.done(too_late(call.type));
  if (others_wait)
    sweep_deadlines();
}

} // namespace kvs::protocol
