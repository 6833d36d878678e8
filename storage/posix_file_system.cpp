#include "storage/file_system.hpp"
#include "storage/posix_mapping.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

/// The real disk. The only file of storage/ that may include POSIX headers.
namespace kvs::storage {
namespace {

constexpr mode_t file_mode = 0600;
constexpr mode_t directory_mode = 0700;

/// Most parts handed to one pwritev call.
constexpr std::size_t parts_per_call_max = std::min(IOV_MAX, 256);

errc code_of(int os_error) noexcept {
  switch (os_error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return errc::no_space;
    case EMFILE:
    case ENFILE:
      return errc::too_many_files;
    case ENOENT:
      return errc::not_found;
    default:
      return errc::io_failed;
  }
}

error failed(const char* call, const std::string& path) {
  const int os_error = errno;
  return {code_of(os_error), os_error, std::string{call} + " " + path};
}

error failed_at(const char* call, const std::string& path,
                std::uint64_t offset_bytes) {
  error err = failed(call, path);
  err.context += " offset " + std::to_string(offset_bytes);
  return err;
}

/// Repeats a system call as long as a signal interrupts it.
template <class Call>
auto uninterrupted(Call call) {
  auto outcome = call();
  while (outcome == -1 && errno == EINTR)
    outcome = call();
  return outcome;
}

/// Closes a descriptor when it goes.
class descriptor {
public:
  explicit descriptor(int number) noexcept : number_{number} {
  }
  descriptor(descriptor&& other) noexcept
    : number_{std::exchange(other.number_, -1)} {
  }
  descriptor& operator=(descriptor&&) = delete;
  ~descriptor() {
    if (number_ != -1)
      ::close(number_);
  }
  int number() const noexcept {
    return number_;
  }

private:
  int number_;
};

descriptor open_descriptor(const std::string& path, int flags) {
  return descriptor{uninterrupted([&] {
    return ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, file_mode);
  })};
}

/// Fills `vectors` with the part of `parts` behind `skip_bytes` and returns
/// how many it filled.
std::size_t fill_vectors(std::span<const std::span<const std::byte>> parts,
                         std::uint64_t skip_bytes, std::span<iovec> vectors) {
  std::size_t count = 0;
  for (const auto part : parts) {
    if (count == vectors.size())
      break;
    if (skip_bytes >= part.size()) {
      skip_bytes -= part.size();
      continue;
    }
    const auto rest = part.subspan(skip_bytes);
    skip_bytes = 0;
    vectors[count].iov_base = const_cast<std::byte*>(rest.data());
    vectors[count].iov_len = rest.size();
    ++count;
  }
  return count;
}

class posix_file final : public file {
public:
  posix_file(descriptor opened, std::string path)
    : descriptor_{std::move(opened)}, path_{std::move(path)} {
  }

  result<std::size_t> read_at(std::uint64_t offset_bytes,
                              std::span<std::byte> target) const override {
    std::size_t done = 0;
    while (done < target.size()) {
      const ssize_t got = uninterrupted([&] {
        return ::pread(descriptor_.number(), target.data() + done,
                       target.size() - done,
                       static_cast<off_t>(offset_bytes + done));
      });
      if (got == -1)
        return failed_at("pread", path_, offset_bytes + done);
      if (got == 0)
        break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  result<std::size_t>
  read_resident_at(std::uint64_t offset_bytes,
                   std::span<std::byte> target) const override {
    iovec vector{target.data(), target.size()};
    ssize_t got = uninterrupted([&] {
      return ::preadv2(descriptor_.number(), &vector, 1,
                       static_cast<off_t>(offset_bytes), RWF_NOWAIT);
    });
    if (got == -1 && errno == EAGAIN)
      return std::size_t{0};
    // File systems that live in memory, such as tmpfs, do not know the flag.
    if (got == -1 && errno == EOPNOTSUPP)
      got = uninterrupted([&] {
        return ::pread(descriptor_.number(), target.data(), target.size(),
                       static_cast<off_t>(offset_bytes));
      });
    if (got == -1)
      return failed_at("preadv2", path_, offset_bytes);
    return static_cast<std::size_t>(got);
  }

  result<std::shared_ptr<mapped_bytes>>
  map(std::uint64_t size_bytes) const override {
    return map_descriptor(descriptor_.number(), size_bytes, path_);
  }

  result<ok>
  write_at(std::uint64_t offset_bytes,
           std::span<const std::span<const std::byte>> parts) override {
    // What is written completely is dropped from the front, so that many
    // parts do not cost quadratic time.
    std::uint64_t at = offset_bytes;
    std::uint64_t skip = 0;
    while (true) {
      while (!parts.empty() && skip >= parts.front().size()) {
        skip -= parts.front().size();
        parts = parts.subspan(1);
      }
      if (parts.empty())
        return ok{};
      std::array<iovec, parts_per_call_max> vectors;
      const std::size_t count = fill_vectors(parts, skip, vectors);
      const ssize_t put = uninterrupted([&] {
        return ::pwritev(descriptor_.number(), vectors.data(),
                         static_cast<int>(count), static_cast<off_t>(at));
      });
      if (put == -1)
        return failed_at("pwritev", path_, at);
      at += static_cast<std::uint64_t>(put);
      skip += static_cast<std::uint64_t>(put);
    }
  }

  result<ok> sync() override {
    // Not repeated on any error: after a failed sync the kernel may have
    // dropped the bytes and call them clean.
    if (::fdatasync(descriptor_.number()) == -1)
      return failed("fdatasync", path_);
    return ok{};
  }

  result<ok> truncate(std::uint64_t size_bytes) override {
    if (uninterrupted([&] {
          return ::ftruncate(descriptor_.number(),
                             static_cast<off_t>(size_bytes));
        })
        == -1)
      return failed_at("ftruncate", path_, size_bytes);
    return ok{};
  }

  result<ok> allocate(std::uint64_t size_bytes) override {
    if (uninterrupted([&] {
          return ::fallocate(descriptor_.number(), 0, 0,
                             static_cast<off_t>(size_bytes));
        }) == -1
        && errno != EOPNOTSUPP)
      return failed_at("fallocate", path_, size_bytes);
    return ok{};
  }

  result<std::uint64_t> size_bytes() const override {
    struct stat status {};
    if (::fstat(descriptor_.number(), &status) == -1)
      return failed("fstat", path_);
    return static_cast<std::uint64_t>(status.st_size);
  }

  const std::string& path() const override {
    return path_;
  }

private:
  descriptor descriptor_;
  std::string path_;
};

class posix_lock final : public directory_lock {
public:
  explicit posix_lock(descriptor locked) : descriptor_{std::move(locked)} {
  }

private:
  /// The kernel's lock lives as long as this.
  descriptor descriptor_;
};

error locked_by_other(const descriptor& opened, const std::string& path) {
  std::array<char, 32> text{};
  const ssize_t got = ::pread(opened.number(), text.data(), text.size() - 1, 0);
  const long pid = got > 0 ? std::strtol(text.data(), nullptr, 10) : 0;
  std::string holder = pid > 0 ? "process " + std::to_string(pid)
                               : std::string{"another process"};
  return {errc::locked, EWOULDBLOCK, path + " is held by " + holder};
}

int flags_of(open_mode mode) noexcept {
  switch (mode) {
    case open_mode::read_only:
      return O_RDONLY;
    case open_mode::read_write:
      return O_RDWR;
    case open_mode::create:
      return O_RDWR | O_CREAT | O_EXCL;
  }
  return O_RDONLY;
}

class posix_files final : public file_system {
public:
  result<std::shared_ptr<file>> open(const std::string& path,
                                     open_mode mode) override {
    auto opened = open_descriptor(path, flags_of(mode));
    if (opened.number() == -1)
      return failed("open", path);
    return std::shared_ptr<file>{
      std::make_shared<posix_file>(std::move(opened), path)};
  }

  result<ok> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) == -1)
      return failed("rename", from + " to " + to);
    return ok{};
  }

