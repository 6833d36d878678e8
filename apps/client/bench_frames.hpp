// Requests that are encoded once and then only patched.

#pragma once

#include "protocol/byte_buffer.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kvs::apps {

enum class bench_kind : std::uint8_t { set, get, incr };

/// `pipeline` frames one behind the other, all of one size and with a key of
/// its own each. Encoding happens once; a new key is twelve bytes.
class bench_frames {
public:
  bench_frames(bench_kind kind, std::uint32_t pipeline,
               std::uint32_t value_bytes);

  /// Gives every frame another key out of `keyspace`.
  void choose_keys(std::uint64_t& random_state, std::uint64_t keyspace);

  const std::byte* data() const {
    return frames_.data();
  }

  /// Size of the first `count` frames.
  std::size_t size_bytes(std::uint32_t count) const {
    return count * frame_bytes_;
  }

private:
  protocol::byte_buffer frames_;
  std::uint32_t pipeline_;
  std::size_t frame_bytes_{0};
};

} // namespace kvs::apps
