#include "storage/posix_file.hpp"

#include "storage/posix_mapping.hpp"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>

/// An open file of the operating system.
namespace kvs::storage {
namespace {

constexpr mode_t file_mode = 0600;

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

error failed_at(const char* call, const std::string& path,
                std::uint64_t offset_bytes) {
  error err = failed(call, path);
  err.context += " offset " + std::to_string(offset_bytes);
  return err;
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

} // namespace

error failed(const char* call, const std::string& path) {
  const int os_error = errno;
  return {code_of(os_error), os_error, std::string{call} + " " + path};
}

descriptor::~descriptor() {
  if (number_ != -1)
    ::close(number_);
}

descriptor open_descriptor(const std::string& path, int flags) {
  return descriptor{uninterrupted([&] {
    return ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, file_mode);
  })};
}

std::shared_ptr<file> make_posix_file(descriptor opened, std::string path) {
  return std::make_shared<posix_file>(std::move(opened), std::move(path));
}

} // namespace kvs::storage
