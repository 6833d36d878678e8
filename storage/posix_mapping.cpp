#include "storage/posix_mapping.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace kvs::storage {
namespace {

error failed_mapping(const char* call, int os_error, const std::string& path) {
  const bool is_limit
    = os_error == ENOMEM || os_error == EPERM || os_error == EAGAIN;
  return {is_limit ? errc::no_memory : errc::io_failed, os_error,
          std::string{call} + " " + path};
}

class posix_mapping final : public mapped_bytes {
public:
  posix_mapping(std::byte* first, std::uint64_t size_bytes,
                std::string path) noexcept
    : first_{first}, size_bytes_{size_bytes}, path_{std::move(path)} {
  }
  posix_mapping(const posix_mapping&) = delete;
  posix_mapping& operator=(const posix_mapping&) = delete;
  ~posix_mapping() override {
    // Unlocks, too.
    ::munmap(first_, size_bytes_);
  }

  std::span<const std::byte> bytes() const noexcept override {
    return {first_, size_bytes_};
  }

  result<ok> lock(std::uint64_t end_bytes) override {
    const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const std::uint64_t begin = locked_bytes_ / page_bytes * page_bytes;
    // Reads every page that is not there, and lets none of them go again.
    if (end_bytes > begin && ::mlock(first_ + begin, end_bytes - begin) != 0)
      return failed_mapping("mlock", errno, path_);
    locked_bytes_ = end_bytes;
    return ok{};
  }

private:
  std::byte* first_;
  std::uint64_t size_bytes_;
  std::uint64_t locked_bytes_ = 0;
  std::string path_;
};

} // namespace

result<std::shared_ptr<mapped_bytes>>
map_descriptor(int descriptor, std::uint64_t size_bytes, std::string path) {
  void* first
    = ::mmap(nullptr, size_bytes, PROT_READ, MAP_SHARED, descriptor, 0);
  if (first == MAP_FAILED)
    return failed_mapping("mmap", errno, path);
  return std::shared_ptr<mapped_bytes>{std::make_shared<posix_mapping>(
    static_cast<std::byte*>(first), size_bytes, std::move(path))};
}

} // namespace kvs::storage
