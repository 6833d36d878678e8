// The small node for tests.

#include "tests/protocol/support/fake_server.hpp"

#include "protocol/native/codec.hpp"

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <sys/socket.h>

#include <charconv>

namespace kvs::protocol::test {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::uint64_t frame_limit = 1ULL << 31;

} // namespace

fake_server::fake_server(behaviour how, std::uint16_t port)
  : how_(how),
    acceptor_(loop_, tcp::endpoint{asio::ip::address_v4::loopback(), port}),
    acceptor_thread_([this] { accept_all(); }) {
}

fake_server::~fake_server() {
  // shutdown wakes threads that block in accept or read; close would not.
  ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
  acceptor_thread_.join();
  for (auto& socket : sockets_)
    ::shutdown(socket.native_handle(), SHUT_RDWR);
  for (auto& thread : threads_)
    thread.join();
}

std::uint16_t fake_server::port() const {
  return acceptor_.local_endpoint().port();
}

void fake_server::accept_all() {
  for (;;) {
    tcp::socket socket{loop_};
    error_code error;
    acceptor_.accept(socket, error);
    if (error)
      return;
    tcp::socket& kept = sockets_.emplace_back(std::move(socket));
    threads_.emplace_back([this, &kept] { serve(kept); });
  }
}

void fake_server::serve(tcp::socket& socket) {
  error_code ignored;
  socket.set_option(tcp::no_delay{true}, ignored);
  while (answer_one(socket)) {
  }
  ::shutdown(socket.native_handle(), SHUT_RDWR);
}

bool fake_server::answer_one(tcp::socket& socket) {
  error_code error;
  byte_buffer frame;
  std::byte* head = frame.grow(native::header_bytes);
  asio::read(socket, asio::buffer(head, native::header_bytes), error);
  if (error)
    return false;
  const auto parsed = native::parse_header(frame.bytes(), frame_limit);
  const auto* header = std::get_if<native::frame_header>(&parsed);
  if (header == nullptr)
    return false;
  byte_buffer body;
  std::byte* first = body.grow(header->body_bytes);
  asio::read(socket, asio::buffer(first, body.size()), error);
  if (error || how_ == behaviour::closing)
    return false;
  if (how_ == behaviour::silent)
    return true;
  byte_buffer out;
  if (how_ == behaviour::foreign) {
    out.append(std::string_view{"HTTP/1.1 400 Bad Request\r\n\r\n"});
  } else if (how_ == behaviour::confused) {
    native::encode_reply(out, request_type::ping, header->id,
                         reply{pong{"hm"}});
  } else {
    const auto decoded = native::decode_request(*header, body.bytes(), {});
    const std::lock_guard lock{mutex_};
    const auto to = static_cast<request_type>(header->type);
    if (const auto* wrong = std::get_if<decode_error>(&decoded))
      native::encode_error(out, header->id,
                           {wrong->code, wrong->message, header->type});
    else
      native::encode_reply(out, to, header->id,
                           answer(std::get<request>(decoded)));
  }
  asio::write(socket, asio::buffer(out.data(), out.size()), error);
  return !error;
}

value_reply fake_server::look_up(std::string_view key) {
  const auto found = entries_.find(key);
  if (found == entries_.end())
    return {};
  const entry& e = found->second;
  return {true, e.version, e.ttl_ms, e.value};
}

reply fake_server::put_one(const put& m) {
  const value_reply now = look_up(m.key);
  const bool refused
    = (m.condition == write_condition::if_absent && now.found)
      || (m.condition == write_condition::if_present && !now.found)
      || (m.condition == write_condition::if_version
          && now.version != m.expected_version);
  if (refused)
    return write_reply{false, now.version, last_version_};
  return apply({{operation_kind::put, m.key, m.expiry_ms, m.value}});
}

reply fake_server::erase_one(const erase& m) {
  const value_reply now = look_up(m.key);
  if (!now.found || m.expected_version.value_or(now.version) != now.version)
    return erase_reply{now.found, false, now.version, last_version_};
  entries_.erase(entries_.find(m.key));
  ++last_version_;
  return erase_reply{true, true, last_version_, last_version_};
}

