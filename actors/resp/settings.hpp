/// What CONFIG SET changes, and what CONFIG GET and INFO tell of the node.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace kvs::actors::resp {

/// Classes of keyspace notifications, by their letter; 'A' stands for all of
/// them but misses and new keys.
using event_flags = std::uint32_t;

/// nullopt-like: ~0 for a text with an unknown letter.
inline constexpr event_flags unknown_event_flags = ~event_flags{0};

event_flags parse_event_flags(const std::string& letters);
std::string to_letters(event_flags flags);
/// The bit of one letter.
constexpr event_flags event_flag(char letter) {
  switch (letter) {
    case 'K':
      return 1u << 0;
    case 'E':
      return 1u << 1;
    case 'g':
      return 1u << 2;
    case '$':
      return 1u << 3;
    case 'l':
      return 1u << 4;
    case 's':
      return 1u << 5;
    case 'h':
      return 1u << 6;
    case 'z':
      return 1u << 7;
    case 'x':
      return 1u << 8;
    case 'e':
      return 1u << 9;
    case 't':
      return 1u << 10;
    case 'm':
      return 1u << 11;
    case 'd':
      return 1u << 12;
    case 'n':
      return 1u << 13;
    default:
      return 0;
  }
}

/// What CLIENT PAUSE holds up.
enum class pause_mode : std::uint8_t { none, writes, all };

/// The same for all sessions; a change is a new object.
struct settings {
  event_flags notify = 0;
  /// Slower commands go into the slow log; negative: none.
  std::int64_t slowlog_slower_than_us = 10'000;
  std::int64_t slowlog_length_max = 128;
  /// Sessions that are idle for longer are closed; 0: none.
  std::chrono::milliseconds idle_timeout{};
  pause_mode paused = pause_mode::none;
  /// Somebody wants to see every command.
  bool is_monitored = false;
  /// What CONFIG GET shows: all parameters, with those above.
  std::map<std::string, std::string> parameters;

  bool notifies() const {
    return notify != 0;
  }
  /// Even the plainest commands are measured. Their own work takes less than a
  /// millisecond; what they wait for is told by other means.
  bool logs_quick_commands() const {
    return slowlog_slower_than_us >= 0 && slowlog_slower_than_us < 1000;
  }
  /// Commands have to be looked at one by one.
  bool holds_or_shows_commands() const {
    return is_monitored || notifies() || paused != pause_mode::none
           || logs_quick_commands();
  }
};

using settings_ptr = std::shared_ptr<const settings>;

} // namespace kvs::actors::resp
