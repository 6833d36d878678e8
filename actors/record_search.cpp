#include "actors/record_search.hpp"

#include <algorithm>
#include <memory>
#include <optional>

namespace kvs::actors {
namespace {

/// Enough for the head of a record with a key of usual length.
constexpr std::uint64_t front_bytes_min = 512;

/// The first bytes of a record.
struct record_front {
  std::shared_ptr<std::byte[]> memory;
  std::span<const std::byte> bytes;
  /// The file ends behind them.
  bool ended = false;
};

storage::result<record_front> read_front(const record_place& from,
                                         std::uint64_t bytes) {
  record_front front;
  front.memory = std::make_shared_for_overwrite<std::byte[]>(bytes);
  std::span target{front.memory.get(), bytes};
  auto got = from.segment->bytes().read_at(from.location.offset_bytes, target);
  if (!got)
    return got.error();
  front.bytes = target.first(*got);
  front.ended = *got < bytes;
  return front;
}

/// Reads more until the whole head is there.
storage::result<record_front> read_head(const record_place& from,
                                        std::uint64_t bytes) {
  auto front = read_front(from, bytes);
  if (!front)
    return front;
  if (front->bytes.size() < storage::record_head_bytes)
    return storage::head_damaged(*from.segment, from.location.offset_bytes);
  auto claimed = storage::claimed_head_bytes(front->bytes);
  if (claimed <= front->bytes.size())
    return front;
  // The length is not believed yet, but it is bounded by the format, and the
  // file has to hold as much.
  if (front->ended)
    return storage::head_damaged(*from.segment, from.location.offset_bytes);
  front = read_front(from, claimed);
  if (front && front->bytes.size() < claimed)
    return storage::head_damaged(*from.segment, from.location.offset_bytes);
  return front;
}

std::uint64_t bytes_to_read(const record_place& from,
                            std::uint64_t whole_bytes_max) {
  auto size = from.location.size_bytes;
  if (from.is_deletion || size > whole_bytes_max)
    return front_bytes_min;
  return std::max<std::uint64_t>(size, storage::record_head_bytes);
}

} // namespace

record_found search_record(const find_record& request) {
  record_found found;
  for (const auto& each : request.candidates) {
    auto offset = each.location.offset_bytes;
    auto front = read_head(each, bytes_to_read(each, request.whole_bytes_max));
    if (!front) {
      found.error = to_failure(front.error());
      return found;
    }
    auto match
      = storage::match_record(*each.segment, offset, front->bytes, request.key);
    if (!match) {
      found.error = to_failure(match.error());
      return found;
    }
    using kind = storage::record_match::kind;
    if (match->what == kind::other_key)
      continue;
    found.what = match->what == kind::deletion || each.is_deletion
                   ? record_found::kind::deleted
                   : record_found::kind::found;
    found.entry = match->entry;
    found.segment = each.segment;
    found.memory = front->memory;
    found.record = front->bytes.first(std::min<std::size_t>(
      front->bytes.size(), match->entry.location.size_bytes));
    return found;
  }
  return found;
}

heads_read search_heads(const read_heads& request) {
  heads_read found;
  found.heads.reserve(request.records.size());
  for (const auto& each : request.records) {
    auto offset = each.location.offset_bytes;
    auto front = read_head(each, front_bytes_min);
    if (!front) {
      found.error = to_failure(front.error());
      return found;
    }
    auto head
      = storage::decode_head(front->bytes, each.segment->context(), offset);
    if (!head) {
      found.error = to_failure(storage::head_damaged(*each.segment, offset));
      return found;
    }
    found.heads.push_back({std::string{head->key},
                           head->head.type == storage::record_type::tombstone,
                           head->head.expires_at});
  }
  return found;
}

} // namespace kvs::actors
