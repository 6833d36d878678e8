#include "storage/checkpoint.hpp"
#include "storage/checkpoint_format.hpp"
#include "storage/crc32c.hpp"
#include "storage/planted_bugs.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <utility>

namespace kvs::storage {

using namespace checkpoint_format;

namespace {

constexpr std::uint8_t size_class_max = size_class_of(record_bytes_max);

/// One part on its way into a shard. Every method that returns a bool says
/// whether the bytes make sense: a checksum tells what was written, not that
/// it was right.
class part_loader {
public:
  part_loader(const manifest& state, recovered_shard& target, timestamp_ms now)
    : state_{state}, target_{target}, now_{now} {
  }

  /// Blocks in their order.
  bool take(block_kind kind, std::span<const std::byte> payload);
  /// Whether the last block was taken.
  bool complete() const noexcept {
    return last_kind_ == block_kind::end;
  }

private:
  bool leave(block_kind kind);
  bool take_segments(std::span<const std::byte> payload);
  bool take_runs(std::span<const std::byte> payload);
  bool take_slot(const index_slot& slot);
  bool take_expiries(std::span<const std::byte> payload);
  bool take_expiry(const std::byte* at);
  bool restore_table();
  bool take_end(std::span<const std::byte> payload);

  const manifest& state_;
  recovered_shard& target_;
  timestamp_ms now_;
  block_kind last_kind_ = block_kind::segments;
  index::segment_shares_list segments_;
  /// Of each segment: where it ends, and slots that name it.
  std::vector<std::uint64_t> ends_;
  std::vector<std::uint64_t> counts_;
  /// The table whose slots are being gathered.
  std::uint32_t table_ = 0;
  std::vector<index_slot> slots_;
  std::uint64_t slot_count_ = 0;
  std::uint64_t expiry_count_ = 0;
};

bool part_loader::take(block_kind kind, std::span<const std::byte> payload) {
  if (complete() || kind < last_kind_)
    return false;
  while (last_kind_ < kind)
    if (!leave(last_kind_))
      return false;
  switch (kind) {
    case block_kind::segments:
      return take_segments(payload);
    case block_kind::slots:
      return take_runs(payload);
    case block_kind::expiries:
      return take_expiries(payload);
    case block_kind::end:
      return take_end(payload);
  }
  return false;
}

/// No more blocks of this kind will come.
bool part_loader::leave(block_kind kind) {
  last_kind_ = static_cast<block_kind>(static_cast<std::uint32_t>(kind) + 1);
  if (kind == block_kind::segments)
    return target_.keys.restore_segments(segments_);
  if (kind == block_kind::slots) {
    if (!restore_table())
      return false;
    for (std::size_t i = 0; i < segments_.size(); ++i)
      if (counts_[i] != segments_[i].second.records)
        return false;
  }
  return true;
}

bool part_loader::take_segments(std::span<const std::byte> payload) {
  if (payload.size() % segment_bytes != 0)
    return false;
  std::map<segment_id, std::uint64_t> sealed;
  for (const segment_entry& entry : state_.segments)
    if (entry.sealed)
      sealed[entry.id] = entry.end_bytes;
  for (; !payload.empty(); payload = payload.subspan(segment_bytes)) {
    const std::byte* const at = payload.data();
    const segment_id id{load_le<std::uint32_t>(at)};
    const live_share live{load_le<std::uint64_t>(at + 8),
                          load_le<std::uint64_t>(at + 16)};
    const auto known = sealed.find(id);
    if (live.records != 0
        && (known == sealed.end() || live.bytes > known->second))
      return false;
    segments_.emplace_back(id, live);
    ends_.push_back(live.records == 0 ? 0 : known->second);
    counts_.push_back(0);
  }
  return true;
}

bool part_loader::take_runs(std::span<const std::byte> payload) {
  while (!payload.empty()) {
    if (payload.size() < run_head_bytes)
      return false;
    const auto table = load_le<std::uint32_t>(payload.data());
    const auto count = load_le<std::uint32_t>(payload.data() + 4);
    payload = payload.subspan(run_head_bytes);
    if (payload.size() / slot_bytes < count)
      return false;
    if (table != table_ && !restore_table())
      return false;
    table_ = table;
    for (std::uint32_t i = 0; i < count; ++i)
      if (!take_slot(load_slot(payload.data() + i * slot_bytes)))
        return false;
    payload = payload.subspan(count * slot_bytes);
  }
  return true;
}

bool part_loader::take_slot(const index_slot& slot) {
  const std::uint16_t number = segment_of(slot.place);
  const std::uint64_t offset = offset_of(slot.place);
  // Deletions are settled before a checkpoint is written.
  if (slot.size_class == 0 || slot.size_class > size_class_max
      || number >= ends_.size() || offset < segment_header_bytes
      || offset >= ends_[number])
    return false;
  ++counts_[number];
  slots_.push_back(slot);
  return true;
}

bool part_loader::restore_table() {
  slot_count_ += slots_.size();
  const bool restored = target_.keys.restore_table(table_, slots_);
  slots_.clear();
  return restored;
}

bool part_loader::take_expiries(std::span<const std::byte> payload) {
  if (payload.size() % expiry_bytes != 0)
    return false;
  for (; !payload.empty(); payload = payload.subspan(expiry_bytes))
    if (!take_expiry(payload.data()))
      return false;
  return true;
}

bool part_loader::take_expiry(const std::byte* at) {
  expiring_record found;
  found.hash = load_le<std::uint64_t>(at);
  found.expires_at = load_le<std::uint64_t>(at + 8);
  const auto number = load_le<std::uint32_t>(at + 16);
  const std::uint32_t partition = partition_of(found.hash);
  if (found.expires_at == 0 || number >= segments_.size()
      || partition < target_.keys.first_partition()
      || partition >= target_.keys.end_partition())
    return false;
  found.location
    = {segments_[number].first,
       std::uint64_t{load_le<std::uint32_t>(at + 20)} * record_alignment,
       load_le<std::uint32_t>(at + 24)};
  ++expiry_count_;
  if (found.expires_at <= now_)
    // What is live must not be counted below nothing.
    return target_.keys.live_in(found.location.segment).bytes
             >= found.location.size_bytes
           && target_.keys.remove(found.hash, found.location);
  target_.expiring.add(found);
  return true;
}

bool part_loader::take_end(std::span<const std::byte> payload) {
  return payload.size() == totals_bytes
         && load_le<std::uint64_t>(payload.data()) == slot_count_
         && load_le<std::uint64_t>(payload.data() + 8) == expiry_count_;
}

} // namespace

checkpoint::checkpoint(std::shared_ptr<file> from, const manifest& state)
  : from_{std::move(from)}, state_{state} {
}

std::unique_ptr<checkpoint> checkpoint::open(file_system& files,
                                             const std::string& directory,
                                             const manifest& state,
                                             std::size_t shard_count,
                                             std::string& why_not) {
  why_not.clear();
  auto opened = files.open(directory + "/CHECKPOINT", open_mode::read_only);
  if (!opened) {
    if (opened.error().code != errc::not_found)
      why_not = to_string(opened.error());
    return nullptr;
  }
  std::unique_ptr<checkpoint> found{new checkpoint{*std::move(opened), state}};
  if (!found->read_head(state, shard_count, why_not))
    return nullptr;
  return found;
}

bool checkpoint::read_head(const manifest& state, std::size_t shard_count,
                           std::string& why_not) {
  std::vector<std::byte> head(head_bytes + shard_count * part_bytes);
  const auto read = from_->read_at(0, head);
  const auto size = from_->size_bytes();
  std::byte* const at = head.data();
  why_not = "it is damaged";
  if (!read || *read < head_bytes || !size
      || std::memcmp(at, magic.data(), magic.size()) != 0)
    return false;
  if (load_le<std::uint32_t>(at + version_at) != version) {
    why_not = "another version of kvs has written it";
    return false;
  }
  // Said before the checksum, which covers as many parts as there are.
  if (load_le<std::uint32_t>(at + part_count_at) != shard_count) {
    why_not = "it is for another number of shards";
    return false;
  }
  const auto crc = load_le<std::uint32_t>(at + crc_at);
  store_le(at + crc_at, std::uint32_t{0});
  if (*read != head.size() || crc != extend_crc32c(0, head))
    return false;
  const bool fits
    = load_le<std::uint64_t>(at + store_id_at) == state.store_id
      && load_le<std::uint64_t>(at + generation_at) == state.generation
      && load_le<std::uint32_t>(at + manifest_crc_at)
           == manifest_checksum(state);
  if (!fits && !is_planted(planted_bug::believe_old_checkpoint)) {
    why_not = "it belongs to another state of the store, or to another store";
    return false;
  }
  std::memcpy(identity_.data(), at + identity_at, identity_.size());
  flushed_below_ = load_le<std::uint64_t>(at + flushed_below_at);
  std::uint64_t end = head.size();
  for (std::size_t i = 0; i < shard_count; ++i) {
    const std::byte* const part_at = at + head_bytes + i * part_bytes;
    const part next{load_le<std::uint64_t>(part_at),
                    load_le<std::uint64_t>(part_at + 8)};
    if (next.offset_bytes != end || next.bytes > *size - end)
      return false;
    end += next.bytes;
    parts_.push_back(next);
  }
  if (end != *size)
    return false;
  why_not.clear();
  return true;
}

bool checkpoint::load(std::size_t shard, recovered_shard& target,
                      timestamp_ms now) const {
  part_loader loader{state_, target, now};
  std::vector<std::byte> block;
  std::uint64_t at = parts_[shard].offset_bytes;
  const std::uint64_t end = at + parts_[shard].bytes;
  while (at < end) {
    if (end - at < block_head_bytes)
      return false;
    block.resize(block_head_bytes);
    if (const auto read = from_->read_at(at, block);
        !read || *read != block.size())
      return false;
    const auto payload_bytes = load_le<std::uint32_t>(block.data() + 8);
    if (payload_bytes > block_bytes_max
        || payload_bytes > end - at - block_head_bytes)
      return false;
    block.resize(block_head_bytes + payload_bytes);
    const auto payload = std::span{block}.subspan(block_head_bytes);
    if (const auto read = from_->read_at(at + block_head_bytes, payload);
        !read || *read != payload.size())
      return false;
    const auto kind = load_le<std::uint32_t>(block.data() + 4);
    if (load_le<std::uint32_t>(block.data())
          != block_checksum(identity_, at, block)
        || kind < static_cast<std::uint32_t>(block_kind::segments)
        || kind > static_cast<std::uint32_t>(block_kind::end)
        || !loader.take(static_cast<block_kind>(kind), payload))
      return false;
    at += block.size();
  }
  return loader.complete();
}

} // namespace kvs::storage
