// Goal: whatever bytes a segment file holds, its readers read no byte that is
// not there, end where they say, agree with each other, and give out only
// records that verify.
//
// Method: libFuzzer makes up the file. Its first byte says which checksums are
// put right first, so that lengths, types and places behind them are believed.

#include "storage/crc32c.hpp"
#include "storage/little_endian.hpp"
#include "storage/segment_loader.hpp"
#include "storage/segment_survey.hpp"
#include "tests/fuzz/fuzz_support.hpp"

namespace {

using namespace kvs::storage;
using kvs::fuzz::require;

constexpr std::uint64_t store_id = 0x1111;
constexpr std::uint32_t batch_type = 3;

struct repairs {
  bool heads = false;
  bool values = false;
};

void put_crc(std::span<std::byte> at, std::uint32_t crc) {
  store_le(at.data(), crc);
}

/// The header of the file: always whole but for what `kind` says.
void repair_header(std::vector<std::byte>& bytes, bool is_log) {
  constexpr char magic[] = "KVSSEG1\n";
  std::copy_n(reinterpret_cast<const std::byte*>(magic), 8, bytes.begin());
  store_le(bytes.data() + 8, std::uint32_t{1});
  store_le(bytes.data() + 12, std::uint32_t{is_log ? 1u : 2u});
  store_le(bytes.data() + 16, std::uint32_t{7});
  store_le(bytes.data() + 24, store_id);
  store_le(bytes.data() + 60, extend_crc32c(0, std::span{bytes}.first(60)));
}

/// Puts the checksums of one record right, as its lengths say, and of those in
/// it if it is a batch. Returns where the next one begins.
std::uint64_t repair_record(std::span<std::byte> file,
                            const segment_identity& identity, std::uint64_t at,
                            const repairs& how, bool inside = false) {
  std::byte* const head = file.data() + at;
  const auto layout = load_le<std::uint32_t>(head + 12);
  const std::uint64_t key_bytes = layout & ((1u << 25) - 1);
  const bool expires = (layout & (1u << 25)) != 0;
  const std::uint64_t value_bytes = load_le<std::uint32_t>(head + 8);
  const std::uint64_t value_at = at + key_offset(expires) + key_bytes;
  const std::uint64_t end = at + record_bytes(key_bytes, value_bytes, expires);
  if (value_at > file.size())
    return file.size();
  if (layout >> 28 == batch_type && !inside && end <= file.size())
    for (std::uint64_t next = value_at; next + record_head_bytes <= end;)
      next = repair_record(file.first(end), identity, next, how, true);
  if (how.values && value_at + value_bytes <= file.size())
    store_le(head + 4, value_checksum(file.subspan(value_at, value_bytes)));
  put_crc(file.subspan(at),
          extend_crc32c(
            place_checksum(identity, at),
            file.subspan(at + head_crc_bytes, value_at - at - head_crc_bytes)));
  return end;
}

void repair(std::vector<std::byte>& bytes, const repairs& how) {
  segment_identity identity;
  std::copy_n(bytes.begin() + 32, identity.size(), identity.begin());
  if (!how.heads)
    return;
  for (std::uint64_t at = segment_header_bytes;
       at + record_head_bytes <= bytes.size();)
    at = repair_record(bytes, identity, at, how);
}

struct found_record {
  record_location location;
  record_head head;
  std::string key;
};

std::vector<found_record> scan(const segment_ptr& from, std::uint64_t limit,
                               segment_scanner::values checked,
                               std::uint64_t& end) {
  std::vector<found_record> found;
  segment_scanner scanner{from, limit, checked};
  for (;;) {
    auto record = scanner.next();
    require(static_cast<bool>(record));
    if (!*record)
      break;
    const scanned_record& each = **record;
    found.push_back({each.location, each.head, std::string{each.key}});
    const auto& place = each.location;
    require(place.offset_bytes % record_alignment == 0);
    require(place.offset_bytes >= segment_header_bytes);
    require(place.offset_bytes + place.size_bytes <= scanner.end_bytes());
    require(each.key.size() == each.head.key_bytes);
  }
  end = scanner.end_bytes();
  require(end <= limit);
  return found;
}

/// What was found must be found again where it is said to be.
void check_records(const segment_ptr& from,
                   const std::vector<found_record>& found) {
  for (const found_record& each : found) {
    std::vector<std::byte> record(each.location.size_bytes);
    auto read = from->bytes().read_at(each.location.offset_bytes, record);
    require(read && *read == record.size());
    require(static_cast<bool>(
      verify_record(*from, each.location.offset_bytes, record, each.key)));
  }
}

void check_survey(const segment_ptr& from, std::uint64_t synced,
                  std::uint64_t limit, std::size_t records_min) {
  segment_survey survey{from, synced, limit};
  std::size_t count = 0;
  for (;;) {
    auto record = survey.next();
    require(static_cast<bool>(record));
    if (!*record)
      break;
    count += (*record)->is_whole ? 1 : 0;
  }
  require(count >= records_min);
  for (const damage& each : survey.damages()) {
    require(each.begin_bytes < each.end_bytes);
    require(each.end_bytes <= std::max(limit, synced));
    require(!to_string(each).empty());
  }
}

void check_unsealed(const segment_ptr& from, std::uint64_t size,
                    const std::vector<found_record>& found, std::uint64_t end) {
  segment_entry entry;
  entry.id = from->id();
  entry.identity = from->context().identity;
  entry.base_sequence = from->context().base_sequence;
  auto tail = load_unsealed(from, entry, key_hasher{1});
  if (!tail) {
    require(tail.error().code == errc::corrupt);
    return;
  }
  require(tail->entry.end_bytes == end);
  require(tail->file_bytes == size);
  require(tail->entry.record_count <= found.size());
  require(tail->complete
          == (!found.empty() && found.back().head.type == record_type::seal));
  auto verdict = judge_tail(*from, end, size);
  require(verdict && !verdict->acknowledged_data_lost);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  kvs::fuzz::input in{data, size};
  const auto mode = in.byte();
  auto bytes = in.rest();
  if (bytes.size() < segment_header_bytes)
    return 0;
  if ((mode & 1) != 0)
    repair_header(bytes, (mode & 8) == 0);
  repair(bytes, {(mode & 2) != 0, (mode & 4) != 0});
  const std::uint64_t file_bytes = bytes.size();
  auto disk = kvs::fuzz::disk_with("d/000007.log", std::move(bytes));
  auto opened = open_segment(*disk, "d/000007.log", open_mode::read_only);
  if (!opened)
    return 0;
  std::uint64_t end = 0;
  const auto verified
    = scan(*opened, file_bytes, segment_scanner::values::verify, end);
  check_records(*opened, verified);
  std::uint64_t unverified_end = 0;
  const auto unverified
    = scan(*opened, file_bytes, segment_scanner::values::skip, unverified_end);
  require(unverified.size() >= verified.size() && unverified_end >= end);
  // Nothing behind the end decides what is in front of it.
  std::uint64_t cut_end = 0;
  require(scan(*opened, end, segment_scanner::values::verify, cut_end).size()
          == verified.size());
  check_survey(*opened, segment_header_bytes, file_bytes, 0);
  check_survey(*opened, file_bytes, file_bytes, 0);
  if ((*opened)->context().kind == segment_kind::log)
    check_unsealed(*opened, file_bytes, verified, end);
  return 0;
}
