// Decompression of LZF.

#include "protocol/resp/lzf.hpp"

#include <cstdint>

namespace kvs::protocol::resp {

namespace {

// Three bytes stand for at most this many: no input grows faster.
constexpr std::size_t copied_bytes_max = 264;

/// A run is announced by a byte: below 32, that many bytes and one more
/// follow as they are; otherwise it is a copy of what came before.
class decompressor {
public:
  decompressor(std::string_view in, std::size_t size, pacer& pace)
    : in_(in), size_(size), pace_(pace) {
    out_.reserve(size);
  }

  bool run() {
    while (position_ < in_.size()) {
      const std::size_t control = take();
      const std::size_t before = out_.size();
      if (!(control < 32 ? literal(control + 1) : copy(control)))
        return false;
      pace_.did(out_.size() - before);
    }
    return out_.size() == size_;
  }

  std::string result() {
    return std::move(out_);
  }

private:
  std::size_t take() {
    return static_cast<unsigned char>(in_[position_++]);
  }

  bool literal(std::size_t count) {
    if (count > in_.size() - position_ || count > size_ - out_.size())
      return false;
    out_.append(in_.substr(position_, count));
    position_ += count;
    return true;
  }

  bool copy(std::size_t control) {
    std::size_t count = control >> 5;
    const std::size_t needed_bytes = count == 7 ? 2 : 1;
    if (in_.size() - position_ < needed_bytes)
      return false;
    if (count == 7)
      count += take();
    count += 2;
    const std::size_t distance = ((control & 0x1F) << 8) + take() + 1;
    if (distance > out_.size() || count > size_ - out_.size())
      return false;
    // Byte by byte, as a run may repeat what it is just writing.
    for (std::size_t i = 0; i < count; ++i)
      out_ += out_[out_.size() - distance];
    return true;
  }

  std::string_view in_;
  std::size_t size_;
  pacer& pace_;
  std::size_t position_{0};
  std::string out_;
};

} // namespace

std::optional<std::string> lzf_decompress(std::string_view compressed,
                                          std::size_t size, pacer& pace) {
  if (size / copied_bytes_max > compressed.size())
    return std::nullopt;
  decompressor work{compressed, size, pace};
  if (!work.run())
    return std::nullopt;
  return work.result();
}

} // namespace kvs::protocol::resp
