// How a CONNECTION turns bytes into requests, and when it stops reading.

#include "actors/connection_state.hpp"
#include "storage/record.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace kvs::actors {
namespace {

/// One read takes at most this; a frame that fits it is decoded in place and
/// costs the MEMORY BUDGET nothing.
constexpr std::size_t receive_buffer_bytes = 64 * 1024;

/// Below this much room a fresh buffer is better than a short read.
constexpr std::size_t receive_room_min = 8 * 1024;

/// What a large frame is charged and grows by at once, at most.
constexpr std::uint64_t charge_step_bytes = std::uint64_t{1} << 20;

/// Room for large frames before the first charge.
constexpr std::uint64_t uncharged_bytes = receive_buffer_bytes;

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

} // namespace

std::size_t connection::requests_in_flight() const {
  return router_.in_flight() + (checksum_ ? 1 : 0);
}

bool connection::window_is_open() const {
  return requests_in_flight() < args_.limits.requests_in_flight_max
         && router_.in_flight_bytes() < args_.limits.request_bytes_max;
}

bool connection::may_read() const {
  return !closed_ && !reading_ && !input_ended_ && !waiting_for_memory_
         && !checksum_ && pending_bytes_ <= args_.limits.reply_bytes_max
         && window_is_open();
}

void connection::read_more() {
  if (linger_until_ && !reading_ && !closed_) {
    // What was read before may still be borrowed.
    if (buffer_ == nullptr || buffer_.use_count() > 1)
      buffer_ = std::make_shared<receive_buffer>(receive_buffer_bytes);
    reading_ = true;
    return args_.stream->read({buffer_->bytes.get(), buffer_->capacity_bytes});
  }
  if (!may_read())
    return;
  if (large_ && !large_->skipped) {
    auto room = large_->body.capacity() - large_->body.size();
    room = std::min<std::uint64_t>(room, large_->header.body_bytes
                                           - large_->body.size());
    reading_ = true;
    return args_.stream->read(
      {large_->body.data() + large_->body.size(), room});
  }
  make_room();
  reading_ = true;
  args_.stream->read({buffer_->bytes.get() + arrived_bytes_,
                      buffer_->capacity_bytes - arrived_bytes_});
}

void connection::make_room() {
  auto rest = arrived_bytes_ - parsed_bytes_;
  if (buffer_ != nullptr && buffer_.use_count() == 1) {
    // No request borrows from it any more, and what the last one read of it
    // happened before it let go.
    std::atomic_thread_fence(std::memory_order_acquire);
    if (rest > 0 && parsed_bytes_ > 0)
      std::memmove(buffer_->bytes.get(), buffer_->bytes.get() + parsed_bytes_,
                   rest);
  } else if (buffer_ == nullptr
             || buffer_->capacity_bytes - arrived_bytes_ < receive_room_min) {
    auto fresh = std::make_shared<receive_buffer>(receive_buffer_bytes);
    if (rest > 0)
      std::memcpy(fresh->bytes.get(), buffer_->bytes.get() + parsed_bytes_,
                  rest);
    buffer_ = std::move(fresh);
  } else {
    return;
  }
  parsed_bytes_ = 0;
  arrived_bytes_ = rest;
}

void connection::parse() {
  while (!closed_ && !input_ended_ && !checksum_ && !waiting_for_memory_
         && pending_bytes_ <= args_.limits.reply_bytes_max && window_is_open()
         && parsed_bytes_ < arrived_bytes_ && parse_frame()) {
  }
}

bool connection::parse_frame() {
  std::span<const std::byte> bytes{buffer_->bytes.get() + parsed_bytes_,
                                   arrived_bytes_ - parsed_bytes_};
  if (large_) {
    feed_large_frame(bytes);
    return true;
  }
  auto parsed = protocol::native::parse_header(
    bytes, args_.limits.decode.frame_bytes_max);
  if (auto* error = std::get_if<protocol::decode_error>(&parsed)) {
    refuse({}, 0, *error);
    return false;
  }
  auto* header = std::get_if<protocol::native::frame_header>(&parsed);
  if (header == nullptr) {
    begin_frame();
    return false;
  }
  auto frame_bytes = protocol::native::header_bytes + header->body_bytes;
  auto known = protocol::native::is_request_type(header->type);
  if (frame_bytes > bytes.size()
      && (frame_bytes > receive_buffer_bytes || !known)) {
    parsed_bytes_ += protocol::native::header_bytes;
    begin_large_frame(*header);
    return true;
  }
  if (frame_bytes > bytes.size()) {
    begin_frame();
    return false;
  }
  frame_began_.reset();
  parsed_bytes_ += frame_bytes;
  take_request(
    *header, bytes.subspan(protocol::native::header_bytes, header->body_bytes),
    buffer_);
  return true;
}

