// Goal: whatever bytes a checkpoint holds, it is ignored, or the index made of
// it holds together: it counts what it holds, and names no place outside of
// the segments of the MANIFEST.
//
// Method: libFuzzer makes up the file. Its first byte says whether head, parts,
// lengths and checksums are put right first, so that slots are looked at.

#include "storage/checkpoint.hpp"
#include "storage/checkpoint_format.hpp"
#include "storage/crc32c.hpp"
#include "tests/fuzz/fuzz_support.hpp"

namespace {

using namespace kvs::storage;
using namespace kvs::storage::checkpoint_format;
using kvs::fuzz::require;

/// Few, so that a shard costs little to make.
constexpr std::uint32_t partitions_per_shard = 8;
constexpr std::size_t shard_count = 2;
constexpr std::uint64_t segment_end = 64 * kibibyte;

manifest state_of_store() {
  manifest state;
  state.store_id = 0x1111;
  state.generation = 5;
  state.next_segment = segment_id{9};
  for (std::uint32_t id = 1; id < 9; ++id) {
    segment_entry entry;
    entry.id = segment_id{id};
    entry.sealed = id != 8;
    entry.end_bytes = segment_end;
    state.segments.push_back(entry);
  }
  return state;
}

/// Puts the blocks of one part right: lengths that lead too far end with the
/// part.
void repair_blocks(std::span<std::byte> file, std::uint64_t at,
                   std::uint64_t end) {
  segment_identity identity;
  std::copy_n(file.begin() + identity_at, identity.size(), identity.begin());
  while (at + checkpoint_format::block_head_bytes <= end) {
    std::byte* const head = file.data() + at;
    const std::uint64_t rest = end - at - checkpoint_format::block_head_bytes;
    if (load_le<std::uint32_t>(head + 8) > rest)
      store_le(head + 8, static_cast<std::uint32_t>(rest));
    const std::uint64_t bytes
      = checkpoint_format::block_head_bytes + load_le<std::uint32_t>(head + 8);
    store_le(head, block_checksum(identity, at, file.subspan(at, bytes)));
    at += bytes;
  }
}

void repair(std::vector<std::byte>& bytes, const manifest& state,
            std::uint8_t share) {
  const std::size_t front = head_bytes + shard_count * part_bytes;
  bytes.resize(std::max(bytes.size(), front));
  std::byte* const at = bytes.data();
  std::copy_n(reinterpret_cast<const std::byte*>(magic.data()), magic.size(),
              at);
  store_le(at + version_at, version);
  store_le(at + part_count_at, static_cast<std::uint32_t>(shard_count));
  store_le(at + store_id_at, state.store_id);
  store_le(at + generation_at, state.generation);
  store_le(at + manifest_crc_at, manifest_checksum(state));
  const std::uint64_t all = bytes.size() - front;
  const std::uint64_t first = all * share / 255;
  store_le(at + head_bytes, std::uint64_t{front});
  store_le(at + head_bytes + 8, first);
  store_le(at + head_bytes + 16, front + first);
  store_le(at + head_bytes + 24, all - first);
  repair_blocks(bytes, front, front + first);
  repair_blocks(bytes, front + first, bytes.size());
  store_le(at + crc_at, std::uint32_t{0});
  store_le(at + crc_at, extend_crc32c(0, std::span{bytes}.first(front)));
}

void check_shard(const recovered_shard& shard) {
  std::uint64_t count = 0;
  for (std::uint32_t partition = shard.keys.first_partition();
       partition < shard.keys.end_partition();)
    partition = shard.keys.scan(
      partition, 1, [&](std::uint64_t, const index_candidate& found) {
        ++count;
        require(!found.is_deletion);
        require(found.location.offset_bytes < segment_end);
        require(found.location.offset_bytes >= segment_header_bytes);
      });
  require(count == shard.keys.size());
  std::uint64_t live = 0;
  for (const auto& [id, share] : shard.keys.live_segments()) {
    require(share.bytes <= segment_end);
    live += share.records;
  }
  require(live == count);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  static const manifest state = state_of_store();
  kvs::fuzz::input in{data, size};
  const auto mode = in.byte();
  const auto share = in.byte();
  auto bytes = in.rest();
  if ((mode & 1) != 0)
    repair(bytes, state, share);
  auto disk = kvs::fuzz::disk_with("d/CHECKPOINT", std::move(bytes));
  std::string why_not;
  const auto found = checkpoint::open(*disk, "d", state, shard_count, why_not);
  require((found == nullptr) == !why_not.empty());
  if (!found)
    return 0;
  for (std::uint32_t shard = 0; shard < shard_count; ++shard) {
    recovered_shard target{
      kvs::storage::index{shard * partitions_per_shard,
                          (shard + 1) * partitions_per_shard},
      {}};
    if (found->load(shard, target, 1000))
      check_shard(target);
  }
  return 0;
}
