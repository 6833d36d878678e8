// How large the parts of a request may be before it is refused.

#pragma once

#include <cstdint>

namespace kvs::protocol {

/// What a decoder accepts. The owner of the listener sets it from the limits
/// of its store; every one may be configured downwards.
struct decode_limits {
  /// Largest frame, header included. Checked before anything is allocated.
  /// The default holds one value of the largest size, its key and the rest of
  /// the frame; a larger one would let one frame take more memory than the
  /// network budget was planned for.
  std::uint64_t frame_bytes_max{(512ULL << 20) + (1ULL << 20)};

  /// Largest key. Keys are compared and hashed in one turn of an actor; keys
  /// above 16 MiB would stall the others.
  std::uint64_t key_bytes_max{64ULL << 10};

  /// Largest value.
  std::uint64_t value_bytes_max{512ULL << 20};

  /// Most operations of a batch or transaction, and most keys of a multi-get:
  /// all of them are answered or applied in one turn of each shard.
  std::uint64_t batch_operations_max{1024};

  /// Most bytes of keys and values in a batch or transaction: it is one record
  /// of the log and one write call.
  std::uint64_t batch_bytes_max{16ULL << 20};
};

/// Longest expiry, in milliseconds: 10,000 years. Added to any wall clock it
/// stays far away from the end of a signed 64-bit count of microseconds.
inline constexpr std::int64_t expiry_ms_max
  = 10'000LL * 366 * 24 * 60 * 60 * 1000;

} // namespace kvs::protocol
