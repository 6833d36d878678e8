#include "tests/simulation/full_scan.hpp"

#include "storage/manifest.hpp"
#include "storage/segment_scanner.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <optional>

namespace kvs::simulation {
namespace {

using storage::record_head;
using storage::record_type;
using storage::segment_scanner;

struct newest_record {
  record_head head;
  storage::record_location place;
};

class store_scan {
public:
  explicit store_scan(storage::timestamp_ms now) : now_{now} {
  }

  void add(const storage::segment_ptr& from,
           const storage::segment_entry& entry) {
    const auto limit
      = entry.sealed ? entry.end_bytes : from->bytes().size_bytes();
    ASSERT_TRUE(limit);
    segment_scanner scanner{from, *limit, segment_scanner::values::verify};
    auto& counts = found_[entry.id];
    while (true) {
      const auto next = scanner.next();
      ASSERT_TRUE(next);
      if (!*next)
        return;
      const auto& [head, place, key] = **next;
      count_record(counts.counted, head, place.size_bytes);
      if (head.type == record_type::flush)
        flushed(head.sequence);
      else if (head.type == record_type::put
               || head.type == record_type::tombstone)
        note(std::string{key}, head, place);
    }
  }

  /// Records with lower numbers are dead.
  void flushed(storage::sequence_number sequence) {
    flushed_below_ = std::max(flushed_below_, sequence);
  }

  std::map<storage::segment_id, scanned_counts> result() {
    for (const auto& [key, newest] : newest_) {
      const auto& [head, place] = newest;
      const bool lives = head.type == record_type::put
                         && head.sequence >= flushed_below_
                         && (head.expires_at == 0 || head.expires_at > now_);
      if (!lives)
        continue;
      ++found_[place.segment].live.records;
      found_[place.segment].live.bytes += place.size_bytes;
    }
    return found_;
  }

private:
  void note(const std::string& key, const record_head& head,
            const storage::record_location& place) {
    auto [known, is_new] = newest_.try_emplace(key, newest_record{head, place});
    if (!is_new && head.sequence > known->second.head.sequence)
      known->second = {head, place};
  }

  storage::timestamp_ms now_;
  storage::sequence_number flushed_below_ = 0;
  std::map<std::string, newest_record> newest_;
  std::map<storage::segment_id, scanned_counts> found_;
};

} // namespace

std::map<storage::segment_id, scanned_counts>
scan_all(storage::file_system& files, storage::timestamp_ms now) {
  store_scan scan{now};
  const auto state = storage::read_manifest(files, store_directory);
  EXPECT_TRUE(state && *state);
  if (!state || !*state)
    return {};
  scan.flushed((*state)->flushed_below);
  for (const auto& entry : (*state)->segments) {
    const std::string path = std::string{store_directory} + "/"
                             + segment_file_name(entry.id, entry.kind);
    const auto from = open_segment(files, path, storage::open_mode::read_only);
    EXPECT_TRUE(from) << path;
    if (from)
      scan.add(*from, entry);
  }
  return scan.result();
}

void expect_exact_counts(const disk_ptr& disk, world& lived) {
  auto known = lived.live();
  const auto state = storage::read_manifest(*disk, store_directory);
  ASSERT_TRUE(state && *state);
  const auto scanned = scan_all(*disk, lived.now());
  for (const auto& entry : (*state)->segments) {
    const auto number = static_cast<std::uint32_t>(entry.id);
    const auto& [counted, live] = scanned.at(entry.id);
    EXPECT_EQ(known[entry.id].records, live.records) << "segment " << number;
    EXPECT_EQ(known[entry.id].bytes, live.bytes) << "segment " << number;
    if (!entry.sealed)
      continue;
    EXPECT_EQ(entry.record_count, counted.record_count) << number;
    EXPECT_EQ(entry.tombstone_count, counted.tombstone_count) << number;
    EXPECT_EQ(entry.tombstone_bytes, counted.tombstone_bytes) << number;
    EXPECT_EQ(entry.min_sequence, counted.min_sequence) << number;
    EXPECT_EQ(entry.max_sequence, counted.max_sequence) << number;
    EXPECT_EQ(entry.max_shadow_sequence, counted.max_shadow_sequence) << number;
  }
  for (const auto& [segment, share] : known)
    EXPECT_TRUE(scanned.contains(segment) || share.records == 0)
      << "segment " << static_cast<std::uint32_t>(segment) << " is not there";
}

} // namespace kvs::simulation
