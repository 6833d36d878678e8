// Replies in RESP2 and RESP3.

#pragma once

#include "protocol/byte_buffer.hpp"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace kvs::protocol::resp {

/// Appends replies to a buffer, in the version that the client speaks. What
/// only RESP3 can say is said in the way Redis says it in RESP2.
///
/// The elements of an aggregate follow its header, by the same writer.
class reply_writer {
public:
  /// `version` is 2 or 3. `out` outlives the writer.
  explicit reply_writer(byte_buffer& out, int version = 2)
    : out_(&out), version_(version) {
  }

  int version() const {
    return version_;
  }

  byte_buffer& buffer() {
    return *out_;
  }

  /// `text` holds no line break.
  void simple(std::string_view text) {
    std::byte* to = out_->grow(text.size() + 3);
    *to = std::byte{'+'};
    std::memcpy(to + 1, text.data(), text.size());
    std::memcpy(to + 1 + text.size(), "\r\n", 2);
  }

  void ok() {
    simple("OK");
  }

  /// `text` begins with the code, as in `ERR syntax error`. Line breaks in it
  /// become spaces, those at its end go.
  void error(std::string_view text);

  void integer(std::int64_t value) {
    header(':', value);
  }

  void bulk(std::string_view value) {
    std::byte* to = begin_bulk(value.size());
    if (!value.empty())
      std::memcpy(to, value.data(), value.size());
  }

  /// A bulk string whose bytes the caller writes to where it returns, before
  /// anything else is appended.
  std::byte* begin_bulk(std::size_t size_bytes) {
    header('$', static_cast<std::int64_t>(size_bytes));
    std::byte* to = out_->grow(size_bytes + 2);
    std::memcpy(to + size_bytes, "\r\n", 2);
    return to;
  }

  /// A bulk string that holds the digits of `value`.
  void bulk_integer(std::int64_t value);

  void null() {
    out_->append(version_ == 2 ? std::string_view{"$-1\r\n"} : "_\r\n");
  }

  void null_array() {
    out_->append(version_ == 2 ? std::string_view{"*-1\r\n"} : "_\r\n");
  }

  /// Headers; `count` elements follow, or as many pairs.
  void array(std::size_t count) {
    header('*', static_cast<std::int64_t>(count));
  }

  void map(std::size_t count) {
    if (version_ == 2)
      array(2 * count);
    else
      header('%', static_cast<std::int64_t>(count));
  }

  void set(std::size_t count) {
    header(version_ == 2 ? '*' : '~', static_cast<std::int64_t>(count));
  }

  void push(std::size_t count) {
    header(version_ == 2 ? '*' : '>', static_cast<std::int64_t>(count));
  }

  void dbl(double value);
  void boolean(bool value);

  /// `extension` has three letters, `txt` or `mkd`.
  void verbatim(std::string_view extension, std::string_view text);

  /// `digits` are those of an integer of any size.
  void big_number(std::string_view digits);

  /// Bytes of a reply that is complete already.
  void raw(std::string_view bytes) {
    out_->append(bytes);
  }

private:
  void header(char kind, std::int64_t value) {
    char text[24];
    text[0] = kind;
    char* end = std::to_chars(text + 1, text + 22, value).ptr;
    *end++ = '\r';
    *end++ = '\n';
    out_->append(text, static_cast<std::size_t>(end - text));
  }

  byte_buffer* out_;
  int version_;
};

} // namespace kvs::protocol::resp
