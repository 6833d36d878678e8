// What the choice of segments costs, on a store that is nothing but counts:
// keys, segments and where each key lives. Records are those of 16-byte keys
// with 1,000-byte values.

#include "storage/victims.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <random>

namespace kvs::storage {
namespace {

constexpr std::uint64_t record_bytes = 1040;
constexpr std::uint64_t hint_bytes = 32;
constexpr std::uint64_t user_bytes = 1016;

class counted_store {
public:
  counted_store(std::uint32_t keys, std::uint32_t segment_records)
    : places_(keys), segment_records_{segment_records} {
    policy_.segment_bytes = segment_records * record_bytes;
  }

  void write(std::uint32_t key) {
    kill(key);
    append(active_, key, ++sequence_);
    written_bytes += record_bytes + hint_bytes;
    places_[key] = {0, static_cast<std::uint32_t>(active_.keys.size() - 1)};
    if (active_.keys.size() < segment_records_)
      return;
    install(std::exchange(active_, {}));
    while (compact(compaction_need::load)) {
    }
  }

  /// False: there is nothing to do.
  bool compact(compaction_need need) {
    const auto all = usage();
    policy_.unsealed_live_bytes = active_.live * record_bytes;
    const auto victims = choose_victims(all, policy_, need);
    space_max = std::max(space_max, space_amplification());
    if (victims.empty())
      return false;
    segment output;
    for (const segment_id id : victims) {
      const auto& from = segments_.at(static_cast<std::uint32_t>(id));
      for (std::uint32_t at = 0; at < from.keys.size(); ++at)
        if (places_[from.keys[at]] == place{static_cast<std::uint32_t>(id), at})
          append(output, from.keys[at], from.sequences[at]);
    }
    written_bytes += output.keys.size() * (record_bytes + hint_bytes);
    for (const segment_id id : victims)
      segments_.erase(static_cast<std::uint32_t>(id));
    if (!output.keys.empty())
      install(std::move(output));
    return true;
  }

  /// Segments and hints, divided by what lives in them.
  double space_amplification() const {
    const auto space = space_of(usage(), policy_);
    return static_cast<double>(space.segment_bytes + space.hint_bytes)
           / static_cast<double>(space.live_bytes);
  }

  std::uint64_t written_bytes = 0;
  double space_max = 0;

private:
  struct segment {
    std::vector<std::uint32_t> keys;
    std::vector<sequence_number> sequences;
    std::uint64_t live = 0;
  };
  struct place {
    std::uint32_t segment = 0;
    std::uint32_t at = 0;
    bool operator==(const place&) const = default;
  };
  static constexpr std::uint32_t nowhere = ~std::uint32_t{0};

  static void append(segment& to, std::uint32_t key, sequence_number sequence) {
    to.keys.push_back(key);
    to.sequences.push_back(sequence);
    ++to.live;
  }

  void kill(std::uint32_t key) {
    const place old = places_[key];
    if (auto it = segments_.find(old.segment); it != segments_.end())
      --it->second.live;
    else if (old.segment == 0 && old.at < active_.keys.size()
             && active_.keys[old.at] == key)
      --active_.live;
  }

  /// A key that was written twice since lives at its last place.
  void install(segment made) {
    const std::uint32_t id = ++last_id_;
    const bool is_log = made.sequences.back() == sequence_;
    for (std::uint32_t at = 0; at < made.keys.size(); ++at)
      if (!is_log || places_[made.keys[at]] == place{0, at})
        places_[made.keys[at]] = {id, at};
    segments_.emplace(id, std::move(made));
  }

  std::vector<segment_usage> usage() const {
    std::vector<segment_usage> all;
    for (const auto& [id, each] : segments_) {
      segment_usage found;
      found.entry.id = segment_id{id};
      found.entry.record_count = each.keys.size();
      found.entry.end_bytes
        = segment_header_bytes + each.keys.size() * record_bytes;
      found.entry.min_sequence = *std::ranges::min_element(each.sequences);
      found.entry.max_sequence = *std::ranges::max_element(each.sequences);
      found.live_records = each.live;
      found.live_bytes = each.live * record_bytes;
      all.push_back(found);
    }
    return all;
  }

  compaction_policy policy_;
  std::vector<place> places_;
  std::map<std::uint32_t, segment> segments_;
  segment active_;
  std::uint32_t segment_records_;
  std::uint32_t last_id_ = 0;
  sequence_number sequence_ = 0;
};

constexpr std::uint32_t segment_records = 250;
constexpr std::uint32_t keys = 64 * segment_records;

/// Loads all keys, overwrites until the store is in its steady state, then
/// measures bytes written per byte of keys and values.
double write_amplification(counted_store& store,
                           const std::function<std::uint32_t()>& next) {
  for (std::uint32_t key = 0; key < keys; ++key)
    store.write(key * 7919ULL % keys);
  for (std::uint32_t count = 0; count < 3 * keys; ++count)
    store.write(next());
  const auto before = store.written_bytes;
  for (std::uint32_t count = 0; count < 3 * keys; ++count)
    store.write(next());
  return static_cast<double>(store.written_bytes - before)
         / static_cast<double>(3ULL * keys * user_bytes);
}

void expect_little_space_at_rest(counted_store& store) {
  int runs = 0;
  while (store.compact(compaction_need::rest))
    ASSERT_LT(++runs, 1000) << "it finds something to do again and again";
  EXPECT_LE(store.space_amplification(), 1.15 + 0.75 * 1.031 / 64);
}

// Goal: 1.9 bytes written per byte at 1.5 times the space, hints included.
TEST(CompactionCostTest, UniformOverwrites) {
  counted_store store{keys, segment_records};
  std::mt19937 random{1};
  const double found
    = write_amplification(store, [&] { return random() % keys; });
  RecordProperty("write_amplification", std::to_string(found));
  EXPECT_LE(found, 1.9);
  // What is tolerated, and the segment that was sealed just now.
  EXPECT_LE(store.space_max, 1.5 + 1.75 * 1.031 / 64);
  expect_little_space_at_rest(store);
}

// Goal: a skewed load costs less, because hot and cold come apart. The bound
// of a log that mixes all fresh records is 1.51 without hints and heads
// (docs/compaction.md).
TEST(CompactionCostTest, ZipfOverwrites) {
  counted_store store{keys, segment_records};
  std::mt19937 random{1};
  std::vector<double> below(keys);
  double sum = 0;
  for (std::uint32_t rank = 0; rank < keys; ++rank)
    below[rank] = sum += std::pow(rank + 1, -0.99);
  std::uniform_real_distribution<double> anywhere{0, sum};
  const double found = write_amplification(store, [&] {
    const auto rank
      = std::ranges::lower_bound(below, anywhere(random)) - below.begin();
    return static_cast<std::uint32_t>(rank * 7919ULL % keys);
  });
  RecordProperty("write_amplification", std::to_string(found));
  EXPECT_LE(found, 1.8);
  EXPECT_LE(store.space_max, 1.5 + 1.75 * 1.031 / 64);
  expect_little_space_at_rest(store);
}

} // namespace
} // namespace kvs::storage
