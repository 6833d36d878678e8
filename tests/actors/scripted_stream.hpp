#pragma once

#include "actors/byte_stream.hpp"
#include "protocol/byte_buffer.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <span>
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
      if (ended_)
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

} // namespace kvs::actors
