#include "storage/record_match.hpp"

namespace kvs::storage {

result<record_match> match_record(const segment& from,
                                  std::uint64_t offset_bytes,
                                  std::span<const std::byte> front,
                                  std::string_view key) {
  record_match found;
  if (front.size() < record_head_bytes
      || claimed_head_bytes(front) > front.size())
    return found;
  const auto head = decode_head(front, from.context(), offset_bytes);
  if (!head)
    return head_damaged(from, offset_bytes);
  if (head->key != key) {
    found.what = record_match::kind::other_key;
    return found;
  }
  found.what = head->head.type == record_type::tombstone
                 ? record_match::kind::deletion
                 : record_match::kind::same_key;
  found.entry = {
    {from.id(), offset_bytes, static_cast<std::uint32_t>(head->size_bytes())},
    head->head.sequence,
    head->head.expires_at};
  return found;
}

} // namespace kvs::storage