reply fake_server::add_to(const increment& m) {
  const value_reply now = look_up(m.key);
  std::int64_t sum = 0;
  const char* end = now.value.data() + now.value.size();
  if (now.found && std::from_chars(now.value.data(), end, sum).ptr != end)
    return error_reply{status::wrong_type,
                       "the value is no number; nothing was changed", 8};
  if (__builtin_add_overflow(sum, m.delta, &sum))
    return error_reply{status::out_of_range,
                       "the sum does not fit; nothing was changed", 8};
  apply({{operation_kind::put, m.key, 0, std::to_string(sum)}});
  return increment_reply{sum, last_version_, last_version_};
}

reply fake_server::append_to(const append& m) {
  const std::string longer{std::string{look_up(m.key).value}
                           + std::string{m.value}};
  apply({{operation_kind::put, m.key, 0, longer}});
  return append_reply{longer.size(), last_version_, last_version_};
}

reply fake_server::set_ttl(std::string_view key, std::int64_t ttl_ms) {
  const auto found = entries_.find(key);
  if (found == entries_.end())
    return write_reply{false, 0, last_version_};
  found->second.ttl_ms = ttl_ms;
  found->second.version = ++last_version_;
  return write_reply{true, last_version_, last_version_};
}

reply fake_server::apply(const std::vector<operation>& operations) {
  for (const operation& op : operations) {
    ++last_version_;
    if (op.kind == operation_kind::put)
      entries_[std::string{op.key}]
        = {std::string{op.value}, last_version_,
           op.expiry_ms == 0 ? ttl_none : op.expiry_ms};
    else if (const auto found = entries_.find(op.key); found != entries_.end())
      entries_.erase(found);
  }
  return write_reply{true, last_version_, last_version_};
}

reply fake_server::run(const transact& m) {
  for (const observed_key& read : m.reads)
    if (look_up(read.key).version != read.version)
      return error_reply{status::conflict,
                         "a key has changed; nothing was written", 13};
  return apply(m.writes);
}

reply fake_server::list(const scan& m) {
  scan_reply page;
  std::uint64_t place = 0;
  for (const auto& [key, e] : entries_) {
    if (place++ < m.cursor)
      continue;
    if (page.keys.size() >= m.count_hint) {
      page.next_cursor = place - 1;
      break;
    }
    if (key.starts_with(m.prefix))
      page.keys.push_back(key);
  }
  return page;
}

/// Leads every kind of request to its function.
struct fake_server::visitor {
  fake_server& self;
  reply operator()(const hello&) {
    return hello_reply{1, 0, "fake", "0.1.0", 65536, 1 << 29, 1 << 30, 1024};
  }
  reply operator()(const ping& m) {
    return pong{m.payload};
  }
  reply operator()(const get& m) {
    return self.look_up(m.key);
  }
  reply operator()(const multi_get& m) {
    values_reply all;
    for (const auto key : m.keys)
      all.values.push_back(self.look_up(key));
    return all;
  }
  reply operator()(const put& m) {
    return self.put_one(m);
  }
  reply operator()(const erase& m) {
    return self.erase_one(m);
  }
  reply operator()(const exists& m) {
    const value_reply now = self.look_up(m.key);
    return exists_reply{now.found, now.version, now.ttl_ms};
  }
  reply operator()(const increment& m) {
    return self.add_to(m);
  }
  reply operator()(const append& m) {
    return self.append_to(m);
  }
  reply operator()(const touch& m) {
    return self.set_ttl(m.key, m.ttl_ms);
  }
  reply operator()(const persist& m) {
    return self.set_ttl(m.key, ttl_none);
  }
  reply operator()(const batch& m) {
    return self.apply(m.operations);
  }
  reply operator()(const transact& m) {
    return self.run(m);
  }
  reply operator()(const scan& m) {
    return self.list(m);
  }
  reply operator()(const count&) {
    return count_reply{self.entries_.size()};
  }
  reply operator()(const stats&) {
    return stats_reply{{{"keys", std::to_string(self.entries_.size())}}};
  }
  reply operator()(const sync&) {
    return sync_reply{self.last_version_};
  }
  reply operator()(const compact&) {
    return compact_reply{1, 2000, 1000};
  }
  reply operator()(const backup& m) {
    return backup_reply{1, m.to.size(), 0, 0, 1, m.to.size(), 1};
  }
  reply operator()(const flush&) {
    self.entries_.clear();
    return write_reply{true, ++self.last_version_, self.last_version_};
  }
};

reply fake_server::answer(const request& message) {
  return std::visit(visitor{*this}, message);
}

} // namespace kvs::protocol::test