void connection::begin_frame() {
  if (!frame_began_)
    frame_began_ = this->clock().now();
}

bool connection::frame_is_late(time_point now) {
  if (!frame_began_)
    return false;
  // Time in which this side did not read is not the client's.
  if (!reading_)
    *frame_began_ += now - last_check_;
  auto bytes = !large_           ? arrived_bytes_ - parsed_bytes_
               : large_->skipped ? large_->skipped_bytes
                                 : large_->body.size();
  auto allowed
    = args_.limits.frame_timeout
      + std::chrono::seconds{bytes / args_.limits.frame_bytes_per_second_min};
  return now - *frame_began_ > allowed;
}

void connection::take_request(const protocol::native::frame_header& header,
                              std::span<const std::byte> body,
                              const memory_owner& memory) {
  last_request_ = this->clock().now();
  auto decoded
    = protocol::native::decode_request(header, body, args_.limits.decode);
  if (auto* error = std::get_if<protocol::decode_error>(&decoded))
    return refuse(header.id, header.type, *error);
  auto& request = std::get<protocol::request>(decoded);
  auto wire_id = static_cast<std::uint64_t>(header.id);
  if (auto* hello = std::get_if<protocol::hello>(&request)) {
    answer_hello(wire_id, *hello);
  } else if (auto* ping = std::get_if<protocol::ping>(&request)) {
    reply(wire_id, protocol::request_type::ping, protocol::pong{ping->payload},
          {});
  } else {
    submit(wire_id, std::move(request), memory);
  }
}

void connection::refuse(protocol::native::request_id id, std::uint8_t type,
                        const protocol::decode_error& error) {
  if (error.answer) {
    auto& buffer = out();
    auto before = buffer.size();
    protocol::native::encode_error(buffer, id,
                                   {error.code, error.message, type});
    pending_bytes_ += buffer.size() - before;
  }
  if (!error.close)
    return;
  // The position in the stream is lost: what follows is not read.
  input_ended_ = true;
  refused_ = error.answer;
  parsed_bytes_ = arrived_bytes_;
  frame_began_.reset();
}

void connection::answer_hello(std::uint64_t wire_id,
                              const protocol::hello& request) {
  if (request.version != protocol::native::frame_version)
    return refuse(protocol::native::request_id{wire_id},
                  static_cast<std::uint8_t>(protocol::request_type::hello),
                  {protocol::status::bad_version,
                   "this node speaks version 1 of the protocol only", true,
                   true});
  const auto& limits = args_.limits.decode;
  reply(wire_id, protocol::request_type::hello,
        protocol::hello_reply{
          protocol::native::frame_version, 0, args_.node_name,
          args_.node_version, limits.key_bytes_max, limits.value_bytes_max,
          limits.frame_bytes_max, limits.batch_operations_max},
        {});
}

void connection::begin_large_frame(
  const protocol::native::frame_header& header) {
  large_.emplace();
  large_->header = header;
  large_->skipped = !protocol::native::is_request_type(header.type);
  frame_began_.reset();
  begin_frame();
  if (!large_->skipped)
    grow_large_frame();
}

void connection::feed_large_frame(std::span<const std::byte> bytes) {
  auto& frame = *large_;
  auto have = frame.skipped ? frame.skipped_bytes : frame.body.size();
  auto count
    = std::min<std::uint64_t>(bytes.size(), frame.header.body_bytes - have);
  if (!frame.skipped)
    count = std::min<std::uint64_t>(count,
                                    frame.body.capacity() - frame.body.size());
  parsed_bytes_ += count;
  if (frame.skipped)
    frame.skipped_bytes += count;
  else
    frame.body.append(bytes.first(count));
  large_progressed();
}

