/// The WRITER's memory of which keys changed last: pure, no actor.
#pragma once

#include "storage/key_hash.hpp"
#include "storage/location.hpp"
#include "storage/prefetch.hpp"
#include "storage/zeroed_pages.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace kvs::actors {

/// The highest sequence number appended per slot, a slot being all keys that
/// share the first `storage::slot_bits` bits of their hash. Two keys in one
/// slot only cost an evaluation that would not have been needed.
///
/// Changes are provisional until `commit`: a failed append takes them back.
class slot_table {
public:
  storage::sequence_number last(storage::key_hash hash) const noexcept {
    return std::max(last_[storage::slot_of(hash)], floor_);
  }

  /// Begins to load the slots of a batch: the table is larger than caches.
  template <class Batch>
  void prefetch(const Batch& batch) noexcept {
    for (const auto& each : batch)
      storage::prefetch_to_write(&last_[storage::slot_of(each.hash)]);
  }

  void raise(storage::key_hash hash, storage::sequence_number sequence) {
    auto& slot = last_[storage::slot_of(hash)];
    undo_.emplace_back(storage::slot_of(hash), slot);
    slot = sequence;
  }

  /// Raises every slot: the whole store was changed.
  void raise_all(storage::sequence_number sequence) noexcept {
    floor_ = sequence;
  }

  void commit() noexcept {
    undo_.clear();
    committed_floor_ = floor_;
  }

  void roll_back() noexcept {
    for (auto it = undo_.rbegin(); it != undo_.rend(); ++it)
      last_[it->first] = it->second;
    undo_.clear();
    floor_ = committed_floor_;
  }

private:
  storage::zeroed_pages pages_{storage::slot_count
                               * sizeof(storage::sequence_number)};
  storage::sequence_number* last_
    = static_cast<storage::sequence_number*>(pages_.data());
  storage::sequence_number floor_ = 0;
  storage::sequence_number committed_floor_ = 0;
  std::vector<std::pair<std::uint32_t, storage::sequence_number>> undo_;
};

} // namespace kvs::actors
