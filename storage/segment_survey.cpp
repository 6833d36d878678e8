#include "storage/segment_survey.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace kvs::storage {
namespace {

bool has_key(record_type type) noexcept {
  return type == record_type::put || type == record_type::tombstone;
}

bool counts_sequence(record_type type) noexcept {
  return type != record_type::mark && type != record_type::seal;
}

/// Keys are bytes of strangers, of any length.
std::string quoted(std::string_view key) {
  constexpr std::size_t shown_bytes = 64;
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text = "\"";
  for (const char each : key.substr(0, shown_bytes)) {
    const auto byte = static_cast<unsigned char>(each);
    if (byte < 0x20 || byte >= 0x7f || each == '"' || each == '\\') {
      text += "\\x";
      text += digits[byte >> 4];
      text += digits[byte & 15];
    } else {
      text += each;
    }
  }
  text += key.size() > shown_bytes ? "\"..." : "\"";
  return text;
}

/// A batch that does not verify as a whole may have whole records in front of
/// the damage: moves the range behind them.
result<ok> step_into_batch(segment_window& window, damage& d) {
  auto batch = window.head_at(d.begin_bytes);
  if (!batch)
    return batch.error();
  if (!*batch || (*batch)->head.type != record_type::batch)
    return ok{};
  const std::uint64_t end = d.begin_bytes + (*batch)->size_bytes();
  std::uint64_t at = d.begin_bytes + record_head_bytes;
  std::optional<std::string> key_before = d.key_before;
  while (at < end) {
    auto found = window.head_at(at);
    if (!found)
      return found.error();
    std::optional<std::string> key;
    std::uint64_t size_bytes = 0;
    if (*found) {
      key = std::string{(*found)->key};
      size_bytes = (*found)->size_bytes();
      auto fits = window.value_fits(at, **found);
      if (!fits)
        return fits.error();
      if (*fits) {
        key_before = std::move(key);
        at += size_bytes;
        continue;
      }
      d.end_bytes = at + size_bytes;
    }
    d.begin_bytes = at;
    d.key = std::move(key);
    d.key_before = std::move(key_before);
    return ok{};
  }
  return ok{};
}

} // namespace

std::string to_string(const damage& d) {
  std::string text = d.file;
  text += " offset " + std::to_string(d.begin_bytes);
  if (d.end_bytes != d.begin_bytes)
    text += " to " + std::to_string(d.end_bytes);
  text += ": " + d.what;
  if (d.key)
    return text + "; key " + quoted(*d.key);
  text += "; keys between ";
  text += d.key_before ? quoted(*d.key_before) : "the beginning";
  text += " and ";
  text += d.key_behind ? quoted(*d.key_behind) : "the end";
  return text + " of the segment, in the order of the log";
}

error damaged_range(const segment& from, std::uint64_t begin_bytes,
                    std::uint64_t limit_bytes, const char* what,
                    std::optional<std::string> key_before) {
  damage d{from.bytes().path(),  begin_bytes, limit_bytes, what, {},
           std::move(key_before)};
  segment_window window{segment_ptr{segment_ptr{}, &from}, limit_bytes};
  if (auto stepped = step_into_batch(window, d); !stepped)
    return stepped.error();
  if (d.key)
    return {errc::corrupt, 0, to_string(d)};
  std::uint64_t at = d.begin_bytes;
  // The first one that has a key; the first one of all ends the range.
  while (at + record_alignment < limit_bytes) {
    auto next = find_head(from, at + record_alignment, limit_bytes);
    if (!next)
      return next.error();
    if (!*next)
      break;
    at = **next;
    d.end_bytes = std::min(d.end_bytes, at);
    auto head = window.head_at(at);
    if (!head)
      return head.error();
    if (*head && has_key((*head)->head.type)) {
      d.key_behind = std::string{(*head)->key};
      break;
    }
  }
  return {errc::corrupt, 0, to_string(d)};
}

