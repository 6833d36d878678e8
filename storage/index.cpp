#include "storage/index.hpp"

#include "storage/index_partition.hpp"
#include "storage/limits.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <limits>
#include <utility>

namespace kvs::storage {
namespace {

constexpr timestamp_ms never = std::numeric_limits<timestamp_ms>::max();

/// What a deadline counts in a sum that must not overflow: a billion keys of
/// the year 2500 fit.
std::uint64_t counted_deadline_s(const index_entry& entry) noexcept {
  return std::min(entry.expires_at / 1000, timestamp_ms{1} << 34);
}

/// A key that was deleted, as recovery remembers it: no record is this short.
bool is_tombstone(const index_entry& entry) noexcept {
  return entry.location.size_bytes == 0;
}

/// Bytes of keys after which a scan pauses.
constexpr std::size_t scan_bytes_max = mebibyte;

/// Partitions that are created together.
constexpr std::uint32_t page_slots = 256;

struct partition_page {
  std::array<partition_map, page_slots> maps;
  /// Per partition: nothing in it expires earlier.
  std::array<timestamp_ms, page_slots> earliest_expiry;

  partition_page() {
    earliest_expiry.fill(never);
  }
};

} // namespace

struct index::state {
  std::uint32_t first = 0;
  std::uint32_t end = 0;
  /// By slot / page_slots; null while nothing was put there, so that an empty
  /// index costs next to nothing.
  std::vector<std::unique_ptr<partition_page>> pages;
  /// Records that entries point to; no entry with zero records.
  boost::unordered_flat_map<std::uint32_t, live_share> shares;
  /// Entries that are not tombstones.
  std::uint64_t keys = 0;
  std::uint64_t tombstones = 0;
  expiring_keys expiring;
  /// The sweep: next partition, how many are left of the round, and the time
  /// the round is about.
  std::uint32_t sweep_at = 0;
  std::uint32_t sweep_left = 0;
  timestamp_ms sweep_now = 0;

  std::uint32_t slot(key_hash hash) const noexcept {
    const std::uint32_t partition = partition_of(hash);
    assert(partition >= first && partition < end);
    return partition - first;
  }

  /// nullptr: the partition has never held anything.
  partition_page* page_at(std::uint32_t at) const noexcept {
    return pages[at / page_slots].get();
  }
  partition_map* map_at(std::uint32_t at) const noexcept {
    partition_page* const page = page_at(at);
    return page == nullptr ? nullptr : &page->maps[at % page_slots];
  }
  partition_page& make_page(std::uint32_t at) {
    auto& page = pages[at / page_slots];
    if (page == nullptr)
      page = std::make_unique<partition_page>();
    return *page;
  }

  void count_in(const index_entry& entry) {
    if (is_tombstone(entry)) {
      ++tombstones;
      return;
    }
    ++keys;
    if (entry.expires_at != 0) {
      ++expiring.keys;
      expiring.deadlines_sum_s += counted_deadline_s(entry);
    }
    live_share& share
      = shares[static_cast<std::uint32_t>(entry.location.segment)];
    ++share.records;
    share.bytes += entry.location.size_bytes;
  }

  void count_out(const index_entry& entry) {
    if (is_tombstone(entry)) {
      --tombstones;
      return;
    }
    --keys;
    if (entry.expires_at != 0) {
      --expiring.keys;
      expiring.deadlines_sum_s -= counted_deadline_s(entry);
    }
    const auto share
      = shares.find(static_cast<std::uint32_t>(entry.location.segment));
    assert(share != shares.end());
    --share->second.records;
    share->second.bytes -= entry.location.size_bytes;
    if (share->second.records == 0)
      shares.erase(share);
  }

