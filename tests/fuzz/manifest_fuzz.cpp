// Goal: whatever bytes a MANIFEST or the listing of a backup holds, it is
// refused, or it says something that holds together and is written again as
// it was read.
//
// Method: libFuzzer makes up the file. Its first byte says which of the two it
// is, and whether its checksum and its sizes are put right first.

#include "storage/backup_listing.hpp"
#include "storage/crc32c.hpp"
#include "storage/little_endian.hpp"
#include "storage/manifest.hpp"
#include "storage/segment.hpp"
#include "storage/store_files.hpp"
#include "tests/fuzz/fuzz_support.hpp"

#include <set>

namespace {

using namespace kvs::storage;
using kvs::fuzz::require;

constexpr std::size_t head_bytes = 64;
constexpr std::size_t entry_bytes = 96;
constexpr std::size_t crc_bytes = 4;

void put_magic(std::vector<std::byte>& bytes, const char* magic) {
  std::copy_n(reinterpret_cast<const std::byte*>(magic), 8, bytes.begin());
  store_le(bytes.data() + 8, std::uint32_t{1});
}

void put_crc(std::span<std::byte> bytes) {
  const std::size_t body = bytes.size() - crc_bytes;
  store_le(bytes.data() + body, extend_crc32c(0, bytes.first(body)));
}

/// As many entries as fit.
void repair_manifest(std::vector<std::byte>& bytes) {
  bytes.resize(std::max(bytes.size(), head_bytes + crc_bytes));
  const auto count = (bytes.size() - head_bytes - crc_bytes) / entry_bytes;
  bytes.resize(head_bytes + count * entry_bytes + crc_bytes);
  put_magic(bytes, "KVSMAN1\n");
  store_le(bytes.data() + 12, static_cast<std::uint32_t>(count));
  put_crc(bytes);
}

void repair_listing(std::vector<std::byte>& bytes) {
  constexpr std::size_t least = head_bytes + head_bytes + 2 * crc_bytes;
  bytes.resize(std::max(bytes.size(), least));
  const auto count = (bytes.size() - least) / (entry_bytes + crc_bytes);
  std::vector<std::byte> state{bytes.begin() + head_bytes,
                               bytes.begin() + head_bytes + head_bytes
                                 + static_cast<long>(count * entry_bytes)
                                 + crc_bytes};
  repair_manifest(state);
  bytes.resize(least + count * (entry_bytes + crc_bytes));
  std::copy(state.begin(), state.end(), bytes.begin() + head_bytes);
  put_magic(bytes, "KVSBAK1\n");
  store_le(bytes.data() + 12, static_cast<std::uint32_t>(count));
  store_le(bytes.data() + 32, std::uint64_t{state.size()});
  put_crc(bytes);
}

void check_state(const manifest& state) {
  std::set<segment_id> ids;
  for (const segment_entry& each : state.segments) {
    require(each.id < state.next_segment);
    require(ids.insert(each.id).second);
    require(recognise(segment_file_name(each.id, each.kind)).has_value());
  }
}

void check_manifest(const std::vector<std::byte>& bytes) {
  const auto found = decode_manifest(bytes);
  if (!found)
    return;
  check_state(*found);
  const auto written = encode_manifest(*found);
  require(written.size() == bytes.size());
  const auto again = decode_manifest(written);
  require(again && encode_manifest(*again) == written);
}

void check_listing(const std::vector<std::byte>& bytes) {
  const auto found = decode_backup(bytes);
  if (!found)
    return;
  check_state(found->state);
  require(found->checksums.size() == found->state.segments.size());
  for (const segment_entry& each : found->state.segments)
    require(each.sealed);
  const auto written = encode_backup(*found);
  require(written.size() == bytes.size());
  const auto again = decode_backup(written);
  require(again && encode_backup(*again) == written);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  kvs::fuzz::input in{data, size};
  const auto mode = in.byte();
  const bool is_listing = (mode & 2) != 0;
  auto bytes = in.rest();
  if ((mode & 1) != 0)
    is_listing ? repair_listing(bytes) : repair_manifest(bytes);
  is_listing ? check_listing(bytes) : check_manifest(bytes);
  return 0;
}
