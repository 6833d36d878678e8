// The writing half of every import.

#pragma once

#include "apps/client/progress_bar.hpp"
#include "apps/client/session.hpp"

#include <cstdint>
#include <deque>
#include <future>
#include <string>
#include <string_view>

namespace kvs::apps {

/// Sends puts without waiting for each, and counts what became of them.
///
/// Puts of one key take effect in their order, others in any.
///
/// Failure: a key that is refused is named on stderr and counted, the others
/// are still written. A lost connection ends the import: it is never made
/// again silently.
class import_writer {
public:
  explicit import_writer(session& node) : node_(node) {
  }

  /// Connects and asks how large keys and values may be. False after the
  /// reason was printed.
  bool begin();

  /// Whether the node takes them. If not, the key is named and counted.
  bool fits(std::string_view key, std::uint64_t value_bytes,
            std::uint64_t line_number = 0);

  /// Stores `value` under `key`. Errors name the line, or the key if
  /// `line_number` is 0. An `expiry_ms` of 0 means for ever.
  void put(std::string_view key, std::string_view value, std::int64_t expiry_ms,
           std::uint64_t line_number = 0);

  /// Counts a failure that was found before anything was sent.
  void complain(const std::string& what, const std::string& why);

  /// Waits for all answers.
  void finish();

  /// Whether the connection is gone, and with it the sense of going on.
  bool lost() const {
    return lost_;
  }

  std::uint64_t imported() const {
    return imported_;
  }

  std::uint64_t failed() const {
    return failed_;
  }

  /// Shows that `done` of `total` units of the source are read.
  void update(std::uint64_t done, std::uint64_t total) {
    progress_.update(done, total, imported_);
  }

  /// Removes the bar, so that a message can be printed.
  void hide_progress() {
    progress_.hide();
  }

private:
  struct waiting_put {
    std::string key;
    std::uint64_t line_number{0};
    std::size_t size_bytes{0};
    std::future<
      protocol::client_outcome<protocol::received<protocol::write_reply>>>
      answer;
  };

  std::string find_excess(std::string_view key,
                          std::uint64_t value_bytes) const;
  void finish_oldest();

  session& node_;
  progress_bar progress_{"imported"};
  std::deque<waiting_put> waiting_;
  std::size_t waiting_bytes_{0};
  std::uint64_t key_bytes_max_{0};
  std::uint64_t value_bytes_max_{0};
  std::uint64_t frame_bytes_max_{0};
  std::uint64_t imported_{0};
  std::uint64_t failed_{0};
  bool lost_{false};
};

} // namespace kvs::apps
