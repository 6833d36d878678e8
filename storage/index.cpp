#include "storage/index.hpp"

#include "storage/index_partition.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

namespace kvs::storage {
namespace {

constexpr timestamp_ms never = std::numeric_limits<timestamp_ms>::max();

/// A key that was deleted, as recovery remembers it: no record is this short.
bool is_tombstone(const index_entry& entry) noexcept {
  return entry.location.size_bytes == 0;
}

} // namespace

struct index::state {
  std::uint32_t first = 0;
  std::uint32_t end = 0;
  std::vector<partition_map> partitions;
  /// Per partition: nothing in it expires earlier.
  std::vector<timestamp_ms> earliest_expiry;
  /// Records that entries point to; no entry with zero records.
  boost::unordered_flat_map<std::uint32_t, live_share> shares;
  /// Entries that are not tombstones.
  std::uint64_t keys = 0;
  std::uint64_t tombstones = 0;
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

  void count_in(const index_entry& entry) {
    if (is_tombstone(entry)) {
      ++tombstones;
      return;
    }
    ++keys;
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
    partition_map& map = partitions[at];
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
    if (entry.expires_at != 0)
      earliest_expiry[at] = std::min(earliest_expiry[at], entry.expires_at);
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

  std::size_t sweep_partition(
    std::uint32_t at,
    const std::function<void(std::string_view, const index_entry&)>& tell) {
    timestamp_ms earliest = never;
    const timestamp_ms now = sweep_now;
    const std::size_t erased = erase_if(partitions[at], [&](const auto& item) {
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
    earliest_expiry[at] = earliest;
    return erased;
  }
};

index::index(std::uint32_t first_partition, std::uint32_t end_partition)
  : state_{std::make_unique<state>()} {
  assert(first_partition <= end_partition && end_partition <= partition_count);
  state_->first = first_partition;
  state_->end = end_partition;
  const std::size_t count = end_partition - first_partition;
  state_->partitions.resize(count);
  state_->earliest_expiry.assign(count, never);
}

index::index(index&&) noexcept = default;
index& index::operator=(index&&) noexcept = default;
index::~index() = default;

const index_entry* index::find(key_hash hash, std::string_view key) const {
  const partition_map& map = state_->partitions[state_->slot(hash)];
  const auto found = map.find(wanted_key{hash, key});
  if (found == map.end() || is_tombstone(found->second))
    return nullptr;
  return &found->second;
}

bool index::put(key_hash hash, std::string_view key, const index_entry& entry) {
  assert(!is_tombstone(entry));
  return state_->apply(hash, key, entry);
}

bool index::erase(key_hash hash, std::string_view key,
                  sequence_number sequence) {
  partition_map& map = state_->partitions[state_->slot(hash)];
  const auto found = map.find(wanted_key{hash, key});
  if (found == map.end() || is_tombstone(found->second)
      || found->second.sequence >= sequence)
    return false;
  state_->count_out(found->second);
  map.erase(found);
  return true;
}

void index::erase_below(sequence_number sequence) {
  for (partition_map& map : state_->partitions)
    state_->erase_if(map, [sequence](const auto& item) {
      return item.second.sequence < sequence;
    });
}

bool index::move(key_hash hash, std::string_view key,
                 const record_location& from, const record_location& to) {
  partition_map& map = state_->partitions[state_->slot(hash)];
  const auto found = map.find(wanted_key{hash, key});
  if (found == map.end() || found->second.location != from)
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
  for (partition_map& map : state_->partitions)
    state_->erase_if(
      map, [](const auto& item) { return is_tombstone(item.second); });
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
  const auto& all = state_->earliest_expiry;
  auto it = std::min_element(all.begin(), all.end());
  return it == all.end() || *it == never ? 0 : *it;
}

bool index::sweep_expired(
  timestamp_ms now, std::size_t entries_max,
  const std::function<void(std::string_view key, const index_entry& entry)>&
    removed) {
  state& s = *state_;
  const auto count = static_cast<std::uint32_t>(s.partitions.size());
  // Partitions seen at an earlier time may hold keys that expired since.
  if (now != s.sweep_now || s.sweep_left == 0) {
    s.sweep_now = now;
    s.sweep_left = count;
  }
  for (std::size_t erased = 0; s.sweep_left != 0 && erased < entries_max;
       --s.sweep_left) {
    if (s.earliest_expiry[s.sweep_at] <= now)
      erased += s.sweep_partition(s.sweep_at, removed);
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
  while (partition < state_->end && visited < entries_min) {
    for (const auto& [key, entry] :
         state_->partitions[partition - state_->first])
      if (!is_tombstone(entry)) {
        visit(key.bytes, entry);
        ++visited;
      }
    ++partition;
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