segment_survey::segment_survey(segment_ptr from, std::uint64_t synced_bytes,
                               std::uint64_t limit_bytes)
  : window_{std::move(from), limit_bytes}, synced_bytes_{synced_bytes} {
}

bool segment_survey::rises(const record_head& head) const noexcept {
  return window_.from().context().kind != segment_kind::log
         || !counts_sequence(head.type) || head.sequence > last_sequence_;
}

/// The head here, unless it is that of a batch that counts as a whole and is
/// not.
result<std::optional<decoded_head>> segment_survey::valid_head() {
  constexpr std::optional<decoded_head> none;
  auto found = window_.head_at(at_);
  if (!found || !*found)
    return found;
  if (!rises((*found)->head))
    return none;
  if (at_ < synced_bytes_ || (*found)->head.value_bytes == 0)
    return found;
  auto fits = window_.value_fits(at_, **found);
  if (!fits)
    return fits.error();
  if (!*fits)
    return none;
  return window_.head_at(at_);
}

/// Finds the next valid record. False: there is none, or what is here is not
/// damage but the end.
result<bool> segment_survey::get_over_damage() {
  if (at_ >= synced_bytes_)
    return false;
  damage d{window_.from().bytes().path(), at_, window_.limit_bytes(),
           "nothing here verifies",       {},  last_key_};
  const std::uint64_t limit = window_.limit_bytes();
  while (at_ + record_alignment < limit) {
    auto next = find_head(window_.from(), at_ + record_alignment, limit);
    if (!next)
      return next.error();
    if (!*next)
      break;
    at_ = **next;
    auto head = valid_head();
    if (!head)
      return head.error();
    // What is left of a write that was undone has an old number.
    if (!*head)
      continue;
    d.end_bytes = at_;
    damages_.push_back(std::move(d));
    return true;
  }
  // Behind what was synced there may be nothing but a torn tail.
  d.end_bytes = at_ = synced_bytes_;
  damages_.push_back(std::move(d));
  return false;
}

void segment_survey::note_key_behind(std::string_view key) {
  for (auto d = damages_.rbegin(); d != damages_.rend(); ++d) {
    if (d->key || d->key_behind)
      return;
    d->key_behind = std::string{key};
  }
}

result<std::optional<surveyed_record>> segment_survey::next() {
  const std::uint64_t end = std::max(window_.limit_bytes(), synced_bytes_);
  while (!finished_ && at_ < end) {
    auto found = valid_head();
    if (!found)
      return found.error();
    if (!*found) {
      auto goes_on = get_over_damage();
      if (!goes_on)
        return goes_on.error();
      if (!*goes_on)
        break;
      continue;
    }
    const record_head head = (*found)->head;
    const std::uint64_t begin = at_;
    const std::uint64_t size = (*found)->size_bytes();
    if (head.type == record_type::batch) {
      at_ += record_head_bytes;
      continue;
    }
    const bool keyed = has_key(head.type);
    if (keyed)
      note_key_behind((*found)->key);
    auto fits = window_.value_fits(begin, **found);
    if (!fits)
      return fits.error();
    // The window may have moved under the key.
    found = window_.head_at(begin);
    if (!found)
      return found.error();
    if (!*found)
      return error{errc::io_failed, 0,
                   window_.from().bytes().path() + ": it changes"};
    if (keyed)
      last_key_ = std::string{(*found)->key};
    if (!*fits)
      damages_.push_back({window_.from().bytes().path(),
                          begin,
                          begin + size,
                          "the value does not verify",
                          last_key_,
                          {}});
    at_ += size;
    if (counts_sequence(head.type))
      last_sequence_ = std::max(last_sequence_, head.sequence);
    complete_ = finished_ = head.type == record_type::seal;
    return std::optional{surveyed_record{
      head,
      {window_.from().id(), begin, static_cast<std::uint32_t>(size)},
      (*found)->key,
      *fits}};
  }
  finished_ = true;
  return std::optional<surveyed_record>{};
}

} // namespace kvs::storage
