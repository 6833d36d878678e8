// Goal: whatever bytes a hint file holds, it is either ignored or says no place
// outside of its segment, and gives each key of a range once, whichever way the
// range is asked for.
//
// Method: libFuzzer makes up the file. Its first byte says whether checksums,
// sizes and counts are put right first, so that entries are looked at.

#include "storage/crc32c.hpp"
#include "storage/hint_file.hpp"
#include "storage/little_endian.hpp"
#include "storage/manifest.hpp"
#include "tests/fuzz/fuzz_support.hpp"

namespace {

using namespace kvs::storage;
using kvs::fuzz::require;

// docs/log_format.md, "Hint file".
constexpr std::size_t head_bytes = 64;
constexpr std::size_t section_bytes = 8;
constexpr std::size_t entry_bytes = 32;
constexpr std::size_t expiry_bytes = 8;
constexpr std::array kinds
  = {record_type::put, record_type::tombstone, record_type::flush};

segment_entry entry_of_segment() {
  segment_entry entry;
  entry.id = segment_id{7};
  entry.sealed = true;
  entry.end_bytes = kvs::storage::mebibyte;
  return entry;
}

/// Adds what the entries say to what the MANIFEST would say. Returns how many
/// there are.
std::uint64_t count_entries(std::span<const std::byte> body,
                            segment_entry& entry) {
  std::uint64_t count = 0;
  while (body.size() >= entry_bytes) {
    const auto layout = load_le<std::uint32_t>(body.data() + 28);
    const bool expires = layout >> 31 != 0;
    const auto kind = layout >> 29 & 3;
    if (kind >= kinds.size()
        || body.size() < entry_bytes + (expires ? expiry_bytes : 0))
      break;
    record_head head;
    head.type = kinds[kind];
    head.sequence = load_le<std::uint64_t>(body.data() + 16);
    if (expires)
      head.expires_at = load_le<std::uint64_t>(body.data() + entry_bytes);
    count_record(entry, head,
                 std::uint64_t{layout & ((1u << 29) - 1)} * record_alignment);
    ++count;
    body = body.subspan(entry_bytes + (expires ? expiry_bytes : 0));
  }
  return count;
}

/// One section that holds everything.
void repair(std::vector<std::byte>& bytes, segment_entry& entry) {
  constexpr char magic[] = "KVSHNT2\n";
  bytes.resize(std::max(bytes.size(), head_bytes + section_bytes));
  std::byte* const at = bytes.data();
  std::copy_n(reinterpret_cast<const std::byte*>(magic), 8, at);
  store_le(at + 8, std::uint32_t{7});
  std::fill_n(at + 16, 16, std::byte{0});
  store_le(at + 32, entry.end_bytes);
  store_le(at + 48, std::uint32_t{0});
  const auto body
    = std::span<const std::byte>{bytes}.subspan(head_bytes + section_bytes);
  store_le(at + 40, count_entries(body, entry));
  store_le(at + head_bytes, static_cast<std::uint32_t>(body.size()));
  store_le(at + head_bytes + 4, extend_crc32c(0, body));
  store_le(at + 12, std::uint32_t{0});
  store_le(at + 12, extend_crc32c(
                      0, std::span{bytes}.first(head_bytes + section_bytes)));
}

std::vector<hint_entry> read(const hint_source& from, key_hash first,
                             key_hash last) {
  std::vector<hint_entry> found;
  require(static_cast<bool>(from.read(first, last, found)));
  for (const hint_entry& each : found) {
    require(each.key.hash >= first && each.key.hash <= last);
    require(each.type != record_type::flush);
    require(each.location.offset_bytes >= segment_header_bytes);
    require(each.location.offset_bytes + each.location.size_bytes
            <= kvs::storage::mebibyte);
  }
  return found;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  kvs::fuzz::input in{data, size};
  const auto mode = in.byte();
  auto bytes = in.rest();
  auto entry = entry_of_segment();
  if ((mode & 1) != 0)
    repair(bytes, entry);
  auto disk = kvs::fuzz::disk_with("d/000007.hint", std::move(bytes));
  const auto hints = open_hint_file(*disk, "d", entry);
  if (!hints)
    return 0;
  constexpr key_hash last = ~key_hash{0};
  const auto all = read(*hints, 0, last);
  require(all.size() <= hints->size());
  require(all.size() == entry.record_count);
  const key_hash middle = key_hash{mode} << 56 | 0x1234;
  require(read(*hints, 0, middle).size() + read(*hints, middle + 1, last).size()
          == all.size());
  return 0;
}
