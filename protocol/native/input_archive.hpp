// Reads what cereal's portable binary archive writes, and believes nothing.

#pragma once

#include "protocol/native/fields.hpp"
#include "protocol/native/output_archive.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace kvs::protocol::native {

/// Reads fields one behind the other out of a complete body. Views that it
/// fills borrow from the body.
///
/// A length is compared with the bytes that are left before it is used, and a
/// count with how many items these bytes could hold at best. After the first
/// fault every further field keeps its value and `fault()` says what it was.
///
/// Never throws, except when memory that the body justifies is not there.
class input_archive {
public:
  /// A list of more than `items_max` items is a fault, found before memory is
  /// taken for it.
  explicit input_archive(std::span<const std::byte> body,
                         std::uint64_t items_max
                         = std::numeric_limits<std::uint64_t>::max())
    : next_(body.data()), left_bytes_(body.size()), items_max_(items_max) {
    std::uint8_t mark{0};
    one(mark);
    // The portable form would allow big-endian bodies. Nobody writes them, and
    // refusing them keeps every read a plain copy.
    if (fault_ == nullptr && mark != little_endian_mark)
      fail("the body does not begin with the mark of little-endian integers");
  }

  template <class... Fields>
  void operator()(Fields&... f) {
    (one(f), ...);
  }

  /// What was wrong, or null. The text lives for ever.
  const char* fault() const {
    return fault_;
  }

  std::size_t left_bytes() const {
    return left_bytes_;
  }

  /// How many items the list had that was too long; 0: there was none.
  std::uint64_t excessive_items() const {
    return excessive_items_;
  }

private:
  template <plain_field T>
  void one(T& value) {
    if (left_bytes_ < sizeof value) [[unlikely]]
      return fail("the body ends in the middle of a field");
    if constexpr (std::is_same_v<T, bool>) {
      // Any other byte in a bool is undefined behaviour, so look first.
      if (*next_ > std::byte{1}) [[unlikely]]
        return fail("a truth value is neither 0 nor 1");
      value = *next_ == std::byte{1};
    } else {
      std::memcpy(&value, next_, sizeof value);
    }
    skip(sizeof value);
  }

  void one(std::string_view& text) {
    const std::uint64_t text_bytes = length();
    if (fault_ != nullptr) [[unlikely]]
      return;
    text = {reinterpret_cast<const char*>(next_),
            static_cast<std::size_t>(text_bytes)};
    skip(text.size());
  }

  void one(std::string& text) {
    std::string_view borrowed;
    one(borrowed);
    text = borrowed;
  }

  template <plain_field T>
  void one(std::optional<T>& value) {
    bool is_missing{true};
    one(is_missing);
    if (is_missing)
      return;
    T read{};
    one(read);
    if (fault_ == nullptr)
      value = read;
  }

  template <class T>
  void one(std::vector<T>& items) {
    std::uint64_t item_count{0};
    one(item_count);
    if (fault_ != nullptr) [[unlikely]]
      return;
    if (item_count > left_bytes_ / wire_size(T{})) [[unlikely]]
      return fail("a count is larger than the bytes behind it allow");
    if (item_count > items_max_) [[unlikely]] {
      excessive_items_ = item_count;
      return fail("a list has more items than allowed");
    }
    items.resize(static_cast<std::size_t>(item_count));
    for (T& item : items) {
      one(item);
      if (fault_ != nullptr) [[unlikely]]
        return;
    }
  }

  template <class Message>
  requires std::is_class_v<Message>
  void one(Message& message) {
    fields(*this, message);
  }

  std::uint64_t length() {
    std::uint64_t length_bytes{0};
    one(length_bytes);
    if (length_bytes > left_bytes_) [[unlikely]]
      fail("a length is larger than the rest of the body");
    return length_bytes;
  }

  void skip(std::size_t read_bytes) {
    next_ += read_bytes;
    left_bytes_ -= read_bytes;
  }

  void fail(const char* why) {
    if (fault_ == nullptr)
      fault_ = why;
    // Nothing can be read any more, whatever is asked for.
    left_bytes_ = 0;
  }

  const std::byte* next_;
  std::size_t left_bytes_;
  std::uint64_t items_max_;
  std::uint64_t excessive_items_{0};
  const char* fault_{nullptr};
};

} // namespace kvs::protocol::native