  result<ok> unlink(const std::string& path) override {
    if (::unlink(path.c_str()) == -1)
      return failed("unlink", path);
    return ok{};
  }

  result<ok> sync_directory(const std::string& directory) override {
    const auto opened = open_descriptor(directory, O_RDONLY | O_DIRECTORY);
    if (opened.number() == -1)
      return failed("open", directory);
    if (::fsync(opened.number()) == -1)
      return failed("fsync", directory);
    return ok{};
  }

  result<std::vector<std::string>> list(const std::string& directory) override {
    DIR* stream = ::opendir(directory.c_str());
    while (stream == nullptr && errno == EINTR)
      stream = ::opendir(directory.c_str());
    if (stream == nullptr)
      return failed("opendir", directory);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* const entry = ::readdir(stream)) {
      std::string name = entry->d_name;
      if (name != "." && name != "..")
        names.push_back(std::move(name));
      errno = 0;
    }
    if (errno != 0) {
      error err = failed("readdir", directory);
      ::closedir(stream);
      return err;
    }
    ::closedir(stream);
    return names;
  }

  result<ok> create_directory(const std::string& directory) override {
    for (std::size_t end = 1; end <= directory.size(); ++end) {
      if (end != directory.size() && directory[end] != '/')
        continue;
      const std::string made = directory.substr(0, end);
      if (::mkdir(made.c_str(), directory_mode) == 0)
        sync_parent(made);
      else if (errno != EEXIST)
        return unusable("mkdir", made);
    }
    struct stat status {};
    if (::stat(directory.c_str(), &status) == -1)
      return unusable("stat", directory);
    errno = ENOTDIR;
    if (!S_ISDIR(status.st_mode))
      return unusable("stat", directory);
    if (::access(directory.c_str(), R_OK | W_OK | X_OK) == -1)
      return unusable("access", directory);
    return ok{};
  }

  result<std::unique_ptr<directory_lock>>
  lock(const std::string& path) override {
    auto opened = open_descriptor(path, O_RDWR | O_CREAT);
    if (opened.number() == -1)
      return failed("open", path);
    if (::flock(opened.number(), LOCK_EX | LOCK_NB) == -1) {
      if (errno == EWOULDBLOCK)
        return locked_by_other(opened, path);
      return failed("flock", path);
    }
    // The number is only for people, so a full disk must not prevent the
    // start of a store that may be about to free space.
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(opened.number(), 0) == 0)
      (void)!::pwrite(opened.number(), pid.data(), pid.size(), 0);
    return std::unique_ptr<directory_lock>{
      std::make_unique<posix_lock>(std::move(opened))};
  }

  result<std::uint64_t> free_bytes(const std::string& directory) override {
    struct statvfs status {};
    if (::statvfs(directory.c_str(), &status) == -1)
      return failed("statvfs", directory);
    return std::uint64_t{status.f_bavail} * status.f_frsize;
  }

private:
  /// Best effort: not every parent may be opened by whom it lets create.
  void sync_parent(const std::string& path) {
    const auto slash = path.find_last_of('/', path.size() - 2);
    if (slash == std::string::npos)
      (void)sync_directory(".");
    else
      (void)sync_directory(path.substr(0, slash + 1));
  }

  static error unusable(const char* call, const std::string& path) {
    error err = failed(call, path);
    err.code = errc::unusable_directory;
    return err;
  }
};

} // namespace

std::shared_ptr<file_system> posix_file_system() {
  return std::make_shared<posix_files>();
}

} // namespace kvs::storage
