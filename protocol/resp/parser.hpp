// Commands out of the bytes of a RESP connection.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvs::protocol::resp {

/// How large a command may be.
struct parser_limits {
  /// Arguments of one command, its name included.
  std::int64_t arguments_max{1024 * 1024};
  /// Bytes of one argument.
  std::int64_t bulk_bytes_max{512LL * 1024 * 1024};
  /// Bytes of a line: of an inline command, of a count and of a length.
  std::size_t inline_bytes_max{64 * 1024};
  /// What a connection may send before it has authenticated is much smaller,
  /// and the errors say so.
  bool is_authenticated{true};
};

/// Finds commands, one after the other, in bytes that the caller keeps.
///
/// Both forms are understood: arrays of bulk strings (`*1\r\n$4\r\nPING\r\n`)
/// and inline commands (`PING\r\n`, with quotes and escapes). Nothing is
/// copied except inline arguments that contain quotes. No memory is taken for
/// what is only announced.
class parser {
public:
  enum class status {
    /// The command is incomplete: call again with more bytes.
    need_more,
    /// `arguments` is one command, of `consumed_bytes` bytes.
    command,
    /// The bytes are no RESP; `error` says why. The connection is lost.
    error,
  };

  parser() = default;

  explicit parser(const parser_limits& limits) : limits_(limits) {
  }

  /// Continues with the command under way. `bytes` begins where that command
  /// begins; from one call to the next it only grows at its end, and it may
  /// have been moved in memory. What was seen is not parsed again.
  status next(std::string_view bytes);

  /// After `command`: how many bytes it had. The next call begins behind them.
  std::size_t consumed_bytes() const {
    return consumed_bytes_;
  }

  /// After `command`: its name and its arguments, views into `bytes` or into
  /// this parser, valid until the next call. Empty for an empty line and for
  /// an array of no elements, which want no reply.
  std::span<const std::string_view> arguments() const {
    return arguments_;
  }

  /// After `error`: the text of the error reply, without '-' and CRLF.
  std::string_view error() const {
    return error_;
  }

  /// After `need_more`: how many bytes of the command are known to be needed
  /// in all, those that were seen included. Always more than were seen.
  std::uint64_t needed_bytes() const {
    return needed_bytes_;
  }

  /// No byte of a command has been seen yet.
  bool idle() const {
    return seen_bytes_ == 0;
  }

  void set_limits(const parser_limits& limits) {
    limits_ = limits;
  }

  /// Forgets the command under way.
  void reset();

private:
  enum class state { start, inline_line, count_line, length_line, bulk };

  /// Where an argument lies: the bytes may move between two calls.
  struct extent {
    std::size_t offset{0};
    std::size_t size{0};
  };

  void begin();
  /// Takes a command of a few short arguments that is there as a whole, as
  /// most are, in one go. False: this one is different; nothing has happened.
  bool take_short(std::string_view bytes);
  bool take_short_argument(std::string_view& rest);
  status refuse(std::string_view what);
  status wait_for(std::string_view bytes, std::uint64_t needed_bytes);
  status finish(std::string_view bytes);
  status read_inline(std::string_view bytes);
  status read_array(std::string_view bytes);
  status read_arguments(std::string_view bytes);
  std::string_view read_length(std::string_view line);

  struct found_line {
    std::string_view text;
    bool is_complete{false};
    bool is_too_long{false};
  };

  found_line find_line(std::string_view bytes, char end, std::size_t behind);

  parser_limits limits_;
  state state_{state::start};
  /// Everything in front of it has been understood.
  std::size_t position_{0};
  /// Between `position_` and here there is no end of a line.
  std::size_t searched_{0};
  std::size_t seen_bytes_{0};
  std::size_t consumed_bytes_{0};
  std::uint64_t needed_bytes_{0};
  std::int64_t missing_arguments_{0};
  std::size_t bulk_bytes_{0};
  std::vector<extent> extents_;
  std::vector<std::string_view> arguments_;
  /// What inline arguments with quotes stand for.
  std::string unquoted_;
  std::string error_;
};

} // namespace kvs::protocol::resp
