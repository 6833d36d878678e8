#pragma once

#include "storage/file_system.hpp"

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

/// What the posix_*.cpp share; private to them.
namespace kvs::storage {

/// What `errno` says of a system call that has just failed.
error failed(const char* call, const std::string& path);

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
  ~descriptor();
  int number() const noexcept {
    return number_;
  }

private:
  int number_;
};

/// The number is -1 if that failed. Files that it creates are private.
descriptor open_descriptor(const std::string& path, int flags);

std::shared_ptr<file> make_posix_file(descriptor opened, std::string path);

} // namespace kvs::storage
