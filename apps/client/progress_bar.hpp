// A line on the terminal that says how far a long command is.

#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace kvs::apps {

/// Draws on stderr, a few times a second, and only if that is a terminal.
class progress_bar {
public:
  /// `verb` is what happens to the keys, such as "imported".
  explicit progress_bar(std::string verb);

  /// Removes the line, so that what follows stands alone.
  ~progress_bar();

  progress_bar(const progress_bar&) = delete;
  progress_bar& operator=(const progress_bar&) = delete;

  /// `done` of `total` units of work are done, `key_count` keys among them. A
  /// `total` of 0 means that it is unknown.
  void update(std::uint64_t done, std::uint64_t total, std::uint64_t key_count);

  /// Removes the line, for a message in between; the next update draws it.
  void hide();

  /// Prints how many keys were handled, how fast, to stderr on a terminal.
  void finish(std::uint64_t key_count);

private:
  using clock = std::chrono::steady_clock;

  double keys_per_second(std::uint64_t key_count) const;

  std::string verb_;
  bool on_terminal_;
  bool drawn_{false};
  clock::time_point begin_{clock::now()};
  clock::time_point next_draw_{begin_};
};

} // namespace kvs::apps
