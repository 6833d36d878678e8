// The CONNECTION of a client that speaks the native protocol.

#include "actors/byte_views.hpp"
#include "actors/connection_state.hpp"
#include "protocol/native/codec.hpp"
#include "storage/record.hpp"

#include <cassert>

namespace kvs::actors {
namespace {

namespace native = protocol::native;

/// Values of at least this size are sent from where they lie.
constexpr std::size_t borrowed_reply_bytes_min = 16 * 1024;

/// Shows `visit` every value that the request would write, in its order.
template <class Visit>
void for_each_value(const protocol::request& request, Visit visit) {
  auto of_operations = [&](const std::vector<protocol::operation>& all) {
    for (const auto& each : all)
      visit(each.value);
  };
  if (auto* put = std::get_if<protocol::put>(&request))
    visit(put->value);
  else if (auto* append = std::get_if<protocol::append>(&request))
    visit(append->value);
  else if (auto* batch = std::get_if<protocol::batch>(&request))
    of_operations(batch->operations);
  else if (auto* both = std::get_if<protocol::transact>(&request))
    of_operations(both->writes);
}

class native_connection final : public connection {
public:
  using connection::connection;

private:
  bool parse_one() override {
    auto bytes = arrived();
    auto parsed
      = native::parse_header(bytes, args_.limits.decode.frame_bytes_max);
    if (auto* error = std::get_if<protocol::decode_error>(&parsed)) {
      refuse({}, 0, *error);
      return false;
    }
    auto* header = std::get_if<native::frame_header>(&parsed);
    if (header == nullptr) {
      begin_deadline();
      return false;
    }
    auto frame_bytes = native::header_bytes + header->body_bytes;
    auto known = native::is_request_type(header->type);
    if (frame_bytes > bytes.size()
        && (frame_bytes > receive_buffer_bytes || !known)) {
      took(native::header_bytes);
      large_header_ = *header;
      begin_large(header->body_bytes, header->body_bytes, !known);
      return true;
    }
    if (frame_bytes > bytes.size()) {
      begin_deadline();
      return false;
    }
    end_deadline();
    took(frame_bytes);
    take_request(*header,
                 bytes.subspan(native::header_bytes, header->body_bytes),
                 arrived_memory());
    return true;
  }

  void take_large() override {
    if (large_->skipped) {
      // Decoding an unknown type fails without looking at the body.
      large_.reset();
      end_deadline();
      auto header = large_header_;
      header.body_bytes = 0;
      auto decoded = native::decode_request(header, {}, args_.limits.decode);
      return refuse(header.id, header.type,
                    std::get<protocol::decode_error>(decoded));
    }
    auto memory = large_memory();
    take_request(large_header_, memory->bytes(), memory);
  }

  void refuse_large(protocol::status code, const char* why) override {
    auto header = large_ ? large_header_ : native::frame_header{};
    refuse(header.id, header.type, {code, why, true, true});
  }

  void take_request(const native::frame_header& header,
                    std::span<const std::byte> body,
                    const memory_owner& memory) {
    note_request();
    auto decoded = native::decode_request(header, body, args_.limits.decode);
    if (auto* error = std::get_if<protocol::decode_error>(&decoded))
      return refuse(header.id, header.type, *error);
    auto& request = std::get<protocol::request>(decoded);
    auto wire_id = static_cast<std::uint64_t>(header.id);
    if (auto* hello = std::get_if<protocol::hello>(&request)) {
      answer_hello(wire_id, *hello);
    } else if (auto* ping = std::get_if<protocol::ping>(&request)) {
      reply(wire_id, protocol::request_type::ping,
            protocol::pong{ping->payload}, {});
    } else {
      submit(wire_id, std::move(request), memory);
    }
  }

  void submit(std::uint64_t wire_id, protocol::request request,
              const memory_owner& memory) {
    std::uint64_t total = 0;
    for_each_value(request,
                   [&](std::string_view value) { total += value.size(); });
    if (total <= storage::turn_value_bytes_max)
      return router_.submit(wire_id, std::move(request), memory);
    std::vector<std::span<const std::byte>> values;
    for_each_value(request, [&](std::string_view value) {
      values.push_back(as_bytes(value));
    });
    checksum(
      std::move(values), [this, wire_id, memory, request = std::move(request)](
                           std::vector<std::uint32_t> crcs) mutable {
        router_.submit(wire_id, std::move(request), memory, std::move(crcs));
      });
  }

  void refuse(native::request_id id, std::uint8_t type,
              const protocol::decode_error& error) {
    if (error.answer) {
      auto& buffer = out();
      auto before = buffer.size();
      native::encode_error(buffer, id, {error.code, error.message, type});
      wrote(buffer.size() - before);
    }
    if (error.close)
      end_input(error.answer);
  }

  void answer_hello(std::uint64_t wire_id, const protocol::hello& request) {
    if (request.version != native::frame_version)
      return refuse(native::request_id{wire_id},
                    static_cast<std::uint8_t>(protocol::request_type::hello),
                    {protocol::status::bad_version,
                     "this node speaks version 1 of the protocol only", true,
                     true});
    const auto& limits = args_.limits.decode;
    reply(wire_id, protocol::request_type::hello,
          protocol::hello_reply{native::frame_version, 0, args_.node_name,
                                args_.node_version, limits.key_bytes_max,
                                limits.value_bytes_max, limits.frame_bytes_max,
                                limits.batch_operations_max},
          {});
  }

  void answered(std::uint64_t, const answer&, const memory_owners&) override {
    assert(false); // It submits requests only.
  }

  void reply(std::uint64_t wire_id, protocol::request_type type,
             const protocol::reply& message,
             const memory_owners& memory) override {
    if (is_closed())
      return;
    native::request_id id{wire_id};
    auto& buffer = out();
    auto before = buffer.size();
    auto* value = std::get_if<protocol::value_reply>(&message);
    if (value == nullptr || value->value.size() < borrowed_reply_bytes_min) {
      native::encode_reply(buffer, type, id, message);
      return wrote(buffer.size() - before);
    }
    native::encode_value_reply_head(buffer, id, value->version, value->ttl_ms,
                                    value->value.size());
    wrote(buffer.size() - before);
    write_borrowed(as_bytes(value->value), memory);
  }

  /// Of `large_`.
  native::frame_header large_header_;
};

} // namespace

connection_actor spawn_connection(caf::actor_system& system,
                                  caf_compat::execution_base* loop,
                                  connection_args args) {
  return system.spawn<native_connection>(loop, std::move(args));
}

} // namespace kvs::actors
