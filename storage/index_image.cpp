// What a checkpoint writes down of an index, and how that becomes one again.

#include "storage/index_state.hpp"

namespace kvs::storage {
namespace {

/// Whether slots with this tag belong to an index of these partitions.
bool is_within(const index_state& s, std::uint32_t table,
               std::uint32_t tag) noexcept {
  if (table >> index_table_bits != 0)
    return false;
  const std::uint32_t partition
    = table << table_partition_bits | tag >> (32 - table_partition_bits);
  return partition >= s.first && partition < s.end;
}

} // namespace

index::segment_shares_list index::numbered_segments() const {
  return state_->shares.numbered();
}

void index::copy_table(std::uint32_t table,
                       std::vector<index_slot>& slots) const {
  const index_table& seen = state_->tables[table - state_->first_table];
  slots.reserve(slots.size() + seen.size());
  index_table::position where;
  for (; seen.settle(where); ++where.at)
    slots.push_back(seen.get(where));
}

bool index::restore_segments(const segment_shares_list& segments) {
  return state_->shares.restore(segments);
}

bool index::restore_table(std::uint32_t table,
                          const std::vector<index_slot>& slots) {
  index_state& s = *state_;
  if (slots.empty())
    return true;
  if (!is_within(s, table, slots.front().tag)
      || !is_within(s, table, slots.back().tag))
    return false;
  for (std::size_t i = 1; i < slots.size(); ++i)
    if (slots[i].tag < slots[i - 1].tag)
      return false;
  index_table& target = s.tables[table - s.first_table];
  if (target.size() != 0)
    return false;
  target.assign(s.pool, slots);
  s.records += slots.size();
  return true;
}

} // namespace kvs::storage