  /// Sets the entry of a key if `entry` is newer than what is there.
  bool apply(key_hash hash, std::string_view key, const index_entry& entry) {
    const std::uint32_t at = slot(hash);
    partition_page& page = make_page(at);
    partition_map& map = page.maps[at % page_slots];
    const auto found = map.find(wanted_key{hash, key});
    if (found == map.end()) {
      map.emplace(stored_key{hash, std::string{key}}, entry);
    } else {
      if (found->second.sequence >= entry.sequence)
        return false;
      count_out(found->second);
      found->second = entry;
    }
    count_in(entry);
    timestamp_ms& earliest = page.earliest_expiry[at % page_slots];
    if (entry.expires_at != 0)
      earliest = std::min(earliest, entry.expires_at);
    return true;
  }

  /// Removes what `unwanted` says of one partition.
  template <class Predicate>
  std::size_t erase_if(partition_map& map, Predicate unwanted) {
    std::size_t erased = 0;
    for (auto it = map.begin(); it != map.end();) {
      if (!unwanted(*it)) {
        ++it;
        continue;
      }
      count_out(it->second);
      map.erase(it++);
      ++erased;
    }
    return erased;
  }

  template <class Predicate>
  void erase_everywhere(Predicate unwanted) {
    for (const auto& page : pages)
      if (page != nullptr)
        for (partition_map& map : page->maps)
          erase_if(map, unwanted);
  }

