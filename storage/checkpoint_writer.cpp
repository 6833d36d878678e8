#include "storage/checkpoint.hpp"
#include "storage/checkpoint_format.hpp"
#include "storage/crc32c.hpp"
#include "storage/random.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

namespace kvs::storage {

using namespace checkpoint_format;

namespace {

constexpr const char* file_name = "/CHECKPOINT";
constexpr const char* temporary_name = "/CHECKPOINT.tmp";

/// Puts items together to blocks and writes those one behind the other.
class block_writer {
public:
  block_writer(file& target, const segment_identity& identity,
               std::uint64_t offset_bytes)
    : target_{target}, identity_{identity}, offset_bytes_{offset_bytes} {
    block_.reserve(block_head_bytes + block_bytes);
  }

  /// What is added from here on is of this kind.
  void begin(block_kind kind) {
    write();
    kind_ = kind;
  }
  /// Room for an item; it lies in one block as a whole.
  std::byte* add(std::size_t item_bytes) {
    if (block_.size() + item_bytes > block_head_bytes + block_bytes)
      write();
    const std::size_t at = std::max(block_.size(), block_head_bytes);
    block_.resize(at + item_bytes);
    return block_.data() + at;
  }
  /// How many more items of this size fit the block that was begun.
  std::size_t room(std::size_t item_bytes) const noexcept {
    const std::size_t used = std::max(block_.size(), block_head_bytes);
    return (block_head_bytes + block_bytes - used) / item_bytes;
  }
  void write() {
    if (block_.empty())
      return;
    std::byte* const at = block_.data();
    store_le(at + 4, static_cast<std::uint32_t>(kind_));
    store_le(at + 8,
             static_cast<std::uint32_t>(block_.size() - block_head_bytes));
    store_le(at + 12, std::uint32_t{0});
    store_le(at, block_checksum(identity_, offset_bytes_, block_));
    const std::span<const std::byte> whole = block_;
    if (done_)
      done_ = target_.write_at(offset_bytes_, {&whole, 1});
    offset_bytes_ += block_.size();
    block_.clear();
  }

