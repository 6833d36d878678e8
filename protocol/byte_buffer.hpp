// A growable run of bytes that does not clear what it is about to overwrite.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <utility>

namespace kvs::protocol {

/// Bytes that are appended at the end. Unlike `std::vector` it hands out new
/// bytes uninitialised: clearing a fresh 64 KiB costs more than a request.
///
/// Ownership: unique; moving leaves the source empty. Pointers and spans into
/// it die with the next call that may grow it.
class byte_buffer {
public:
  byte_buffer() = default;

  byte_buffer(byte_buffer&& other) noexcept
    : bytes_(std::exchange(other.bytes_, nullptr)),
      size_bytes_(std::exchange(other.size_bytes_, 0)),
      capacity_bytes_(std::exchange(other.capacity_bytes_, 0)),
      room_bytes_(std::exchange(other.room_bytes_, 0)) {
  }

  byte_buffer& operator=(byte_buffer&& other) noexcept {
    if (this != &other) {
      std::free(bytes_);
      bytes_ = std::exchange(other.bytes_, nullptr);
      size_bytes_ = std::exchange(other.size_bytes_, 0);
      capacity_bytes_ = std::exchange(other.capacity_bytes_, 0);
      room_bytes_ = std::exchange(other.room_bytes_, 0);
    }
    return *this;
  }

  ~byte_buffer() {
    std::free(bytes_);
  }

  std::byte* data() {
    return bytes_;
  }

  const std::byte* data() const {
    return bytes_;
  }

  std::size_t size() const {
    return size_bytes_;
  }

  std::size_t capacity() const {
    return capacity_bytes_;
  }

  bool empty() const {
    return size_bytes_ == 0;
  }

  /// Everything in it.
  std::span<const std::byte> bytes() const {
    return {bytes_, size_bytes_};
  }

  /// Makes it hold at least `capacity_bytes` without growing again.
  void reserve(std::size_t capacity_bytes) {
    if (capacity_bytes > capacity_bytes_)
      reallocate(capacity_bytes);
  }

  /// Makes sure that no later `reserve` of up to `room_bytes` copies anything.
  /// Takes addresses, not memory: an allocator touches no page of a large
  /// block before somebody writes to it. If it refuses, later growth copies.
  void make_room(std::size_t room_bytes) {
    if (room_bytes <= room_bytes_)
      return;
    void* moved = std::realloc(bytes_, room_bytes);
    if (moved == nullptr)
      return;
    bytes_ = static_cast<std::byte*>(moved);
    room_bytes_ = room_bytes;
  }

  /// Adds `added_bytes` bytes of no particular value at the end and returns
  /// the first of them. The caller overwrites all of them.
  std::byte* grow(std::size_t added_bytes) {
    const std::size_t end_bytes = size_bytes_ + added_bytes;
    if (end_bytes > capacity_bytes_) [[unlikely]]
      reallocate(next_capacity(end_bytes));
    std::byte* first = bytes_ + size_bytes_;
    size_bytes_ = end_bytes;
    return first;
  }

  void append(const void* source, std::size_t source_bytes) {
    // memcpy with a null pointer is undefined even for no bytes.
    if (source_bytes != 0)
      std::memcpy(grow(source_bytes), source, source_bytes);
  }

  void append(std::span<const std::byte> source) {
    append(source.data(), source.size());
  }

  void append(std::string_view source) {
    append(source.data(), source.size());
  }

  /// Forgets everything behind the first `kept_bytes` bytes.
  /// @pre `kept_bytes <= size()`
  void truncate(std::size_t kept_bytes) {
    size_bytes_ = kept_bytes;
  }

  /// Forgets the first `consumed_bytes` bytes and moves the rest to the front.
  /// @pre `consumed_bytes <= size()`
  void consume(std::size_t consumed_bytes) {
    size_bytes_ -= consumed_bytes;
    if (size_bytes_ != 0 && consumed_bytes != 0)
      std::memmove(bytes_, bytes_ + consumed_bytes, size_bytes_);
  }

  /// Forgets everything and keeps the memory.
  void clear() {
    size_bytes_ = 0;
  }

  /// Forgets everything and gives the memory back.
  void release() {
    *this = byte_buffer{};
  }

private:
  std::size_t next_capacity(std::size_t needed_bytes) const {
    constexpr std::size_t smallest_bytes = 256;
    const std::size_t grown_bytes
      = capacity_bytes_ + capacity_bytes_ / 2 + smallest_bytes;
    return needed_bytes > grown_bytes ? needed_bytes : grown_bytes;
  }

  // Growing is rare; inlined, it only makes every append longer.
  [[gnu::noinline]] void reallocate(std::size_t capacity_bytes) {
    make_room(capacity_bytes);
    if (room_bytes_ < capacity_bytes)
      throw std::bad_alloc{};
    capacity_bytes_ = capacity_bytes;
  }

  std::byte* bytes_{nullptr};
  std::size_t size_bytes_{0};
  std::size_t capacity_bytes_{0};
  /// What is allocated; at least the capacity.
  std::size_t room_bytes_{0};
};

} // namespace kvs::protocol
