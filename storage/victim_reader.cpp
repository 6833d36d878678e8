#include "storage/victim_reader.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace kvs::storage {

victim_reader::victim_reader(segment_ptr from, std::uint64_t end_bytes)
  : from_{std::move(from)}, end_bytes_{end_bytes} {
  // A value is verified by who copies it.
  scanner_.emplace(from_, end_bytes, segment_scanner::values::skip);
}

victim_reader::victim_reader(segment_ptr from, std::uint64_t end_bytes,
                             std::vector<std::uint64_t> places)
  : from_{std::move(from)}, end_bytes_{end_bytes}, places_{std::move(places)} {
  assert(std::is_sorted(places_.begin(), places_.end()));
  window_.emplace(from_, end_bytes);
}

result<std::optional<scanned_record>> victim_reader::next() {
  return scanner_ ? next_of_all() : next_place();
}

std::uint64_t victim_reader::passed_bytes() const noexcept {
  if (scanner_)
    return scanner_->end_bytes();
  return done_count_ == places_.size() ? end_bytes_ : places_[done_count_];
}

result<std::optional<scanned_record>> victim_reader::next_of_all() {
  auto found = scanner_->next();
  if (found && !*found && scanner_->end_bytes() != end_bytes_)
    return invalid_at(scanner_->end_bytes());
  return found;
}

result<std::optional<scanned_record>> victim_reader::next_place() {
  if (done_count_ == places_.size())
    return std::optional<scanned_record>{};
  const std::uint64_t place = places_[done_count_];
  auto found = window_->head_at(place);
  if (!found)
    return found.error();
  if (!*found)
    return invalid_at(place);
  ++done_count_;
  const decoded_head& head = **found;
  return std::optional<scanned_record>{scanned_record{
    head.head,
    {from_->id(), place, static_cast<std::uint32_t>(head.size_bytes())},
    head.key}};
}

error victim_reader::invalid_at(std::uint64_t offset_bytes) const {
  return {errc::corrupt, 0,
          from_->bytes().path() + ": invalid record at offset "
            + std::to_string(offset_bytes)};
}

} // namespace kvs::storage
