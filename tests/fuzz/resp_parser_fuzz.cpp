// Goal: however the bytes of a connection are cut, the RESP parser finds the
// same commands, ends in the same way, and reads no byte that is not there.
//
// Method: libFuzzer makes up the bytes; the first two of an input decide how
// the others are cut. They are parsed at once and in pieces, from buffers of
// exactly their size, so that the sanitizers see every byte too many.

#include "protocol/resp/parser.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using kvs::protocol::resp::parser;
using kvs::protocol::resp::parser_limits;

/// What a client has said, until it ended or made no sense.
struct conversation {
  std::vector<std::vector<std::string>> commands;
  parser::status end{parser::status::need_more};
  std::string error;

  bool operator==(const conversation&) const = default;
};

void require(bool is_true) {
  if (!is_true)
    std::abort();
}

/// Small, so that few bytes reach every limit.
parser_limits small_limits(std::uint8_t seed) {
  parser_limits limits;
  limits.arguments_max = 16;
  limits.bulk_bytes_max = 120;
  limits.inline_bytes_max = 60;
  limits.is_authenticated = (seed & 1) != 0;
  return limits;
}

/// Bytes in memory of exactly their size.
class exact_copy {
public:
  explicit exact_copy(std::string_view bytes)
    : bytes_(new char[bytes.size()]), size_(bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), bytes_);
  }

  exact_copy(const exact_copy&) = delete;
  exact_copy& operator=(const exact_copy&) = delete;

  ~exact_copy() {
    delete[] bytes_;
  }

  std::string_view view() const {
    return {bytes_, size_};
  }

private:
  char* bytes_;
  std::size_t size_;
};

class client {
public:
  explicit client(const parser_limits& limits) : parser_(limits) {
  }

  /// Adds bytes; false when nothing more can be understood.
  bool feed(std::string_view bytes) {
    pending_.append(bytes);
    for (;;) {
      const exact_copy copy{pending_};
      said_.end = parser_.next(copy.view());
      if (said_.end == parser::status::need_more) {
        require(parser_.needed_bytes() > pending_.size());
        require(parser_.idle() == pending_.empty());
        return true;
      }
      if (said_.end == parser::status::error) {
        said_.error = parser_.error();
        require(!said_.error.empty());
        return false;
      }
      take_command();
    }
  }

  const conversation& said() const {
    return said_;
  }

private:
  void take_command() {
    const auto arguments = parser_.arguments();
    said_.commands.emplace_back(arguments.begin(), arguments.end());
    const std::size_t consumed_bytes = parser_.consumed_bytes();
    require(consumed_bytes > 0 && consumed_bytes <= pending_.size());
    require(parser_.idle());
    pending_.erase(0, consumed_bytes);
  }

  parser parser_;
  std::string pending_;
  conversation said_;
};

/// Sizes of pieces from a seed: mostly small ones.
class cutter {
public:
  explicit cutter(std::uint32_t seed) : state_(seed * 2 + 1) {
  }

  std::size_t next(std::size_t left) {
    state_ = state_ * 1664525 + 1013904223;
    const std::uint32_t random = state_ >> 16;
    const std::size_t size = 1 + random % (random % 7 == 0 ? 64 : 5);
    return std::min(size, left);
  }

private:
  std::uint32_t state_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  if (size < 2)
    return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 2,
                               size - 2};
  const auto limits = small_limits(data[0]);
  client at_once{limits};
  at_once.feed(bytes);
  client in_pieces{limits};
  cutter cut{data[0] + 256u * data[1]};
  bool goes_on = true;
  for (std::size_t position = 0; goes_on && position < bytes.size();) {
    const std::size_t piece = cut.next(bytes.size() - position);
    goes_on = in_pieces.feed(bytes.substr(position, piece));
    position += piece;
  }
  require(at_once.said() == in_pieces.said());
  return 0;
}
