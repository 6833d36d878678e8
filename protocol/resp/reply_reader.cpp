// Reading of replies.

#include "protocol/resp/reply_reader.hpp"

#include "protocol/resp/numbers.hpp"

#include <algorithm>

namespace kvs::protocol::resp {

namespace {

using status = parsed_reply::status;

// Errors and numbers; Redis itself sends nothing near that.
constexpr std::size_t line_bytes_max = 64 * 1024;

// COMMAND replies with five.
constexpr int depth_max = 16;

// The largest that a Redis with large objects can be configured to.
constexpr std::int64_t bulk_bytes_max = 1LL << 40;

class reply_reader {
public:
  explicit reply_reader(std::string_view bytes) : bytes_(bytes) {
  }

  parsed_reply read() {
    parsed_reply result;
    result.reply = read_value(depth_max);
    if (!error_.empty())
      result.result = status::error;
    else if (needed_bytes_ == 0)
      result.result = status::reply;
    result.error = std::move(error_);
    result.consumed_bytes = position_;
    result.needed_bytes = needed_bytes_;
    return result;
  }

private:
  bool is_good() const {
    return needed_bytes_ == 0 && error_.empty();
  }

  void fail(std::string_view why) {
    if (is_good())
      error_ = why;
  }

  std::string_view line() {
    const std::size_t end = bytes_.find("\r\n", position_);
    if (std::min(end, bytes_.size()) - position_ > line_bytes_max) {
      fail("a line is too long");
      return {};
    }
    if (end == std::string_view::npos) {
      needed_bytes_ = bytes_.size() + 1;
      return {};
    }
    const auto found = bytes_.substr(position_, end - position_);
    position_ = end + 2;
    return found;
  }

  std::int64_t number(std::string_view text) {
    const auto value = to_integer(text);
    if (!value)
      fail("a number is malformed");
    return value.value_or(0);
  }

  reply_value read_value(int depth_left) {
    const auto head = line();
    if (!is_good())
      return {};
    const auto rest = head.substr(head.empty() ? 0 : 1);
    switch (head.empty() ? '\0' : head.front()) {
      case '+':
        return {reply_value::kind::text, std::string{rest}, 0, {}};
      case '-':
        return {reply_value::kind::error, std::string{rest}, 0, {}};
      case ':':
        return {reply_value::kind::integer, {}, number(rest), {}};
      case '$':
        return read_bulk(number(rest));
      case '*':
        return read_array(number(rest), depth_left);
      default:
        fail("a reply of unknown type");
        return {};
    }
  }

  reply_value read_bulk(std::int64_t size_bytes) {
    if (size_bytes < -1 || size_bytes > bulk_bytes_max)
      fail("a length is out of range");
    if (!is_good() || size_bytes == -1)
      return {};
    const auto size = static_cast<std::size_t>(size_bytes);
    if (bytes_.size() - position_ < size + 2) {
      needed_bytes_ = position_ + size + 2;
      return {};
    }
    const auto text = bytes_.substr(position_, size);
    position_ += size;
    if (bytes_.substr(position_, 2) != "\r\n") {
      fail("a string does not end where it should");
      return {};
    }
    position_ += 2;
    return {reply_value::kind::bulk, std::string{text}, 0, {}};
  }

  reply_value read_array(std::int64_t count, int depth_left) {
    if (count < -1)
      fail("a count is out of range");
    if (depth_left == 0)
      fail("arrays are nested too deeply");
    reply_value array;
    if (count != -1)
      array.type = reply_value::kind::array;
    for (; count > 0 && is_good(); --count)
      array.elements.push_back(read_value(depth_left - 1));
    return array;
  }

  std::string_view bytes_;
  std::size_t position_{0};
  std::uint64_t needed_bytes_{0};
  std::string error_;
};

} // namespace

parsed_reply parse_reply(std::string_view bytes) {
  return reply_reader{bytes}.read();
}

} // namespace kvs::protocol::resp