void connection::large_received(std::size_t count) {
  large_->body.grow(count);
  large_progressed();
}

void connection::large_progressed() {
  auto& frame = *large_;
  auto have = frame.skipped ? frame.skipped_bytes : frame.body.size();
  if (have == frame.header.body_bytes)
    return finish_large_frame();
  if (!frame.skipped && frame.body.size() == frame.body.capacity())
    grow_large_frame();
}

void connection::grow_large_frame() {
  auto& frame = *large_;
  auto allowed = uncharged_bytes + frame.charged_bytes;
  auto wanted = std::min<std::uint64_t>(
    frame.header.body_bytes,
    frame.body.capacity() == 0
      ? uncharged_bytes
      : frame.body.capacity()
          + std::clamp<std::uint64_t>(frame.body.capacity(), uncharged_bytes,
                                      charge_step_bytes));
  if (wanted <= allowed)
    return frame.body.reserve(wanted);
  waiting_for_memory_ = true;
  caf_compat::tell(this, args_.store.budget,
                   reserve_memory{connection_impl{this}, wanted - allowed,
                                  for_large_frame, frame.charged_bytes});
}

void connection::finish_large_frame() {
  frame_began_.reset();
  auto frame = std::move(*large_);
  large_.reset();
  if (frame.skipped) {
    // Decoding an unknown type fails without looking at the body.
    auto header = frame.header;
    header.body_bytes = 0;
    auto decoded
      = protocol::native::decode_request(header, {}, args_.limits.decode);
    return refuse(frame.header.id, frame.header.type,
                  std::get<protocol::decode_error>(decoded));
  }
  // The memory goes back to the budget when the last borrower lets go.
  auto owner = std::shared_ptr<protocol::byte_buffer>(
    new protocol::byte_buffer(std::move(frame.body)),
    [charge
     = memory_charge{args_.store.budget, frame.charged_bytes}](auto* body) {
      delete body;
      charge.release();
    });
  take_request(frame.header, owner->bytes(), owner);
}

void connection::drop_large_frame() {
  if (!large_)
    return;
  if (large_->charged_bytes > 0)
    caf_compat::tell(this, args_.store.budget,
                     release_memory{large_->charged_bytes});
  large_.reset();
}

void connection::submit(std::uint64_t wire_id, protocol::request request,
                        const memory_owner& memory) {
  std::uint64_t total = 0;
  for_each_value(request,
                 [&](std::string_view value) { total += value.size(); });
  if (total <= storage::turn_value_bytes_max)
    return router_.submit(wire_id, std::move(request), memory);
  checksum_.emplace();
  checksum_->wire_id = wire_id;
  checksum_->request = std::move(request);
  checksum_->memory = memory;
  for_each_value(checksum_->request, [this](std::string_view value) {
    checksum_->values.push_back(
      std::as_bytes(std::span{value.data(), value.size()}));
  });
  caf_compat::tell(this, this, checksum_due{});
}

void connection::continue_checksum() {
  if (!checksum_)
    return;
  auto& job = *checksum_;
  auto left = storage::turn_value_bytes_max;
  if (job.crcs.empty())
    job.crcs.push_back(0);
  for (;;) {
    auto value = job.values[job.crcs.size() - 1];
    auto count = std::min(value.size() - job.done_bytes_of_last, left);
    job.crcs.back() = storage::extend_value_checksum(
      job.crcs.back(), value.subspan(job.done_bytes_of_last, count));
    job.done_bytes_of_last += count;
    left -= count;
    if (job.done_bytes_of_last < value.size())
      return caf_compat::tell(this, this, checksum_due{});
    if (job.crcs.size() == job.values.size())
      break;
    job.crcs.push_back(0);
    job.done_bytes_of_last = 0;
  }
  auto done = std::move(*checksum_);
  checksum_.reset();
  router_.submit(done.wire_id, std::move(done.request), done.memory,
                 std::move(done.crcs));
}

} // namespace kvs::actors
