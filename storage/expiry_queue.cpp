#include "storage/expiry_queue.hpp"

#include <algorithm>
#include <limits>

namespace kvs::storage {
namespace {

constexpr unsigned second_shift = 10;
constexpr std::size_t page_records = 1024;
/// Pages that one call of `purge_some` looks at: well below a millisecond.
constexpr unsigned purge_pages = 4;

} // namespace

void expiry_queue::add(const expiring_record& record) {
  const std::uint64_t second = record.expires_at >> second_shift;
  auto last
    = pages_.upper_bound({second, std::numeric_limits<std::uint32_t>::max()});
  std::uint32_t number = 0;
  if (last != pages_.begin() && (--last)->first.first == second) {
    number = last->first.second;
    if (last->second.records.size() >= page_records)
      ++number;
  }
  page& target = pages_[{second, number}];
  target.earliest = std::min(target.earliest, record.expires_at);
  target.records.push_back(record);
  ++size_;
}

timestamp_ms expiry_queue::earliest() const noexcept {
  if (pages_.empty())
    return 0;
  const std::uint64_t second = pages_.begin()->first.first;
  timestamp_ms found = pages_.begin()->second.earliest;
  for (auto it = pages_.begin();
       it != pages_.end() && it->first.first == second; ++it)
    found = std::min(found, it->second.earliest);
  return found;
}

void expiry_queue::visit_expired(
  timestamp_ms now,
  const std::function<void(const expiring_record&)>& visit) const {
  for (const auto& [key, seen] : pages_) {
    if (key.first > now >> second_shift)
      break;
    for (const expiring_record& record : seen.records)
      if (record.expires_at <= now)
        visit(record);
  }
}

std::vector<expiring_record>
expiry_queue::take_expired(timestamp_ms now, std::size_t records_max) {
  std::vector<expiring_record> taken;
  for (auto it = pages_.begin(); it != pages_.end()
                                 && it->first.first <= now >> second_shift
                                 && taken.size() < records_max;) {
    page& seen = it->second;
    const auto expired = std::partition(
      seen.records.begin(), seen.records.end(),
      [now](const expiring_record& record) { return record.expires_at > now; });
    taken.insert(taken.end(), expired, seen.records.end());
    seen.records.erase(expired, seen.records.end());
    seen.earliest = ~timestamp_ms{0};
    for (const expiring_record& record : seen.records)
      seen.earliest = std::min(seen.earliest, record.expires_at);
    it = seen.records.empty() ? pages_.erase(it) : std::next(it);
  }
  size_ -= taken.size();
  return taken;
}

void expiry_queue::purge_some(
  const std::function<bool(const expiring_record&)>& is_wanted) {
  if (!purging_) {
    if (size_ < purge_at_)
      return;
    purging_ = true;
    purged_ = {};
  }
  auto it = pages_.lower_bound(purged_);
  for (unsigned i = 0; i < purge_pages && it != pages_.end(); ++i) {
    auto& records = it->second.records;
    const std::size_t before = records.size();
    std::erase_if(records, [&](const expiring_record& record) {
      return !is_wanted(record);
    });
    size_ -= before - records.size();
    it = records.empty() ? pages_.erase(it) : std::next(it);
  }
  if (it != pages_.end()) {
    purged_ = it->first;
    return;
  }
  purging_ = false;
  purge_at_ = std::max(purge_records_min, 2 * size_);
}

void expiry_queue::clear() {
  *this = expiry_queue{};
}

} // namespace kvs::storage
