#pragma once

#include "storage/key_hash.hpp"
#include "storage/location.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <utility>
#include <vector>

namespace kvs::storage {

/// A record that expires, as the index finds it.
struct expiring_record {
  key_hash hash = 0;
  record_location location;
  timestamp_ms expires_at = 0;
};

/// Which records of an index expire, by when: the index itself does not know.
///
/// A record that was replaced stays here until its time or until a purge;
/// whoever takes it finds that the index no longer has it. So does one that
/// has moved: add it again with its new place.
///
/// Memory: 32 bytes a record; a page for every second in which some expire.
/// Ownership: one owner, no locks.
class expiry_queue {
public:
  /// @pre record.expires_at != 0
  void add(const expiring_record& record);

  /// No record expires before this; 0: there is none.
  timestamp_ms earliest() const noexcept;

  /// Calls `visit` for each that has expired and was not taken.
  void
  visit_expired(timestamp_ms now,
                const std::function<void(const expiring_record&)>& visit) const;

  /// Takes out records that have expired, about `records_max` at most.
  std::vector<expiring_record> take_expired(timestamp_ms now,
                                            std::size_t records_max);

  /// Forgets records for which `is_wanted` is false, a few at a time. Does
  /// nothing while most of what it holds may be wanted; so a key whose expiry
  /// is set again and again does not fill the memory.
  void purge_some(const std::function<bool(const expiring_record&)>& is_wanted);

  std::uint64_t size() const noexcept {
    return size_;
  }
  void clear();

private:
  struct page {
    timestamp_ms earliest = ~timestamp_ms{0};
    std::vector<expiring_record> records;
  };
  /// Second of expiry, then number: a page stays small enough to be moved.
  using page_key = std::pair<std::uint64_t, std::uint32_t>;

  std::map<page_key, page> pages_;
  std::uint64_t size_ = 0;
  /// A purge begins when there are so many, and goes on behind this page.
  std::uint64_t purge_at_ = purge_records_min;
  bool purging_ = false;
  page_key purged_{};

  static constexpr std::uint64_t purge_records_min = 16'384;
};

} // namespace kvs::storage
