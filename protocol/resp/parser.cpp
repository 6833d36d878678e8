// Incremental parsing of commands.

#include "protocol/resp/parser.hpp"

#include "protocol/resp/inline_words.hpp"
#include "protocol/resp/numbers.hpp"

#include <algorithm>
#include <cstring>

namespace kvs::protocol::resp {

namespace {

// Every argument ends with a line break, whose bytes are not looked at, just
// as Redis does not.
constexpr std::size_t line_break_bytes = 2;

// The longest line of a short command: "$9999".
constexpr std::size_t short_line_bytes = 5;

bool is_digit(char each) {
  return each >= '0' && each <= '9';
}

// A command of more arguments is rare: its memory is given back.
constexpr std::size_t kept_arguments_max = 1024;

// A client that has not authenticated has no use for more.
constexpr std::int64_t unauthenticated_arguments_max = 10;
constexpr std::int64_t unauthenticated_bulk_bytes_max = 16 * 1024;

template <class Vector>
void clear_and_limit(Vector& vector) {
  if (vector.capacity() > kept_arguments_max)
    vector = Vector{};
  vector.clear();
}

} // namespace

parser::status parser::next(std::string_view bytes) {
  if (state_ == state::start) {
    begin();
    if (bytes.empty())
      return wait_for(bytes, 1);
    if (take_short(bytes))
      return status::command;
    state_ = bytes.front() == '*' ? state::count_line : state::inline_line;
  }
  if (state_ == state::inline_line)
    return read_inline(bytes);
  if (state_ == state::count_line)
    return read_array(bytes);
  return read_arguments(bytes);
}

bool parser::take_short(std::string_view bytes) {
  auto rest = bytes;
  if (rest.size() < 4 || rest[0] != '*' || rest[1] < '1' || rest[1] > '9'
      || rest[2] != '\r' || limits_.inline_bytes_max < short_line_bytes)
    return false;
  std::int64_t count = rest[1] - '0';
  if (count > limits_.arguments_max)
    return false;
  rest.remove_prefix(2 + line_break_bytes);
  while (count > 0 && take_short_argument(rest))
    --count;
  if (count > 0) {
    arguments_.clear();
    return false;
  }
  consumed_bytes_ = bytes.size() - rest.size();
  return true;
}

bool parser::take_short_argument(std::string_view& rest) {
  if (rest.size() < short_line_bytes || rest[0] != '$' || !is_digit(rest[1]))
    return false;
  std::size_t size = 0;
  std::size_t at = 1;
  for (; at < short_line_bytes && is_digit(rest[at]); ++at)
    size = 10 * size + static_cast<std::size_t>(rest[at] - '0');
  const auto has_useless_zero = rest[1] == '0' && at > 2;
  const auto begin = at + line_break_bytes;
  if (at == rest.size() || rest[at] != '\r' || has_useless_zero
      || static_cast<std::int64_t>(size) > limits_.bulk_bytes_max
      || rest.size() < begin + size + line_break_bytes)
    return false;
  arguments_.push_back(rest.substr(begin, size));
  rest.remove_prefix(begin + size + line_break_bytes);
  return true;
}

void parser::reset() {
  state_ = state::start;
  seen_bytes_ = 0;
  begin();
  arguments_.clear();
}

void parser::begin() {
  position_ = 0;
  searched_ = 0;
  consumed_bytes_ = 0;
  missing_arguments_ = 0;
  clear_and_limit(extents_);
  clear_and_limit(arguments_);
}

parser::status parser::refuse(std::string_view what) {
  error_ = "ERR Protocol error: ";
  error_ += what;
  std::ranges::replace_if(
    error_, [](char each) { return each == '\r' || each == '\n'; }, ' ');
  return status::error;
}

parser::status parser::wait_for(std::string_view bytes,
                                std::uint64_t needed_bytes) {
  seen_bytes_ = bytes.size();
  needed_bytes_ = needed_bytes;
  return status::need_more;
}

parser::status parser::finish(std::string_view bytes) {
  arguments_.reserve(extents_.size());
  for (const auto& each : extents_)
    arguments_.push_back(bytes.substr(each.offset, each.size));
  consumed_bytes_ = position_;
  seen_bytes_ = 0;
  state_ = state::start;
  return status::command;
}

/// Looks for `end` in the line at `position_`; the line is only complete when
/// `behind` more bytes follow it.
parser::found_line parser::find_line(std::string_view bytes, char end,
                                     std::size_t behind) {
  // The answer must not depend on how the bytes were cut: nothing behind the
  // limit is looked at.
  const std::size_t limit = position_ + limits_.inline_bytes_max + 1;
  const std::size_t stop = std::min(bytes.size(), limit);
  searched_ = std::max(searched_, position_);
  if (searched_ < stop) {
    const void* found
      = std::memchr(bytes.data() + searched_, end, stop - searched_);
    searched_ = found == nullptr
                  ? stop
                  : static_cast<std::size_t>(static_cast<const char*>(found)
                                             - bytes.data());
  }
  if (searched_ == stop)
    return {{}, false, stop == limit};
  if (bytes.size() - searched_ < 1 + behind)
    return {};
  return {bytes.substr(position_, searched_ - position_), true, false};
}

parser::status parser::read_inline(std::string_view bytes) {
  auto line = find_line(bytes, '\n', 0);
  if (line.is_too_long)
    return refuse("too big inline request");
  if (!line.is_complete)
    return wait_for(bytes, bytes.size() + 1);
  position_ += line.text.size() + 1;
  if (line.text.ends_with('\r'))
    line.text.remove_suffix(1);
  if (!split_inline(line.text, arguments_, unquoted_))
    return refuse("unbalanced quotes in request");
  return finish(bytes);
}

parser::status parser::read_array(std::string_view bytes) {
  const auto line = find_line(bytes, '\r', 1);
  if (line.is_too_long)
    return refuse("too big mbulk count string");
  if (!line.is_complete)
    return wait_for(bytes, bytes.size() + 1);
  const auto count = to_integer(line.text.substr(1));
  if (!count || *count > limits_.arguments_max)
    return refuse("invalid multibulk length");
  if (*count > unauthenticated_arguments_max && !limits_.is_authenticated)
    return refuse("unauthenticated multibulk length");
  position_ += line.text.size() + line_break_bytes;
  missing_arguments_ = *count;
  state_ = state::length_line;
  return read_arguments(bytes);
}

/// Why the line in front of an argument is refused; empty if it is right.
std::string_view parser::read_length(std::string_view line) {
  const auto size = to_integer(line.substr(1));
  if (!size || *size < 0 || *size > limits_.bulk_bytes_max)
    return "invalid bulk length";
  if (*size > unauthenticated_bulk_bytes_max && !limits_.is_authenticated)
    return "unauthenticated bulk length";
  bulk_bytes_ = static_cast<std::size_t>(*size);
  return {};
}

parser::status parser::read_arguments(std::string_view bytes) {
  while (missing_arguments_ > 0) {
    if (state_ == state::length_line) {
      const auto line = find_line(bytes, '\r', 1);
      if (line.is_too_long)
        return refuse("too big bulk count string");
      if (!line.is_complete)
        return wait_for(bytes, bytes.size() + 1);
      // An empty line has the line break itself in the place of the '$'.
      if (bytes[position_] != '$')
        return refuse(std::string{"expected '$', got '"} + bytes[position_]
                      + '\'');
      if (const auto why = read_length(line.text); !why.empty())
        return refuse(why);
      position_ += line.text.size() + line_break_bytes;
      state_ = state::bulk;
    }
    const std::size_t end = position_ + bulk_bytes_ + line_break_bytes;
    if (bytes.size() < end)
      return wait_for(bytes, end);
    extents_.push_back({position_, bulk_bytes_});
    position_ = end;
    --missing_arguments_;
    state_ = state::length_line;
  }
  return finish(bytes);
}

} // namespace kvs::protocol::resp
