// How a CONNECTION reads, and when it stops reading.

#include "actors/connection_state.hpp"
#include "storage/record.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace kvs::actors {
namespace {

/// Below this much room a fresh buffer is better than a short read.
constexpr std::size_t receive_room_min = 8 * 1024;

/// What a large input is charged and grows by at once, at most.
constexpr std::uint64_t charge_step_bytes = std::uint64_t{1} << 20;

/// Room for large inputs before the first charge.
constexpr std::uint64_t uncharged_bytes = receive_buffer_bytes;

} // namespace

std::size_t connection::requests_in_flight() const {
  return router_.in_flight() + requests_elsewhere() + (checksum_ ? 1 : 0);
}

bool connection::window_is_open() const {
  return requests_in_flight() < args_.limits.requests_in_flight_max
         && router_.in_flight_bytes() < args_.limits.request_bytes_max;
}

bool connection::may_read() const {
  return !closed_ && !reading_ && !input_ended_ && !waiting_for_memory_
         && !holds_input_ && !checksum_
         && pending_bytes_ <= args_.limits.reply_bytes_max && window_is_open();
}

void connection::read_more() {
  if (linger_until_ && !reading_ && !closed_) {
    // What was read before may still be borrowed.
    if (buffer_ == nullptr || buffer_memory_.use_count() > 1)
      use_fresh_buffer(receive_buffer_bytes);
    reading_ = true;
    return args_.stream->read({buffer_->bytes.get(), buffer_->capacity_bytes});
  }
  if (!may_read())
    return;
  std::span<std::byte> room;
  if (large_ && !large_->skipped) {
    auto& body = large_->body;
    room = {body.data() + body.size(),
            std::min<std::uint64_t>(body.capacity(), large_->wanted_bytes)
              - body.size()};
  } else {
    make_room();
    room = {buffer_->bytes.get() + arrived_bytes_,
            buffer_->capacity_bytes - arrived_bytes_};
  }
  // Requests that fill the whole buffer wait for earlier ones, and those end
  // with a turn.
  if (room.empty())
    return;
  reading_ = true;
  args_.stream->read(room);
}

void connection::make_room() {
  auto rest = arrived_bytes_ - parsed_bytes_;
  if (buffer_ != nullptr && buffer_memory_.use_count() == 1) {
    // No request borrows from it any more, and what the last one read of it
    // happened before it let go.
    std::atomic_thread_fence(std::memory_order_acquire);
    if (rest > 0 && parsed_bytes_ > 0)
      std::memmove(buffer_->bytes.get(), buffer_->bytes.get() + parsed_bytes_,
                   rest);
  } else if (buffer_ == nullptr
             || buffer_->capacity_bytes - arrived_bytes_ < receive_room_min) {
    auto before = buffer_memory_;
    auto* unparsed = rest > 0 ? arrived().data() : nullptr;
    use_fresh_buffer(receive_buffer_bytes);
    if (rest > 0)
      std::memcpy(buffer_->bytes.get(), unparsed, rest);
  } else {
    return;
  }
  parsed_bytes_ = 0;
  arrived_bytes_ = rest;
}

void connection::use_fresh_buffer(std::size_t capacity_bytes) {
  auto fresh = std::make_shared<receive_buffer>(capacity_bytes);
  buffer_ = fresh.get();
  buffer_memory_ = std::move(fresh);
}

void connection::parse() {
  while (!closed_ && !input_ended_ && !holds_input_ && !checksum_
         && !waiting_for_memory_
         && pending_bytes_ <= args_.limits.reply_bytes_max && window_is_open()
         && parsed_bytes_ < arrived_bytes_) {
    if (large_)
      feed_large();
    else if (!parse_one())
      return;
  }
}

void connection::took(std::size_t count) {
  parsed_bytes_ += count;
}

void connection::end_input(bool linger) {
  input_ended_ = true;
  refused_ = linger;
  parsed_bytes_ = arrived_bytes_;
  deadline_began_.reset();
}

void connection::begin_large(std::uint64_t needed_bytes,
                             std::uint64_t wanted_bytes, bool skipped) {
  large_.emplace();
  large_->needed_bytes = needed_bytes;
  large_->wanted_bytes = wanted_bytes;
  large_->skipped = skipped;
  deadline_began_.reset();
  begin_deadline();
  if (!skipped) {
    // A value of half a gibibyte is not copied each time it grows.
    large_->body.make_room(wanted_bytes);
    grow_large();
  }
}

void connection::unread(std::span<const std::byte> bytes) {
  if (bytes.empty())
    return;
  auto rest = arrived();
  auto room = std::max(receive_buffer_bytes,
                       bytes.size() + rest.size() + receive_room_min);
  auto before = buffer_memory_;
  use_fresh_buffer(room);
  std::memcpy(buffer_->bytes.get(), bytes.data(), bytes.size());
  if (!rest.empty())
    std::memcpy(buffer_->bytes.get() + bytes.size(), rest.data(), rest.size());
  arrived_bytes_ = bytes.size() + rest.size();
  parsed_bytes_ = 0;
}

void connection::feed_large() {
  auto& input = *large_;
  auto bytes = arrived();
  auto count = std::min<std::uint64_t>(bytes.size(), input.wanted_bytes
                                                       - input.arrived_bytes());
  if (input.skipped) {
    input.skipped_bytes += count;
  } else {
    count = std::min<std::uint64_t>(count,
                                    input.body.capacity() - input.body.size());
    input.body.append(bytes.first(count));
  }
  parsed_bytes_ += count;
  large_progressed();
}

void connection::large_progressed() {
  auto& input = *large_;
  if (input.arrived_bytes() >= input.needed_bytes)
    take_large();
  if (large_ && !large_->skipped
      && large_->body.size() == large_->body.capacity())
    grow_large();
}

void connection::grow_large() {
  auto& input = *large_;
  auto allowed = uncharged_bytes + input.charged_bytes;
  auto wanted = std::min<std::uint64_t>(
    input.wanted_bytes,
    input.body.capacity() == 0
      ? uncharged_bytes
      : input.body.capacity()
          + std::clamp<std::uint64_t>(input.body.capacity(), uncharged_bytes,
                                      charge_step_bytes));
  if (wanted <= allowed)
    return input.body.reserve(wanted);
  waiting_for_memory_ = true;
  caf_compat::tell(this, args_.store.budget,
                   reserve_memory{connection_impl{this}, wanted - allowed,
                                  for_large_input, input.charged_bytes});
}

std::shared_ptr<protocol::byte_buffer> connection::large_memory() {
  deadline_began_.reset();
  auto input = std::move(*large_);
  large_.reset();
  return {new protocol::byte_buffer(std::move(input.body)),
          [charge = memory_charge{args_.store.budget, input.charged_bytes}](
            auto* body) {
            delete body;
            charge.release();
          }};
}

void connection::drop_large() {
  if (!large_)
    return;
  if (large_->charged_bytes > 0)
    caf_compat::tell(this, args_.store.budget,
                     release_memory{large_->charged_bytes});
  large_.reset();
}

void connection::checksum(
  std::vector<std::span<const std::byte>> values,
  std::function<void(std::vector<std::uint32_t>)> then) {
  checksum_.emplace();
  checksum_->values = std::move(values);
  checksum_->then = std::move(then);
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
  done.then(std::move(done.crcs));
}

} // namespace kvs::actors
