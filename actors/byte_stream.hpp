/// The socket half of a CONNECTION, as the actor sees it.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>

namespace kvs::actors {

/// How long a peer may be silent before it is asked whether it is there, and
/// how long it may take to answer.
inline constexpr std::chrono::seconds keepalive_after{300};

/// A stream of bytes in both directions. Used only on the loop that owns it;
/// the callbacks come there too. Tests substitute a scripted one.
class byte_stream {
public:
  virtual ~byte_stream() = default;

  /// What happened to a read.
  enum class event { bytes, end_of_stream, failed };

  /// Sets who is told: of reads with the number of bytes, and that the stream
  /// takes bytes again.
  virtual void on_events(std::function<void(event, std::size_t bytes)> received,
                         std::function<void()> writable)
    = 0;

  /// Reads at least one byte into `target`, which must stay valid until the
  /// callback. One at a time. @pre it is not empty
  virtual void read(std::span<std::byte> target) = 0;

  /// Writes as much of `parts` as is taken without waiting; nullopt: the
  /// stream is broken. If that is not all, `writable` will be called.
  virtual std::optional<std::size_t>
  write(std::span<const std::span<const std::byte>> parts) = 0;

  /// Says that nothing more will be written; reading goes on.
  virtual void end_output() = 0;

  /// Ends both directions; afterwards no callback comes and the target of a
  /// read is not touched any more.
  virtual void close() = 0;

  /// Address of the peer, for messages.
  virtual std::string peer() const = 0;
};

} // namespace kvs::actors
