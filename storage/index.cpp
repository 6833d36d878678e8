#include "storage/index.hpp"

#include "storage/index_state.hpp"
#include "storage/planted_bugs.hpp"
#include "storage/prefetch.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace kvs::storage {
index::index(std::uint32_t first_partition, std::uint32_t end_partition)
  : state_{std::make_unique<index_state>()} {
  assert(first_partition <= end_partition && end_partition <= partition_count);
  index_state& s = *state_;
  s.first = first_partition;
  s.end = end_partition;
  s.first_table = first_partition >> table_partition_bits;
  if (end_partition > first_partition)
    s.tables.resize(((end_partition - 1) >> table_partition_bits)
                    - s.first_table + 1);
}

index::index(index&&) noexcept = default;
index& index::operator=(index&&) noexcept = default;
index::~index() = default;

void index::find(key_hash hash, std::vector<index_candidate>& found) const {
  state_->table(hash).any_of(tag_of(hash),
                             [&](const auto&, const index_slot& slot) {
                               found.push_back(state_->candidate(slot));
                               return false;
                             });
}

bool index::has(key_hash hash) const {
  return state_->table(hash).any_of(
    tag_of(hash), [](const auto&, const auto&) { return true; });
}

bool index::contains(key_hash hash, const record_location& where) const {
  return state_->table(hash).any_of(tag_of(hash),
                                    [&](const auto&, const index_slot& slot) {
                                      return state_->is_at(slot, where);
                                    });
}

bool index::is_deletion(key_hash hash, const record_location& where) const {
  return state_->table(hash).any_of(
    tag_of(hash), [&](const auto&, const index_slot& slot) {
      return slot.size_class == 0 && state_->is_at(slot, where);
    });
}

void index::insert(key_hash hash, const record_location& location) {
  assert(location.size_bytes != 0);
  state_->add(hash, location, size_class_of(location.size_bytes));
}

void index::insert_deletion(key_hash hash, const record_location& location) {
  state_->add(hash, location, 0);
}

bool index::turn_into_deletion(key_hash hash, const record_location& location) {
  index_state& s = *state_;
  index_table& searched = s.table(hash);
  return searched.any_of(
    tag_of(hash), [&](const auto& where, const index_slot& slot) {
      if (slot.size_class == 0 || !s.is_at(slot, location))
        return false;
      const std::uint16_t segment = s.shares.add(location.segment, 0);
      s.forget(slot, location);
      searched.replace(where,
                       {slot.tag, 0, place_of(segment, location.offset_bytes)});
      return true;
    });
}

bool index::remove(key_hash hash, const record_location& location) {
  index_state& s = *state_;
  index_table& searched = s.table(hash);
  return searched.any_of(tag_of(hash),
                         [&](const auto& where, const index_slot& slot) {
                           if (!s.is_at(slot, location))
                             return false;
                           s.forget(slot, location);
                           searched.remove(s.pool, where);
                           --s.records;
                           return true;
                         });
}

bool index::move(key_hash hash, const record_location& from,
                 const record_location& to) {
  index_state& s = *state_;
  index_table& searched = s.table(hash);
  return searched.any_of(
    tag_of(hash), [&](const auto& where, const index_slot& slot) {
      if (!s.is_at(slot, from)
          && !is_planted(planted_bug::move_without_comparing))
        return false;
      const bool is_deletion = slot.size_class == 0;
      const std::uint16_t segment
        = s.shares.add(to.segment, is_deletion ? 0 : to.size_bytes);
      s.forget(slot, from);
      searched.replace(
        where,
        {slot.tag, is_deletion ? std::uint8_t{0} : size_class_of(to.size_bytes),
         place_of(segment, to.offset_bytes)});
      return true;
    });
}

void index::clear() {
  // Nothing is gained by making all tables anew.
  if (state_->records == 0)
    return;
  *this = index{state_->first, state_->end};
}

void index::reserve(key_hash hash, std::uint32_t records) {
  state_->table(hash).reserve(state_->pool, records);
}

void index::prefetch_table(key_hash hash) const noexcept {
  storage::prefetch(&state_->table(hash));
}

void index::prefetch_block(key_hash hash) const noexcept {
  state_->table(hash).prefetch_block(tag_of(hash));
}

void index::prefetch(key_hash hash) const noexcept {
  state_->table(hash).prefetch(tag_of(hash));
}

std::uint64_t index::size() const noexcept {
  return state_->records;
}

live_share index::live_in(segment_id segment) const {
  return state_->shares.of(segment);
}

std::vector<std::pair<segment_id, live_share>> index::live_segments() const {
  return state_->shares.all();
}

std::uint32_t index::scan(
  std::uint32_t partition, std::size_t records_min,
  const std::function<void(std::uint64_t hash_bits,
                           const index_candidate& record)>& visit) const {
  const index_state& s = *state_;
  partition = std::max(partition, s.first);
  std::size_t visited = 0;
  for (; partition < s.end && visited < records_min; ++partition) {
    const std::uint32_t number = partition >> table_partition_bits;
    const index_table& seen = s.tables[number - s.first_table];
    if (seen.size() == 0) {
      // Behind its last partition.
      partition = std::min(s.end, (number + 1) << table_partition_bits) - 1;
      continue;
    }
    const std::uint32_t within = partition & ((1U << table_partition_bits) - 1);
    const std::uint64_t tag_end = first_tag(within + 1);
    auto where
      = seen.lower_bound(static_cast<std::uint32_t>(first_tag(within)));
    for (; seen.settle(where); ++where.at) {
      const index_slot slot = seen.get(where);
      if (slot.tag >= tag_end)
        break;
      visit(std::uint64_t{number} << 32 | slot.tag, s.candidate(slot));
      ++visited;
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
