#include "storage/segment_scanner.hpp"
#include "storage/segment_window.hpp"
#include "storage/tail_checksums.hpp"

#include <algorithm>

namespace kvs::storage {
namespace {

/// Up to this length a head and its key are simply read and checked.
constexpr std::uint64_t short_head_bytes = 16 * 1024;

/// Bytes of `seen` up to the last one that is not zero.
std::size_t used_bytes(std::span<const std::byte> seen) noexcept {
  const auto last = std::find_if(seen.rbegin(), seen.rend(),
                                 [](std::byte b) { return b != std::byte{0}; });
  return static_cast<std::size_t>(seen.rend() - last);
}

class tail_search {
public:
  tail_search(const segment& from, std::uint64_t end_bytes,
              std::uint64_t file_bytes)
    : from_{from}, end_bytes_{end_bytes}, file_bytes_{file_bytes},
      // The windows need shared ownership, which the caller keeps for us.
      window_{segment_ptr{segment_ptr{}, &from}, file_bytes},
      heads_{segment_ptr{segment_ptr{}, &from}, file_bytes}, checksums_{
                                                               from, end_bytes,
                                                               file_bytes} {
  }

  result<tail_verdict> run();

private:
  result<ok> look_at(std::span<const std::byte> here,
                     std::uint64_t offset_bytes);
  void note(const record_head& head) noexcept;

  const segment& from_;
  std::uint64_t end_bytes_;
  std::uint64_t file_bytes_;
  /// Moves over the tail; the other one shows heads that it cuts in two.
  segment_window window_;
  segment_window heads_;
  tail_checksums checksums_;
  tail_verdict verdict_;
};

result<tail_verdict> tail_search::run() {
  for (std::uint64_t at = end_bytes_; at < file_bytes_;) {
    auto seen = window_.view(at, segment_window::read_bytes);
    if (!seen)
      return seen.error();
    if (seen->empty())
      break;
    const std::size_t used = used_bytes(*seen);
    if (used != 0)
      verdict_.torn_bytes = at + used - end_bytes_;
    // Zero bytes hold no head, and most of a long tail is zero bytes.
    for (std::size_t skip = 0; skip < used; skip += record_alignment)
      if (auto looked = look_at(seen->subspan(skip), at + skip); !looked)
        return looked.error();
    at += seen->size();
  }
  return verdict_;
}

/// Checks whether there is a head at `offset_bytes`, of which `here` is in
/// memory already.
result<ok> tail_search::look_at(std::span<const std::byte> here,
                                std::uint64_t offset_bytes) {
  if (file_bytes_ - offset_bytes < record_head_bytes)
    return ok{};
  if (here.size() < record_head_bytes) {
    auto seen = heads_.view(offset_bytes, record_head_bytes);
    if (!seen)
      return seen.error();
    here = *seen;
  }
  if (here.size() < record_head_bytes
      || !head_is_plausible(here, from_.context(), offset_bytes))
    return ok{};
  const std::uint64_t claimed = claimed_head_bytes(here);
  if (claimed > file_bytes_ - offset_bytes)
    return ok{};
  if (claimed > short_head_bytes) {
    auto fits = checksums_.head_fits(offset_bytes, claimed);
    if (!fits)
      return fits.error();
    if (!*fits)
      return ok{};
  }
  if (claimed > here.size()) {
    auto seen = heads_.view(offset_bytes, static_cast<std::size_t>(claimed));
    if (!seen)
      return seen.error();
    here = *seen;
  }
  if (const auto found = decode_head(here, from_.context(), offset_bytes))
    note(found->head);
  return ok{};
}

void tail_search::note(const record_head& head) noexcept {
  verdict_.max_sequence = std::max(verdict_.max_sequence, head.sequence);
  if (head.durable_to > end_bytes_)
    verdict_.acknowledged_data_lost = true;
}

} // namespace

result<tail_verdict> judge_tail(const segment& from, std::uint64_t end_bytes,
                                std::uint64_t file_bytes) {
  return tail_search{from, end_bytes, file_bytes}.run();
}

} // namespace kvs::storage
