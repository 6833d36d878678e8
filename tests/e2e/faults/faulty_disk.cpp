// Preloaded into a node, makes its disk fail in ways that only a test can ask
// for. The file that KVS_FAULTS names holds one word, looked up at each call:
// "fail-sync", "slow-sync" (ten seconds) or "full"; without it all is well.

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string_view>

namespace {

bool asked_for(std::string_view fault) {
  const char* path = std::getenv("KVS_FAULTS");
  const int file = path == nullptr ? -1 : ::open(path, O_RDONLY | O_CLOEXEC);
  if (file == -1)
    return false;
  std::array<char, 32> word{};
  const ssize_t size = ::read(file, word.data(), word.size());
  ::close(file);
  return size > 0
         && std::string_view{word.data(), static_cast<std::size_t>(size)}
              == fault;
}

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

int refuse(int why) {
  errno = why;
  return -1;
}

template <class... Arguments>
int synced(const char* name, Arguments... arguments) {
  if (asked_for("fail-sync"))
    return refuse(EIO);
  if (asked_for("slow-sync"))
    ::sleep(10);
  return real<int(Arguments...)>(name)(arguments...);
}

} // namespace

extern "C" {

int fdatasync(int file) {
  return synced("fdatasync", file);
}

int fsync(int file) {
  return synced("fsync", file);
}

ssize_t pwrite(int file, const void* from, std::size_t size, off_t at) {
  if (asked_for("full"))
    return refuse(ENOSPC);
  return real<ssize_t(int, const void*, std::size_t, off_t)>("pwrite")(
    file, from, size, at);
}

ssize_t pwritev(int file, const iovec* parts, int count, off_t at) {
  if (asked_for("full"))
    return refuse(ENOSPC);
  return real<ssize_t(int, const iovec*, int, off_t)>("pwritev")(file, parts,
                                                                 count, at);
}

int fallocate(int file, int mode, off_t at, off_t size) {
  if (asked_for("full"))
    return refuse(ENOSPC);
  return real<int(int, int, off_t, off_t)>("fallocate")(file, mode, at, size);
}

} // extern "C"
