// Reading files and stdin.

#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

namespace kvs::apps {

/// All bytes of the file `name`, "-" meaning stdin. Nothing after the reason
/// was printed.
std::optional<std::string> read_whole(const std::string& name);

/// Reads a file, or stdin as "-", line by line.
class line_reader {
public:
  /// Prints the reason and reads nothing if the file cannot be opened.
  explicit line_reader(const std::string& name);

  bool is_open() const {
    return file_ != nullptr;
  }

  /// Puts the next line without its newline into `line`; false at the end.
  bool next(std::string& line);

  /// Number of the line that was read last, from 1.
  std::uint64_t line_number() const {
    return line_number_;
  }

  /// Bytes read so far.
  std::uint64_t read_bytes() const {
    return read_bytes_;
  }

  /// Size of the file; 0 if that is unknown, as for a pipe.
  std::uint64_t file_bytes() const {
    return file_bytes_;
  }

  /// Whether reading ended with an error instead of the end of the file.
  bool failed() const;

private:
  struct closer {
    void operator()(std::FILE* file) const;
  };

  std::unique_ptr<std::FILE, closer> file_;
  std::uint64_t line_number_{0};
  std::uint64_t read_bytes_{0};
  std::uint64_t file_bytes_{0};
};

} // namespace kvs::apps
