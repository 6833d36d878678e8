#include "storage/segment_scanner.hpp"

#include "storage/planted_bugs.hpp"
#include "storage/segment_window.hpp"

#include <algorithm>
#include <utility>

namespace kvs::storage {
namespace {

bool counts_sequence(record_type type) noexcept {
  return type != record_type::mark && type != record_type::seal;
}

bool may_be_in_batch(record_type type) noexcept {
  return type == record_type::put || type == record_type::tombstone;
}

} // namespace

struct segment_scanner::state {
  segment_window window;
  bool verify_values;
  /// Where the next record begins.
  std::uint64_t at = segment_header_bytes;
  /// End of the last valid record; inside a batch: the end of the batch.
  std::uint64_t end = segment_header_bytes;
  /// Highest sequence number so far. A writer numbers in rising order, so a
  /// lower one in a log segment is what is left of a write that was undone.
  sequence_number last_sequence = 0;
  bool finished = false;

  state(segment_ptr from, std::uint64_t limit_bytes, bool verify)
    : window{std::move(from), limit_bytes}, verify_values{verify} {
  }

  result<std::optional<decoded_head>> record_at(std::uint64_t offset_bytes);
  result<bool> run_is_whole(std::uint64_t begin, std::uint64_t end_of_run,
                            sequence_number first);
  bool rises(const record_head& head) const noexcept;
  scanned_record pass(const decoded_head& found);
  result<std::optional<scanned_record>> next();
};

/// The head at a place, and the value is valid too if values are verified.
result<std::optional<decoded_head>>
segment_scanner::state::record_at(std::uint64_t offset_bytes) {
  auto found = window.head_at(offset_bytes);
  if (!found || !*found || !verify_values)
    return found;
  if ((*found)->head.type == record_type::batch
      && is_planted(planted_bug::halve_batch))
    return found;
  auto fits = window.value_fits(offset_bytes, **found);
  if (!fits)
    return fits.error();
  if (!*fits)
    return std::optional<decoded_head>{};
  // The window may have moved under the key.
  return window.head_at(offset_bytes);
}

/// Whether the run of a batch consists of valid heads of the right types, so
/// that nothing of it is given out unless all of it can be.
result<bool> segment_scanner::state::run_is_whole(std::uint64_t begin,
                                                  std::uint64_t end_of_run,
                                                  sequence_number first) {
  if (is_planted(planted_bug::halve_batch))
    return true;
  sequence_number expected = first;
  while (begin < end_of_run) {
    auto found = window.head_at(begin);
    if (!found)
      return found.error();
    if (!*found || !may_be_in_batch((*found)->head.type)
        || (*found)->head.sequence < expected)
      return false;
    expected = (*found)->head.sequence + 1;
    begin += (*found)->size_bytes();
  }
  return begin == end_of_run && expected != first;
}

bool segment_scanner::state::rises(const record_head& head) const noexcept {
  return window.from().context().kind != segment_kind::log
         || !counts_sequence(head.type) || head.sequence > last_sequence;
}

/// Moves behind a record that is valid and gives it out.
scanned_record segment_scanner::state::pass(const decoded_head& found) {
  const record_location location{
    window.from().id(), at, static_cast<std::uint32_t>(found.size_bytes())};
  at += location.size_bytes;
  end = std::max(end, at);
  if (counts_sequence(found.head.type))
    last_sequence = std::max(last_sequence, found.head.sequence);
  finished = found.head.type == record_type::seal;
  return {found.head, location, found.key};
}

result<std::optional<scanned_record>> segment_scanner::state::next() {
  while (!finished) {
    const bool in_batch = at < end;
    auto found = in_batch ? window.head_at(at) : record_at(at);
    if (!found)
      return found.error();
    if (!*found || !rises((*found)->head))
      break;
    const record_head head = (*found)->head;
    const std::uint64_t size = (*found)->size_bytes();
    if (head.type != record_type::batch)
      return std::optional<scanned_record>{pass(**found)};
    auto whole = run_is_whole(at + record_head_bytes, at + size, head.sequence);
    if (!whole)
      return whole.error();
    if (!*whole)
      break;
    end = at + size;
    at += record_head_bytes;
  }
  finished = true;
  return std::optional<scanned_record>{};
}

segment_scanner::segment_scanner(segment_ptr from, std::uint64_t limit_bytes,
                                 values checked)
  : state_{std::make_unique<state>(std::move(from), limit_bytes,
                                   checked == values::verify)} {
}

segment_scanner::~segment_scanner() = default;

result<std::optional<scanned_record>> segment_scanner::next() {
  return state_->next();
}

std::uint64_t segment_scanner::end_bytes() const noexcept {
  return state_->end;
}

} // namespace kvs::storage
