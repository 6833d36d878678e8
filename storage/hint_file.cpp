#include "storage/hint_file.hpp"

#include "storage/crc32c.hpp"
#include "storage/little_endian.hpp"
#include "storage/manifest.hpp"
#include "storage/planted_bugs.hpp"

#include <boost/sort/pdqsort/pdqsort.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstring>
#include <optional>
#include <utility>

namespace kvs::storage {
namespace {

constexpr std::array<char, 8> magic = {'K', 'V', 'S', 'H', 'N', 'T', '2', '\n'};

// The head of the file; docs/log_format.md has the table.
constexpr std::size_t head_bytes = 64;
constexpr std::size_t id_at = 8;
constexpr std::size_t crc_at = 12;
constexpr std::size_t identity_at = 16;
constexpr std::size_t end_bytes_at = 32;
constexpr std::size_t count_at = 40;
constexpr std::size_t section_bits_at = 48;

/// Of each section: bytes, then their checksum.
constexpr std::size_t section_head_bytes = 8;
constexpr unsigned section_bits_max = 8;
/// A section of fewer entries would cost more in calls than in bytes.
constexpr std::uint64_t section_entries = 4096;

// An entry: hash, check, sequence, offset / 8, layout, and perhaps an expiry.
constexpr std::size_t entry_bytes = 32;
constexpr std::size_t expiry_bytes = 8;
constexpr std::uint32_t size_mask = (1U << 29) - 1;
constexpr unsigned kind_shift = 29;
constexpr std::uint32_t expiry_bit = 1U << 31;

constexpr std::array kinds
  = {record_type::put, record_type::tombstone, record_type::flush};

std::optional<std::uint32_t> kind_of(record_type type) noexcept {
  const auto* const found = std::find(kinds.begin(), kinds.end(), type);
  if (found == kinds.end())
    return std::nullopt;
  return static_cast<std::uint32_t>(found - kinds.begin());
}

/// By key, the newest record of each first.
struct comes_first {
  bool operator()(const hint_entry& a, const hint_entry& b) const noexcept {
    return a.key != b.key ? a.key < b.key : a.sequence > b.sequence;
  }
};

std::uint32_t section_of(key_hash hash, unsigned bits) noexcept {
  return bits == 0 ? 0 : static_cast<std::uint32_t>(hash >> (64 - bits));
}

unsigned bits_for(std::uint64_t count) noexcept {
  const auto sections = std::bit_width(count / section_entries);
  return std::min<unsigned>(static_cast<unsigned>(sections), section_bits_max);
}

void encode_entry(const hint_entry& entry, std::vector<std::byte>& bytes) {
  const std::size_t begin = bytes.size();
  const bool expires = entry.expires_at != 0;
  bytes.resize(begin + entry_bytes + (expires ? expiry_bytes : 0));
  std::byte* const at = bytes.data() + begin;
  store_le(at, entry.key.hash);
  store_le(at + 8, entry.key.check);
  store_le(at + 16, entry.sequence);
  store_le(at + 24, static_cast<std::uint32_t>(entry.location.offset_bytes
                                               / record_alignment));
  store_le(
    at + 28,
    static_cast<std::uint32_t>(entry.location.size_bytes / record_alignment)
      | *kind_of(entry.type) << kind_shift | (expires ? expiry_bit : 0));
  if (expires)
    store_le(at + 32, entry.expires_at);
}

/// Takes one entry off `rest`. nullopt: it contradicts the segment.
std::optional<hint_entry> take_entry(std::span<const std::byte>& rest,
                                     segment_id segment,
                                     std::uint64_t segment_end) {
  if (rest.size() < entry_bytes)
    return std::nullopt;
  const std::byte* const at = rest.data();
  const auto layout = load_le<std::uint32_t>(at + 28);
  const std::size_t size
    = entry_bytes + ((layout & expiry_bit) != 0 ? expiry_bytes : 0);
  const std::uint32_t kind = (layout & ~expiry_bit) >> kind_shift;
  if (rest.size() < size || kind >= kinds.size())
    return std::nullopt;
  hint_entry entry;
  entry.key = {load_le<std::uint64_t>(at), load_le<std::uint64_t>(at + 8)};
  entry.sequence = load_le<std::uint64_t>(at + 16);
  entry.type = kinds[kind];
  entry.location = {
    segment, std::uint64_t{load_le<std::uint32_t>(at + 24)} * record_alignment,
    static_cast<std::uint32_t>((layout & size_mask) * record_alignment)};
  if ((layout & expiry_bit) != 0)
    entry.expires_at = load_le<std::uint64_t>(at + 32);
  if (entry.location.offset_bytes < segment_header_bytes
      || (entry.type != record_type::flush
          && entry.location.offset_bytes >= segment_bytes_max)
      || entry.location.offset_bytes + entry.location.size_bytes > segment_end)
    return std::nullopt;
  rest = rest.subspan(size);
  return entry;
}

/// Hints that are in memory.
class kept_hints final : public hint_source {
public:
  /// @pre sorted
  explicit kept_hints(std::shared_ptr<const std::vector<hint_entry>> entries)
    : entries_{std::move(entries)} {
  }

