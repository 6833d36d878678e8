// Long work on bytes, cut into pieces.

#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>

namespace kvs::protocol {

/// Who works on large values counts here what has been done, so that whoever
/// has to do the work can do other things after each mebibyte of it.
///
/// Threads: one at a time.
class pacer {
public:
  static constexpr std::size_t piece_bytes_max = std::size_t{1} << 20;

  /// Nobody wants a pause.
  pacer() = default;

  /// `pause` is called after each piece; work goes on when it returns.
  explicit pacer(std::function<void()> pause) : pause_(std::move(pause)) {
  }

  /// Some bytes have been worked on.
  /// @pre at most a piece at once
  void did(std::size_t bytes) {
    done_bytes_ += bytes;
    if (done_bytes_ < piece_bytes_max) [[likely]]
      return;
    done_bytes_ = 0;
    if (pause_)
      pause_();
  }

  /// Calls `handle(offset, size)` for one piece after the other, until all
  /// bytes are handled or it returns false (it may return nothing).
  template <class Handle>
  void in_pieces(std::size_t size_bytes, Handle handle) {
    for (std::size_t at = 0; at < size_bytes;) {
      const std::size_t count
        = std::min(size_bytes - at, piece_bytes_max - done_bytes_);
      if constexpr (std::is_same_v<decltype(handle(at, count)), bool>) {
        if (!handle(at, count))
          return;
      } else {
        handle(at, count);
      }
      at += count;
      did(count);
    }
  }

private:
  std::function<void()> pause_;
  /// Since the last pause; less than a piece.
  std::size_t done_bytes_{0};
};

} // namespace kvs::protocol
