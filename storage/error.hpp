#pragma once

#include <cstdint>
#include <string>

namespace kvs::storage {

/// Why a storage call failed. A code exists only where some caller reacts to
/// it differently; everything else a human needs is in `error::context`.
enum class errc : std::uint8_t {
  /// A key, value or batch exceeds limits.hpp. Reaction: refuse this request.
  too_large = 1,
  /// The device or the quota is full. Reaction: refuse writes, keep serving
  /// reads, deletes and compaction.
  no_space,
  /// Stored bytes fail their checksum or contradict each other. Reaction:
  /// report the place, never serve the bytes; at start: refuse to open.
  corrupt,
  /// A file was written by a format this build does not know. Reaction:
  /// refuse to open, touch nothing.
  unknown_format,
  /// Another process holds the directory. Reaction: name it and exit.
  locked,
  /// The directory cannot be created or entered. Reaction: exit.
  unusable_directory,
  /// There is no such file. Reaction: the caller knows whether it may be
  /// absent.
  not_found,
  /// The process has no file descriptor left. Reaction: fail this request.
  too_many_files,
  /// The process may not lock that much memory. Reaction: go on without.
  no_memory,
  /// Any other failed system call. Reaction: a failed sync turns the store
  /// read-only; a failed read fails its request.
  io_failed,
};

/// Short lower-case name of a code, for logs.
const char* to_string(errc code) noexcept;

/// A failed storage call.
struct error {
  errc code = errc::io_failed;
  /// `errno` of the failed system call, or 0 if none was involved.
  int os_error = 0;
  /// What was attempted and what did not happen, with file and offset, e.g.
  /// "fdatasync 000007.log". For people; nobody parses it.
  std::string context;
};

/// One line for people: context, code and the text of `os_error`.
std::string to_string(const error& err);

} // namespace kvs::storage