  result<ok> read(key_hash first, key_hash last,
                  std::vector<hint_entry>& found) const override {
    auto it = std::lower_bound(entries_->begin(), entries_->end(), first,
                               [](const hint_entry& entry, key_hash hash) {
                                 return entry.key.hash < hash;
                               });
    for (; it != entries_->end() && it->key.hash <= last; ++it)
      if (it->type != record_type::flush)
        found.push_back(*it);
    return ok{};
  }
  std::uint64_t size() const override {
    return entries_->size();
  }
  sequence_number flushed_below() const override {
    sequence_number highest = 0;
    for (const hint_entry& entry : *entries_)
      if (entry.type == record_type::flush)
        highest = std::max(highest, entry.sequence);
    return highest;
  }

private:
  std::shared_ptr<const std::vector<hint_entry>> entries_;
};

/// Hints in their file, read section by section. The file is open only while
/// it is read: there are as many as segments.
class filed_hints final : public hint_source {
public:
  filed_hints(file_system& files, std::string path, const segment_entry& entry)
    : files_{files}, path_{std::move(path)}, segment_{entry.id},
      segment_end_{entry.end_bytes}, identity_{entry.identity} {
  }

  /// Whether the file belongs to exactly this state of this segment.
  bool check(const segment_entry& entry);

  result<ok> read(key_hash first, key_hash last,
                  std::vector<hint_entry>& found) const override;
  std::uint64_t size() const override {
    return count_;
  }
  sequence_number flushed_below() const override {
    return flushed_below_;
  }

private:
  struct section {
    std::uint64_t offset_bytes = 0;
    std::uint32_t bytes = 0;
    std::uint32_t crc = 0;
  };

  bool read_head(const file& from);
  /// Calls `visit` for every entry of one section. False: it is damaged.
  template <class Visit>
  result<bool> read_section(const file& from, const section& wanted,
                            Visit visit) const;

