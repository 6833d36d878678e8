// Writes messages byte for byte as cereal's portable binary archive does.

#pragma once

#include "protocol/byte_buffer.hpp"
#include "protocol/native/fields.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace kvs::protocol::native {

static_assert(std::endian::native == std::endian::little,
              "The archives copy integers as they lie in memory.");

/// Integers, enumerations and bool: copied as they are.
template <class T>
concept plain_field = std::is_integral_v<T> || std::is_enum_v<T>;

/// First byte of every body: cereal's mark for little-endian integers.
inline constexpr std::uint8_t little_endian_mark = 1;

/// Measures what `output_archive` will write, so that memory grows once.
class size_archive {
public:
  template <class... Fields>
  void operator()(const Fields&... f) {
    (one(f), ...);
  }

  std::size_t size_bytes() const {
    return size_bytes_;
  }

private:
  template <plain_field T>
  void one(const T&) {
    size_bytes_ += sizeof(T);
  }

  void one(std::string_view text) {
    size_bytes_ += sizeof(std::uint64_t) + text.size();
  }

  void one(const std::string& text) {
    one(std::string_view{text});
  }

  template <plain_field T>
  void one(const std::optional<T>& value) {
    size_bytes_ += sizeof(bool) + (value ? sizeof(T) : 0);
  }

  template <class T>
  void one(const std::vector<T>& items) {
    size_bytes_ += sizeof(std::uint64_t);
    for (const T& item : items)
      one(item);
  }

  template <class Message>
  requires std::is_class_v<Message>
  void one(const Message& message) {
    fields(*this, message);
  }

  std::size_t size_bytes_{0};
};

/// Returns how many bytes `message` takes on the wire, without the mark.
template <class Message>
std::size_t wire_size(const Message& message) {
  size_archive ar;
  ar(message);
  return ar.size_bytes();
}

/// Writes fields one behind the other into memory that is large enough.
class output_archive {
public:
  /// @pre what follows is at most as large as the memory at `out`
  explicit output_archive(std::byte* out) : out_(out) {
  }

  template <class... Fields>
  void operator()(const Fields&... f) {
    (one(f), ...);
  }

  /// The first byte that is not written yet.
  std::byte* position() const {
    return out_;
  }

private:
  template <plain_field T>
  void one(const T& value) {
    std::memcpy(out_, &value, sizeof value);
    out_ += sizeof value;
  }

  void one(std::string_view text) {
    one(std::uint64_t{text.size()});
    // memcpy with a null pointer is undefined even for no bytes.
    if (!text.empty())
      std::memcpy(out_, text.data(), text.size());
    out_ += text.size();
  }

  void one(const std::string& text) {
    one(std::string_view{text});
  }

  template <plain_field T>
  void one(const std::optional<T>& value) {
    // cereal stores whether the value is *missing*.
    one(!value.has_value());
    if (value)
      one(*value);
  }

  template <class T>
  void one(const std::vector<T>& items) {
    one(std::uint64_t{items.size()});
    for (const T& item : items)
      one(item);
  }

  template <class Message>
  requires std::is_class_v<Message>
  void one(const Message& message) {
    fields(*this, message);
  }

  std::byte* out_;
};

} // namespace kvs::protocol::native
