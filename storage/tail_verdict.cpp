#include "storage/planted_bugs.hpp"
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
  /// Stops at the first valid head.
  result<std::optional<std::uint64_t>> find_first();

private:
  template <class Visit>
  result<ok> search(Visit visit);
  result<std::optional<record_head>> look_at(std::span<const std::byte> here,
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

/// Calls `visit(offset, head)` for valid heads, in their order, until it says
/// that this is enough.
template <class Visit>
result<ok> tail_search::search(Visit visit) {
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
    for (std::size_t skip = 0; skip < used; skip += record_alignment) {
      auto head = look_at(seen->subspan(skip), at + skip);
      if (!head)
        return head.error();
      if (*head && visit(at + skip, **head))
        return ok{};
    }
    at += seen->size();
  }
  return ok{};
}

result<tail_verdict> tail_search::run() {
  auto searched = search([this](std::uint64_t at, const record_head& head) {
    note(head);
    if (head.type == record_type::seal)
      verdict_.seal_end_bytes = at + record_head_bytes;
    return false;
  });
  if (!searched)
    return searched.error();
  return verdict_;
}

result<std::optional<std::uint64_t>> tail_search::find_first() {
  std::optional<std::uint64_t> found;
  auto searched = search([&](std::uint64_t at, const record_head&) {
    found = at;
    return true;
  });
  if (!searched)
    return searched.error();
  return found;
}

/// The valid head at `offset_bytes`, if there is one; some of it, `here`, is in
/// memory already.
result<std::optional<record_head>>
tail_search::look_at(std::span<const std::byte> here,
                     std::uint64_t offset_bytes) {
  constexpr std::optional<record_head> none;
  if (file_bytes_ - offset_bytes < record_head_bytes)
    return none;
  if (here.size() < record_head_bytes) {
    auto seen = heads_.view(offset_bytes, record_head_bytes);
    if (!seen)
      return seen.error();
    here = *seen;
  }
  if (here.size() < record_head_bytes
      || !head_is_plausible(here, from_.context(), offset_bytes))
    return none;
  const std::uint64_t claimed = claimed_head_bytes(here);
  if (claimed > file_bytes_ - offset_bytes)
    return none;
  if (claimed > short_head_bytes) {
    auto fits = checksums_.head_fits(offset_bytes, claimed);
    if (!fits)
      return fits.error();
    if (!*fits)
      return none;
  }
  if (claimed > here.size()) {
    auto seen = heads_.view(offset_bytes, static_cast<std::size_t>(claimed));
    if (!seen)
      return seen.error();
    here = *seen;
  }
  const auto found = decode_head(here, from_.context(), offset_bytes);
  return found ? std::optional{found->head} : none;
}

void tail_search::note(const record_head& head) noexcept {
  verdict_.max_sequence = std::max(verdict_.max_sequence, head.sequence);
  verdict_.durable_to = std::max(verdict_.durable_to, head.durable_to);
  if (head.durable_to > end_bytes_
      && !is_planted(planted_bug::ignore_durable_to))
    verdict_.acknowledged_data_lost = true;
}

} // namespace

result<tail_verdict> judge_tail(const segment& from, std::uint64_t end_bytes,
                                std::uint64_t file_bytes) {
  return tail_search{from, end_bytes, file_bytes}.run();
}

result<std::optional<std::uint64_t>>
find_head(const segment& from, std::uint64_t begin, std::uint64_t end_bytes) {
  return tail_search{from, begin, end_bytes}.find_first();
}

} // namespace kvs::storage