  file_system& files_;
  std::string path_;
  segment_id segment_;
  std::uint64_t segment_end_;
  segment_identity identity_;
  std::uint64_t count_ = 0;
  unsigned section_bits_ = 0;
  std::vector<section> sections_;
  sequence_number flushed_below_ = 0;
};

bool filed_hints::read_head(const file& from) {
  std::array<std::byte, head_bytes> head{};
  const auto read = from.read_at(0, head);
  const auto size = from.size_bytes();
  if (!read || *read != head.size() || !size
      || std::memcmp(head.data(), magic.data(), magic.size()) != 0
      || load_le<std::uint32_t>(head.data() + id_at)
           != static_cast<std::uint32_t>(segment_)
      || std::memcmp(head.data() + identity_at, identity_.data(),
                     identity_.size())
           != 0
      || load_le<std::uint64_t>(head.data() + end_bytes_at) != segment_end_)
    return false;
  count_ = load_le<std::uint64_t>(head.data() + count_at);
  const auto bits = load_le<std::uint32_t>(head.data() + section_bits_at);
  if (bits > section_bits_max)
    return false;
  section_bits_ = bits;
  std::vector<std::byte> table((std::size_t{1} << bits) * section_head_bytes);
  const auto table_read = from.read_at(head_bytes, table);
  if (!table_read || *table_read != table.size())
    return false;
  const auto crc = load_le<std::uint32_t>(head.data() + crc_at);
  store_le(head.data() + crc_at, std::uint32_t{0});
  if (crc != extend_crc32c(extend_crc32c(0, head), table))
    return false;
  std::uint64_t at = head_bytes + table.size();
  for (std::size_t i = 0; i < table.size(); i += section_head_bytes) {
    section found{at, load_le<std::uint32_t>(table.data() + i),
                  load_le<std::uint32_t>(table.data() + i + 4)};
    at += found.bytes;
    sections_.push_back(found);
  }
  return at == *size;
}

template <class Visit>
result<bool> filed_hints::read_section(const file& from, const section& wanted,
                                       Visit visit) const {
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(wanted.bytes);
  const std::span<std::byte> bytes{buffer.get(), wanted.bytes};
  auto read = from.read_at(wanted.offset_bytes, bytes);
  if (!read)
    return read.error();
  const bool fits = extend_crc32c(0, bytes) == wanted.crc;
  if (*read != bytes.size() || !(fits || is_planted(planted_bug::trust_hint)))
    return false;
  std::span<const std::byte> rest = bytes;
  while (!rest.empty()) {
    const auto entry = take_entry(rest, segment_, segment_end_);
    if (!entry)
      return false;
    visit(*entry);
  }
  return true;
}

bool filed_hints::check(const segment_entry& entry) {
  auto opened = files_.open(path_, open_mode::read_only);
  if (!opened || !read_head(**opened))
    return false;
  segment_entry sum;
  std::uint64_t count = 0;
  bool in_order = true;
  for (std::uint32_t number = 0; number < sections_.size(); ++number) {
    key_hash last = 0;
    auto whole
      = read_section(**opened, sections_[number], [&](const hint_entry& found) {
          ++count;
          in_order = in_order && found.key.hash >= last
                     && section_of(found.key.hash, section_bits_) == number;
          last = found.key.hash;
          record_head head;
          head.type = found.type;
          head.sequence = found.sequence;
          head.expires_at = found.expires_at;
          count_record(sum, head, found.location.size_bytes);
          if (found.type == record_type::flush)
            flushed_below_ = std::max(flushed_below_, found.sequence);
        });
    if (!whole || !*whole)
      return false;
  }
  return in_order && count == count_ && sum.record_count == entry.record_count
         && sum.tombstone_count == entry.tombstone_count
         && sum.tombstone_bytes == entry.tombstone_bytes
         && sum.min_sequence == entry.min_sequence
         && sum.max_sequence == entry.max_sequence;
}

result<ok> filed_hints::read(key_hash first, key_hash last,
                             std::vector<hint_entry>& found) const {
  auto opened = files_.open(path_, open_mode::read_only);
  if (!opened)
    return opened.error();
  const std::uint32_t end = section_of(last, section_bits_) + 1;
  for (std::uint32_t number = section_of(first, section_bits_); number < end;
       ++number) {
    auto whole
      = read_section(**opened, sections_[number], [&](const hint_entry& entry) {
          if (entry.key.hash >= first && entry.key.hash <= last
              && entry.type != record_type::flush)
            found.push_back(entry);
        });
    if (!whole)
      return whole.error();
    if (!*whole)
      return error{errc::corrupt, 0,
                   path_ + ": it has changed since it was checked"};
  }
  return ok{};
}

} // namespace

hint_builder::hint_builder(const key_hasher& hasher)
  : hasher_{hasher}, entries_{std::make_shared<std::vector<hint_entry>>()} {
}

void hint_builder::add(const scanned_record& record) {
  if (!kind_of(record.head.type))
    return;
  hint_entry entry;
  if (record.head.type != record_type::flush)
    entry.key = hasher_.fingerprint(record.key);
  entry.sequence = record.head.sequence;
  entry.location = record.location;
  entry.type = record.head.type;
  entry.expires_at = record.head.expires_at;
  assert(!sorted_);
  entries_->push_back(entry);
}

void hint_builder::sort() {
  if (!std::exchange(sorted_, true))
    // Branches on random hashes would be guessed wrong.
    boost::sort::pdqsort_branchless(entries_->begin(), entries_->end(),
                                    comes_first{});
}

std::unique_ptr<hint_source> hint_builder::source() {
  sort();
  return std::make_unique<kept_hints>(entries_);
}

result<ok> hint_builder::write(file_system& files, const std::string& directory,
                               const segment_entry& entry) {
  sort();
  const unsigned bits = bits_for(entries_->size());
  std::vector<std::byte> body;
  body.reserve(entries_->size() * entry_bytes);
  std::vector<std::byte> table((std::size_t{1} << bits) * section_head_bytes);
  auto next = entries_->begin();
  for (std::uint32_t number = 0; number < 1U << bits; ++number) {
    const std::size_t begin = body.size();
    while (next != entries_->end()
           && section_of(next->key.hash, bits) == number)
      encode_entry(*next++, body);
    const auto section = std::span{body}.subspan(begin);
    std::byte* const at = table.data() + number * section_head_bytes;
    store_le(at, static_cast<std::uint32_t>(section.size()));
    store_le(at + 4, extend_crc32c(0, section));
  }
  std::array<std::byte, head_bytes> head{};
  std::memcpy(head.data(), magic.data(), magic.size());
  store_le(head.data() + id_at, static_cast<std::uint32_t>(entry.id));
  std::memcpy(head.data() + identity_at, entry.identity.data(),
              entry.identity.size());
  store_le(head.data() + end_bytes_at, entry.end_bytes);
  store_le(head.data() + count_at, std::uint64_t{entries_->size()});
  store_le(head.data() + section_bits_at, std::uint32_t{bits});
  // The field itself is still zero here.
  store_le(head.data() + crc_at, extend_crc32c(extend_crc32c(0, head), table));

  const std::string path = directory + "/" + hint_file_name(entry.id);
  const std::string temporary = path + ".tmp";
  if (auto gone = files.unlink(temporary);
      !gone && gone.error().code != errc::not_found)
    return gone;
  auto created = files.open(temporary, open_mode::create);
  if (!created)
    return created.error();
  const std::array<std::span<const std::byte>, 3> parts{head, table, body};
  auto written = (*created)->write_at(0, parts);
  if (written)
    written = files.rename(temporary, path);
  if (!written)
    (void)files.unlink(temporary);
  return written;
}

std::unique_ptr<hint_source> open_hint_file(file_system& files,
                                            const std::string& directory,
                                            const segment_entry& entry) {
  auto found = std::make_unique<filed_hints>(
    files, directory + "/" + hint_file_name(entry.id), entry);
  if (!found->check(entry))
    return nullptr;
  return found;
}

} // namespace kvs::storage
