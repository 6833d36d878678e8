#include "storage/file_system.hpp"
#include "storage/posix_file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

/// The real disk. Only posix_*.cpp of storage/ may include POSIX headers.
namespace kvs::storage {
namespace {

constexpr mode_t directory_mode = 0700;

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

bool is_at(const descriptor& opened, const std::string& path) {
  struct stat held {};
  struct stat named {};
  return ::fstat(opened.number(), &held) == 0
         && ::lstat(path.c_str(), &named) == 0 && held.st_dev == named.st_dev
         && held.st_ino == named.st_ino;
}

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/')
    path.pop_back();
  return path;
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
    return make_posix_file(std::move(opened), path);
  }

  result<path_status> status(const std::string& path) override {
    // With a slash behind it a link would be followed.
    const std::string bare = without_slashes(path);
    struct stat found {};
    if (::lstat(bare.c_str(), &found) == -1) {
      const int os_error = errno;
      if (os_error == ENOTDIR || os_error == EACCES || os_error == ELOOP)
        return unusable("lstat", path);
      return failed("lstat", path);
    }
    path_status status;
    if (S_ISREG(found.st_mode))
      status.what = path_status::kind::file;
    else if (S_ISDIR(found.st_mode))
      status.what = path_status::kind::directory;
    else if (S_ISLNK(found.st_mode))
      status.what = path_status::kind::symbolic_link;
    status.owner = found.st_uid;
    status.is_own = found.st_uid == ::geteuid();
    const int wanted = R_OK | W_OK | (S_ISDIR(found.st_mode) ? X_OK : 0);
    status.is_writable
      = ::faccessat(AT_FDCWD, bare.c_str(), wanted, AT_EACCESS) == 0;
    return status;
  }

  result<ok> link(const std::string& from, const std::string& to) override {
    if (::link(from.c_str(), to.c_str()) == -1)
      return failed("link", from + " to " + to);
    return ok{};
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

  result<ok> remove_directory(const std::string& directory) override {
    if (::rmdir(directory.c_str()) == -1)
      return failed("rmdir", directory);
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
    // Between the two calls whoever held it may have removed or renamed the
    // file: this lock keeps nobody out then.
    if (!is_at(opened, path))
      return error{errc::locked, EWOULDBLOCK, path + " has just changed hands"};
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
