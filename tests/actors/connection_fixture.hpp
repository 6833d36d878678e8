#pragma once

#include "actors/connection.hpp"
#include "protocol/native/codec.hpp"
#include "tests/actors/store_fixture.hpp"

#include <memory>
#include <utility>
#include <variant>
#include <vector>

namespace kvs::actors {

/// A client that sends what the test says and remembers what it got.
class scripted_stream final : public byte_stream {
public:
  void on_events(std::function<void(event, std::size_t)> received,
                 std::function<void()> writable) override {
    received_ = std::move(received);
    writable_ = std::move(writable);
  }
  void read(std::span<std::byte> target) override {
    EXPECT_FALSE(target.empty());
    target_ = target;
    deliver();
  }
  std::optional<std::size_t>
  write(std::span<const std::span<const std::byte>> parts) override {
    std::size_t taken = 0;
    for (const auto& part : parts) {
      auto count = std::min(part.size(), writable_bytes);
      sent.append(part.first(count));
      writable_bytes -= count;
      taken += count;
      if (count < part.size())
        break;
    }
    return taken;
  }
  void end_output() override {
    output_ended = true;
  }
  void close() override {
    closed = true;
    received_ = nullptr;
    writable_ = nullptr;
  }
  std::string peer() const override {
    return "test";
  }

  void push(std::span<const std::byte> bytes) {
    pending_.insert(pending_.end(), bytes.begin(), bytes.end());
    deliver();
  }
  void end() {
    ended_ = true;
    deliver();
  }
  void take_more(std::size_t bytes) {
    writable_bytes = bytes;
    if (writable_)
      writable_();
  }
  bool is_read_from() const {
    return !target_.empty();
  }
  std::size_t unread_bytes() const {
    return pending_.size();
  }

  protocol::byte_buffer sent;
  std::size_t writable_bytes = std::size_t{1} << 40;
  bool closed = false;
  bool output_ended = false;

private:
  void deliver() {
    if (target_.empty() || !received_)
      return;
    if (pending_.empty()) {
      if (std::exchange(ended_, false))
        received_(event::end_of_stream, 0);
      return;
    }
    auto count = std::min(target_.size(), pending_.size());
    std::copy_n(pending_.begin(), count, target_.begin());
    pending_.erase(pending_.begin(),
                   pending_.begin() + static_cast<long>(count));
    target_ = {};
    received_(event::bytes, count);
  }

  std::function<void(event, std::size_t)> received_;
  std::function<void()> writable_;
  std::span<std::byte> target_;
  std::vector<std::byte> pending_;
  bool ended_ = false;
};

/// A CONNECTION on a scripted stream; the store behind it is the real one on a
/// disk in memory.
class connection_fixture : public store_fixture {
protected:
  void connect(sync_mode mode = sync_mode::none,
               std::uint64_t budget_bytes = 64 * storage::mebibyte) {
    memory_bytes_max = budget_bytes;
    open(mode, 2);
    client = spawn_connection(system, caf_compat::on_scheduler,
                              arguments_for(stream));
    run_actors();
  }

  /// What a CONNECTION on `its_stream` needs. @pre the store is open
  connection_args
  arguments_for(const std::shared_ptr<scripted_stream>& its_stream) const {
    connection_args args;
    args.stream = its_stream;
    args.store.writer = clients_writer ? clients_writer : writer;
    args.store.compactor = compactor;
    args.store.archivist = archivist;
    args.store.shards = shards;
    args.store.readers = {reader};
    args.store.hash = std::make_shared<storage::key_hasher>(*hash);
    args.store.clock = clock;
    args.store.budget = budget;
    args.limits = limits;
    args.node_name = "test";
    args.node_version = "1";
    return args;
  }

  void TearDown() override {
    stream->close();
    caf::anon_send_exit(client, caf::exit_reason::kill);
    client = nullptr;
    clients_writer = nullptr;
    run_actors();
    store_fixture::TearDown();
  }

  static protocol::byte_buffer frame(std::uint64_t id,
                                     const protocol::request& request) {
    protocol::byte_buffer out;
    protocol::native::encode_request(out, protocol::native::request_id{id},
                                     request);
    return out;
  }
  void send(std::uint64_t id, const protocol::request& request) {
    stream->push(frame(id, request).bytes());
    run_actors();
  }

  /// Takes the replies that have arrived since the last call.
  std::vector<std::pair<std::uint64_t, protocol::reply>> replies() {
    std::vector<std::pair<std::uint64_t, protocol::reply>> all;
    kept.push_back(std::move(stream->sent));
    stream->sent = {};
    auto rest = kept.back().bytes();
    while (!rest.empty()) {
      auto parsed = protocol::native::parse_header(rest, ~std::uint64_t{0});
      auto* header = std::get_if<protocol::native::frame_header>(&parsed);
      if (header == nullptr) {
        ADD_FAILURE() << "not a whole frame";
        return all;
      }
      auto body
        = rest.subspan(protocol::native::header_bytes, header->body_bytes);
      auto decoded = protocol::native::decode_reply(*header, body);
      all.emplace_back(static_cast<std::uint64_t>(header->id),
                       std::get<protocol::reply>(decoded));
      rest = rest.subspan(protocol::native::header_bytes + header->body_bytes);
    }
    return all;
  }

  protocol::status error_of(const protocol::reply& message) {
    auto* error = std::get_if<protocol::error_reply>(&message);
    return error == nullptr ? protocol::status::ok : error->code;
  }

  std::shared_ptr<scripted_stream> stream = std::make_shared<scripted_stream>();
  connection_limits limits;
  /// What the connection takes for the WRITER; empty: the WRITER.
  writer_actor clients_writer;
  connection_actor client;
  std::vector<protocol::byte_buffer> kept;
};

inline protocol::put put_of(std::string_view key, std::string_view value) {
  protocol::put request;
  request.key = key;
  request.value = value;
  return request;
}

} // namespace kvs::actors
