#include "storage/zeroed_pages.hpp"

#include <sys/mman.h>

#include <new>

namespace kvs::storage {

zeroed_pages::zeroed_pages(std::size_t bytes)
  : data_{mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)},
    bytes_{bytes} {
  if (data_ == MAP_FAILED)
    throw std::bad_alloc{};
}

zeroed_pages::~zeroed_pages() {
  munmap(data_, bytes_);
}

} // namespace kvs::storage
