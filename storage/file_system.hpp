#pragma once

#include "storage/result.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// The only way storage touches a disk. `posix_file_system` is the real one;
/// tests substitute a disk that loses, tears, reorders and refuses writes.
namespace kvs::storage {

/// The first bytes of a file, to be looked at where they are in memory.
class mapped_bytes {
public:
  virtual ~mapped_bytes() = default;
  /// Show what is written to the file. Only bytes that are locked may be
  /// looked at: others may have to wait for the disk, or not be there at all.
  virtual std::span<const std::byte> bytes() const noexcept = 0;
  /// Reads the bytes in front of `end_bytes` into memory and keeps them there
  /// as long as this object lives. May wait for the disk.
  /// @pre the file has them, and is not cut in front of `end_bytes` later
  /// Errors: no_memory (nothing more may be locked), io_failed.
  virtual result<ok> lock(std::uint64_t end_bytes) = 0;
};

/// An open file. Calls on one file may come from several threads as long as
/// nobody writes or truncates a range that another one reads.
class file {
public:
  virtual ~file() = default;

  /// Reads up to `target.size()` bytes at `offset_bytes`; may wait for the
  /// disk. Returns fewer bytes only at the end of the file.
  virtual result<std::size_t> read_at(std::uint64_t offset_bytes,
                                      std::span<std::byte> target) const = 0;

  /// As `read_at`, but only what is in memory: fewer bytes, or none, do not
  /// mean that the file ends. Never waits for the disk.
  virtual result<std::size_t>
  read_resident_at(std::uint64_t offset_bytes,
                   std::span<std::byte> target) const = 0;

  /// Nothing is read or locked yet; the file may still be shorter.
  /// Errors: no_memory, io_failed.
  virtual result<std::shared_ptr<mapped_bytes>>
  map(std::uint64_t size_bytes) const = 0;

  /// Writes all `parts`, one behind the other, at `offset_bytes`. On error
  /// any prefix may have been written.
  virtual result<ok> write_at(std::uint64_t offset_bytes,
                              std::span<const std::span<const std::byte>> parts)
    = 0;

  /// Makes everything written so far survive a power cut. An error is final:
  /// what the disk holds is unknown, and nobody may call it again.
  virtual result<ok> sync() = 0;

  /// Cuts or extends (with zeros) the file.
  virtual result<ok> truncate(std::uint64_t size_bytes) = 0;

  /// Reserves space without changing what is read: later writes below
  /// `size_bytes` do not run out of it. The size of the file may grow.
  virtual result<ok> allocate(std::uint64_t size_bytes) = 0;

  virtual result<std::uint64_t> size_bytes() const = 0;

  /// Its name, for messages.
  virtual const std::string& path() const = 0;
};

/// Holds the exclusive lock of a directory until it is destroyed.
class directory_lock {
public:
  virtual ~directory_lock() = default;
};

enum class open_mode {
  read_only,
  read_write,
  /// Fails if the file exists.
  create,
};

/// What is at a path.
struct path_status {
  enum class kind { file, directory, symbolic_link, other };
  kind what = kind::other;
  /// Whom it belongs to, and whether this process acts for that user.
  std::uint32_t owner = 0;
  bool is_own = false;
  /// This process may read and write it, and enter it if it is a directory.
  bool is_writable = false;
};

/// Paths are as the operating system takes them. None of these calls follows
/// a symbolic link in the last component.
class file_system {
public:
  virtual ~file_system() = default;

  /// Errors: not_found, too_many_files, no_space, io_failed.
  virtual result<std::shared_ptr<file>> open(const std::string& path,
                                             open_mode mode)
    = 0;
  /// Errors: not_found; unusable_directory: a part of the path is no directory
  /// or may not be entered; io_failed.
  virtual result<path_status> status(const std::string& path) = 0;
  /// Gives a file another name; both must be on one file system that knows
  /// such links. Survives a power cut after `sync_directory`.
  /// Errors: not_found, io_failed (also if it cannot be linked: copy it).
  virtual result<ok> link(const std::string& from, const std::string& to) = 0;
  /// Replaces `to`; a directory only an empty one. Survives a power cut after
  /// `sync_directory` of the parents.
  virtual result<ok> rename(const std::string& from, const std::string& to) = 0;
  /// Errors: not_found, io_failed.
  virtual result<ok> unlink(const std::string& path) = 0;
  /// Makes creations, renames and removals in `directory` survive.
  virtual result<ok> sync_directory(const std::string& directory) = 0;
  /// Names, not paths, in no order; without "." and "..".
  virtual result<std::vector<std::string>> list(const std::string& directory)
    = 0;
  /// Creates it, and its parents, if missing. Mode 0700.
  /// Errors: unusable_directory.
  virtual result<ok> create_directory(const std::string& directory) = 0;
  /// It must be empty. Errors: not_found, io_failed.
  virtual result<ok> remove_directory(const std::string& directory) = 0;
  /// Takes the kernel's lock on `path` (created if missing) and writes the
  /// holder's process id into it. The content never decides who holds it. Only
  /// the holder may remove or rename the file.
  /// Errors: locked (context names the holder's pid), io_failed.
  virtual result<std::unique_ptr<directory_lock>> lock(const std::string& path)
    = 0;
  /// Bytes that an unprivileged writer can still use below `directory`.
  virtual result<std::uint64_t> free_bytes(const std::string& directory) = 0;
};

/// The operating system's files (pwritev, fdatasync, rename, fsync, flock).
std::shared_ptr<file_system> posix_file_system();

} // namespace kvs::storage
