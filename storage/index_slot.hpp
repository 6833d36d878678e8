#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstdint>
#include <cstring>

/// What the index keeps of one key: ten bytes, whatever the key's length.
namespace kvs::storage {

/// A size in eight bits, rounded up: 0 for 0, exact up to 15 units of 8
/// bytes, then three bits behind the leading one, so at most 12.5 % more than
/// was asked for. A read of that many bytes gets the whole record.
constexpr std::uint8_t size_class_of(std::uint64_t size_bytes) noexcept {
  const std::uint64_t units = (size_bytes + 7) / 8;
  if (units < 16)
    return static_cast<std::uint8_t>(units);
  // The four leading bits, rounded up.
  const auto shift = static_cast<unsigned>(std::bit_width(units)) - 4;
  const std::uint64_t lead = (units + (std::uint64_t{1} << shift) - 1) >> shift;
  // A carry out of the four bits lands in the next class by itself.
  return static_cast<std::uint8_t>(16 + ((shift - 1) << 3) + (lead - 8));
}

/// The largest size of a class.
constexpr std::uint64_t class_bytes(std::uint8_t size_class) noexcept {
  if (size_class < 16)
    return std::uint64_t{size_class} * 8;
  const unsigned shift = (size_class - 16U) / 8 + 1;
  return (std::uint64_t{8 + (size_class - 16U) % 8} << shift) * 8;
}

/// A slot, unpacked.
struct index_slot {
  /// 32 bits of the hash; the order of slots in a table.
  std::uint32_t tag = 0;
  /// 0: a deletion that hides older records.
  std::uint8_t size_class = 0;
  /// Segment (16 bits, an index's own number for it), then offset in units
  /// of 8 bytes (24 bits).
  std::uint64_t place = 0;

  friend bool operator==(const index_slot&, const index_slot&) = default;
};

inline constexpr unsigned place_offset_bits = 24;

constexpr std::uint64_t place_of(std::uint16_t segment,
                                 std::uint64_t offset_bytes) noexcept {
  return std::uint64_t{segment} << place_offset_bits | offset_bytes / 8;
}
constexpr std::uint16_t segment_of(std::uint64_t place) noexcept {
  return static_cast<std::uint16_t>(place >> place_offset_bits);
}
constexpr std::uint64_t offset_of(std::uint64_t place) noexcept {
  return (place & ((std::uint64_t{1} << place_offset_bits) - 1)) * 8;
}

/// Six slots in one cache line, the tags together because they are searched.
struct alignas(64) index_line {
  static constexpr unsigned slots = 6;
  static constexpr std::size_t place_bytes = 5;

  std::uint8_t count;
  std::array<std::uint8_t, 3> unused;
  std::array<std::uint32_t, slots> tags;
  std::array<std::uint8_t, slots> size_classes;
  std::array<std::uint8_t, slots * place_bytes> places;

  bool is_full() const noexcept {
    return count == slots;
  }
  /// How many slots have a smaller tag. Counted, not searched: where the
  /// search ends is different each time, so that every branch is a guess.
  std::uint32_t count_below(std::uint32_t tag) const noexcept {
    std::uint32_t below = 0;
    for (std::uint32_t at = 0; at < slots; ++at)
      below += static_cast<std::uint32_t>(tags[at] < tag)
               & static_cast<std::uint32_t>(at < count);
    return below;
  }
  index_slot get(unsigned at) const noexcept {
    return {tags[at], size_classes[at], place(at)};
  }
  std::uint64_t place(unsigned at) const noexcept {
    std::uint64_t value = 0;
    std::memcpy(&value, places.data() + at * place_bytes, place_bytes);
    return value;
  }
  void set(unsigned at, const index_slot& slot) noexcept {
    tags[at] = slot.tag;
    size_classes[at] = slot.size_class;
    std::memcpy(places.data() + at * place_bytes, &slot.place, place_bytes);
  }
  /// @pre !is_full() and at <= count
  void insert(unsigned at, const index_slot& slot) noexcept {
    assert(!is_full() && at <= count);
    shift(at, at + 1, count - at);
    set(at, slot);
    ++count;
  }
  /// @pre at < count
  void remove(unsigned at) noexcept {
    assert(at < count);
    shift(at + 1, at, count - at - 1U);
    --count;
  }

private:
  void shift(unsigned from, unsigned to, unsigned how_many) noexcept {
    std::memmove(&tags[to], &tags[from], how_many * sizeof(tags[0]));
    std::memmove(&size_classes[to], &size_classes[from], how_many);
    std::memmove(places.data() + to * place_bytes,
                 places.data() + from * place_bytes, how_many * place_bytes);
  }
};
static_assert(sizeof(index_line) == 64);
static_assert(std::endian::native == std::endian::little,
              "places are copied by their low bytes");

/// What tables are made of: small enough that a table of a few keys wastes
/// little, large enough that pointers to blocks cost little.
struct index_block {
  static constexpr std::uint32_t lines = 4;
  std::array<index_line, lines> line;
};

} // namespace kvs::storage