  std::size_t sweep_partition(
    partition_page& page, std::uint32_t at,
    const std::function<void(std::string_view, const index_entry&)>& tell) {
    timestamp_ms earliest = never;
    const timestamp_ms now = sweep_now;
    const std::size_t erased
      = erase_if(page.maps[at % page_slots], [&](const auto& item) {
          const index_entry& entry = item.second;
          if (is_tombstone(entry) || !entry.expired_at(now)) {
            if (entry.expires_at != 0)
              earliest = std::min(earliest, entry.expires_at);
            return false;
          }
          if (tell)
            tell(item.first.bytes, entry);
          return true;
        });
    page.earliest_expiry[at % page_slots] = earliest;
    return erased;
  }
};

index::index(std::uint32_t first_partition, std::uint32_t end_partition)
  : state_{std::make_unique<state>()} {
  assert(first_partition <= end_partition && end_partition <= partition_count);
  state_->first = first_partition;
  state_->end = end_partition;
  const std::size_t count = end_partition - first_partition;
  state_->pages.resize((count + page_slots - 1) / page_slots);
}

index::index(index&&) noexcept = default;
index& index::operator=(index&&) noexcept = default;
index::~index() = default;

const index_entry* index::find(key_hash hash, std::string_view key) const {
  const partition_map* const map = state_->map_at(state_->slot(hash));
  if (map == nullptr)
    return nullptr;
  const auto found = map->find(wanted_key{hash, key});
  if (found == map->end() || is_tombstone(found->second))
    return nullptr;
  return &found->second;
}

bool index::put(key_hash hash, std::string_view key, const index_entry& entry) {
  assert(!is_tombstone(entry));
  return state_->apply(hash, key, entry);
}

void index::prefetch(key_hash hash) const noexcept {
  if (const partition_map* const map = state_->map_at(state_->slot(hash)))
    __builtin_prefetch(map);
}

bool index::erase(key_hash hash, std::string_view key,
                  sequence_number sequence) {
  partition_map* const map = state_->map_at(state_->slot(hash));
  if (map == nullptr)
    return false;
  const auto found = map->find(wanted_key{hash, key});
  if (found == map->end() || is_tombstone(found->second)
      || found->second.sequence >= sequence)
    return false;
  state_->count_out(found->second);
  map->erase(found);
  return true;
}

void index::erase_below(sequence_number sequence) {
  state_->erase_everywhere(
    [sequence](const auto& item) { return item.second.sequence < sequence; });
}

bool index::move(key_hash hash, std::string_view key,
                 const record_location& from, const record_location& to) {
  partition_map* const map = state_->map_at(state_->slot(hash));
  if (map == nullptr)
    return false;
  const auto found = map->find(wanted_key{hash, key});
  if (found == map->end() || found->second.location != from)
    return false;
  state_->count_out(found->second);
  found->second.location = to;
  state_->count_in(found->second);
  return true;
}

void index::recover_tombstone(key_hash hash, std::string_view key,
                              sequence_number sequence) {
  index_entry entry;
  entry.sequence = sequence;
  state_->apply(hash, key, entry);
}

void index::drop_tombstones() {
  if (state_->tombstones == 0)
    return;
  state_->erase_everywhere(
    [](const auto& item) { return is_tombstone(item.second); });
}

std::uint64_t index::size() const noexcept {
  return state_->keys;
}

live_share index::live_in(segment_id segment) const {
  const auto share = state_->shares.find(static_cast<std::uint32_t>(segment));
  return share == state_->shares.end() ? live_share{} : share->second;
}

std::vector<std::pair<segment_id, live_share>> index::live_segments() const {
  std::vector<std::pair<segment_id, live_share>> all;
  all.reserve(state_->shares.size());
  for (const auto& [segment, share] : state_->shares)
    all.emplace_back(segment_id{segment}, share);
  return all;
}

timestamp_ms index::earliest_expiry() const noexcept {
  timestamp_ms earliest = never;
  for (const auto& page : state_->pages)
    if (page != nullptr)
      earliest
        = std::min(earliest, *std::min_element(page->earliest_expiry.begin(),
                                               page->earliest_expiry.end()));
  return earliest == never ? 0 : earliest;
}

expiring_keys index::expiring() const noexcept {
  return state_->expiring;
}

std::pair<std::uint64_t, timestamp_ms>
index::count_expired(timestamp_ms now) const {
  std::pair<std::uint64_t, timestamp_ms> found{0, 0};
  if (state_->expiring.keys == 0)
    return found;
  for (const auto& page : state_->pages) {
    if (page == nullptr)
      continue;
    for (std::size_t at = 0; at < page_slots; ++at) {
      if (page->earliest_expiry[at] > now)
        continue;
      for (const auto& [key, entry] : page->maps[at])
        if (!is_tombstone(entry) && entry.expired_at(now)) {
          ++found.first;
          found.second = std::max(found.second, entry.expires_at);
        }
    }
  }
  return found;
}

bool index::sweep_expired(
  timestamp_ms now, std::size_t entries_max,
  const std::function<void(std::string_view key, const index_entry& entry)>&
    removed) {
  state& s = *state_;
  const auto count = s.end - s.first;
  // Partitions seen at an earlier time may hold keys that expired since.
  if (now != s.sweep_now || s.sweep_left == 0) {
    s.sweep_now = now;
    s.sweep_left = count;
  }
  for (std::size_t erased = 0; s.sweep_left != 0 && erased < entries_max;
       --s.sweep_left) {
    partition_page* const page = s.page_at(s.sweep_at);
    if (page != nullptr
        && page->earliest_expiry[s.sweep_at % page_slots] <= now)
      erased += s.sweep_partition(*page, s.sweep_at, removed);
    s.sweep_at = s.sweep_at + 1 == count ? 0 : s.sweep_at + 1;
  }
  return s.sweep_left == 0;
}

std::uint32_t index::scan(
  std::uint32_t partition, std::size_t entries_min,
  const std::function<void(std::string_view key, const index_entry& entry)>&
    visit) const {
  partition = std::max(partition, state_->first);
  std::size_t visited = 0;
  std::size_t key_bytes = 0;
  for (; partition < state_->end && visited < entries_min
         && key_bytes <= scan_bytes_max;
       ++partition) {
    const partition_map* const map = state_->map_at(partition - state_->first);
    if (map == nullptr)
      continue;
    for (const auto& [key, entry] : *map)
      if (!is_tombstone(entry)) {
        visit(key.bytes, entry);
        ++visited;
        key_bytes += key.bytes.size();
      }
  }
  return partition;
}

std::uint32_t index::first_partition() const noexcept {
  return state_->first;
}

std::uint32_t index::end_partition() const noexcept {
  return state_->end;
}

} // namespace kvs::storage
