// Which segments an INDEX SHARD knows, and which of them it can look into.

#include "actors/shard_state.hpp"

#include <cassert>

namespace kvs::actors {
void shard::add_segment(const storage::segment_ptr& segment) {
  // The RESIDENCY may have been faster.
  segments_[static_cast<std::uint32_t>(segment->id())].file = segment;
}

const storage::segment_ptr& shard::segment_of(storage::segment_id id) const {
  auto it = segments_.find(static_cast<std::uint32_t>(id));
  // The WRITER and the COMPACTOR hand over a segment before any location in
  // it, and `forget_segments` comes after the last entry has moved away.
  assert(it != segments_.end() && it->second.file != nullptr);
  return it->second.file;
}

void shard::look_at(const segment_resident& message) {
  auto& known = segments_[static_cast<std::uint32_t>(message.segment)];
  known.memory = message.memory;
  known.bytes = message.memory->bytes().first(message.readable_bytes);
}

void shard::look_away(storage::segment_id id) {
  auto it = segments_.find(static_cast<std::uint32_t>(id));
  if (it == segments_.end())
    return;
  it->second.memory = nullptr;
  it->second.bytes = {};
  // It was forgotten before it became resident.
  if (it->second.file == nullptr)
    segments_.erase(it);
}

std::span<const std::byte>
shard::resident_at(const storage::record_location& location) const {
  auto it = segments_.find(static_cast<std::uint32_t>(location.segment));
  assert(it != segments_.end());
  auto bytes = it->second.bytes;
  // The size of a place is rounded up, and may reach beyond the record.
  if (location.offset_bytes >= bytes.size())
    return {};
  return bytes.subspan(location.offset_bytes);
}

} // namespace kvs::actors