  std::uint64_t offset_bytes() const noexcept {
    return offset_bytes_;
  }
  const result<ok>& done() const noexcept {
    return done_;
  }

private:
  file& target_;
  const segment_identity& identity_;
  std::uint64_t offset_bytes_;
  block_kind kind_ = block_kind::segments;
  std::vector<std::byte> block_;
  result<ok> done_{ok{}};
};

using segment_numbers = std::map<segment_id, std::uint32_t>;

segment_numbers add_segments(block_writer& to, const index& keys) {
  segment_numbers numbers;
  std::uint32_t number = 0;
  to.begin(block_kind::segments);
  for (const auto& [id, live] : keys.numbered_segments()) {
    std::byte* const at = to.add(segment_bytes);
    store_le(at, static_cast<std::uint32_t>(id));
    store_le(at + 4, std::uint32_t{0});
    store_le(at + 8, live.records);
    store_le(at + 16, live.bytes);
    if (live.records != 0)
      numbers[id] = number;
    ++number;
  }
  return numbers;
}

/// A run as long as the block has room.
void add_runs(block_writer& to, std::uint32_t table,
              std::span<const index_slot> slots) {
  while (!slots.empty()) {
    if (to.room(run_head_bytes + slot_bytes) == 0)
      to.write();
    const std::size_t count
      = std::min(slots.size(), (to.room(1) - run_head_bytes) / slot_bytes);
    std::byte* at = to.add(run_head_bytes + count * slot_bytes);
    store_le(at, table);
    store_le(at + 4, static_cast<std::uint32_t>(count));
    at += run_head_bytes;
    for (const index_slot& slot : slots.first(count)) {
      store_slot(at, slot);
      at += slot_bytes;
    }
    slots = slots.subspan(count);
  }
}

void add_slots(block_writer& to, const index& keys) {
  to.begin(block_kind::slots);
  std::vector<index_slot> slots;
  constexpr unsigned shift = partition_bits - index_table_bits;
  const std::uint32_t end = keys.end_partition() == keys.first_partition()
                              ? 0
                              : ((keys.end_partition() - 1) >> shift) + 1;
  for (std::uint32_t table = keys.first_partition() >> shift; table < end;
       ++table) {
    slots.clear();
    keys.copy_table(table, slots);
    add_runs(to, table, slots);
  }
}

std::uint64_t add_expiries(block_writer& to, const recovered_shard& shard,
                           const segment_numbers& numbers) {
  std::uint64_t count = 0;
  to.begin(block_kind::expiries);
  shard.expiring.visit_expired(
    ~timestamp_ms{0}, [&](const expiring_record& each) {
      // The queue also holds records that were replaced or moved.
      if (!shard.keys.contains(each.hash, each.location))
        return;
      std::byte* const at = to.add(expiry_bytes);
      store_le(at, each.hash);
      store_le(at + 8, each.expires_at);
      store_le(at + 16, numbers.at(each.location.segment));
      store_le(at + 20, static_cast<std::uint32_t>(each.location.offset_bytes
                                                   / record_alignment));
      store_le(at + 24, each.location.size_bytes);
      store_le(at + 28, std::uint32_t{0});
      ++count;
    });
  return count;
}

void add_part(block_writer& to, const recovered_shard& shard) {
  const segment_numbers numbers = add_segments(to, shard.keys);
  add_slots(to, shard.keys);
  const std::uint64_t expiries = add_expiries(to, shard, numbers);
  to.begin(block_kind::end);
  std::byte* const at = to.add(totals_bytes);
  store_le(at, shard.keys.size());
  store_le(at + 8, expiries);
  to.write();
}

result<ok> write_parts(file& target, const manifest& state,
                       const checkpoint_shards& shards,
                       sequence_number flushed_below) {
  std::vector<std::byte> head(head_bytes + shards.size() * part_bytes);
  const segment_identity identity = random_identity();
  block_writer blocks{target, identity, head.size()};
  std::byte* part_at = head.data() + head_bytes;
  for (const auto& shard : shards) {
    const std::uint64_t begin = blocks.offset_bytes();
    add_part(blocks, *shard);
    store_le(part_at, begin);
    store_le(part_at + 8, blocks.offset_bytes() - begin);
    part_at += part_bytes;
  }
  if (!blocks.done())
    return blocks.done();
  std::byte* const at = head.data();
  std::memcpy(at, magic.data(), magic.size());
  store_le(at + version_at, version);
  store_le(at + part_count_at, static_cast<std::uint32_t>(shards.size()));
  std::memcpy(at + identity_at, identity.data(), identity.size());
  store_le(at + store_id_at, state.store_id);
  store_le(at + generation_at, state.generation);
  store_le(at + manifest_crc_at, manifest_checksum(state));
  store_le(at + flushed_below_at, flushed_below);
  // The field itself is still zero here.
  store_le(at + crc_at, extend_crc32c(0, head));
  const std::span<const std::byte> whole = head;
  return target.write_at(0, {&whole, 1});
}

result<ok> unlink_if_there(file_system& files, const std::string& path) {
  if (auto gone = files.unlink(path);
      !gone && gone.error().code != errc::not_found)
    return gone;
  return ok{};
}

} // namespace

std::uint32_t
checkpoint_format::block_checksum(const segment_identity& identity,
                                  std::uint64_t offset_bytes,
                                  std::span<const std::byte> block) noexcept {
  return extend_crc32c(place_checksum(identity, offset_bytes),
                       block.subspan(4));
}

std::uint32_t checkpoint_format::manifest_checksum(const manifest& state) {
  return extend_crc32c(0, encode_manifest(state));
}

result<ok> write_checkpoint(file_system& files, const std::string& directory,
                            const manifest& state,
                            const checkpoint_shards& shards,
                            sequence_number flushed_below) {
  const std::string temporary = directory + temporary_name;
  if (auto gone = unlink_if_there(files, temporary); !gone)
    return gone;
  auto created = files.open(temporary, open_mode::create);
  if (!created)
    return created.error();
  auto done = write_parts(**created, state, shards, flushed_below);
  if (done)
    done = files.rename(temporary, directory + file_name);
  if (!done)
    (void)files.unlink(temporary);
  return done;
}

result<ok> remove_checkpoint(file_system& files, const std::string& directory) {
  return unlink_if_there(files, directory + file_name);
}

} // namespace kvs::storage
