// How an INDEX SHARD remembers that a key which was absent has been made.
// The version tells everything else about a watched key.

#include "actors/shard_state.hpp"

namespace kvs::actors {
namespace {

/// More keys than clients watch while such a change happens, by far.
constexpr std::size_t unnoticed_changes_max = 1024;

} // namespace

void shard::add_watch(const operation& op, bool present, answer& reply) {
  if (op.kind == operation_kind::watched) {
    if (auto it = watches_.find(std::string{op.key}); it != watches_.end())
      reply.number = static_cast<std::int64_t>(it->second.made_at);
  } else if (op.kind == operation_kind::watch && !present) {
    ++watches_[std::string{op.key}].watch_count;
  } else if (op.kind != operation_kind::watch) {
    return;
  }
  if (present)
    reply.version = watched_version(op.key, reply.version);
}

storage::sequence_number
shard::watched_version(std::string_view key,
                       storage::sequence_number version) const {
  if (unnoticed_.empty())
    return version;
  auto it = unnoticed_.find(std::string{key});
  return it != unnoticed_.end() && it->second.sequence == version
           ? it->second.seen_as
           : version;
}

void shard::note_unnoticed(
  const published_record& record,
  const std::optional<storage::index_entry>& replaced) {
  auto seen_as = !replaced || has_expired(*replaced)
                   ? storage::sequence_number{0}
                   : watched_version(record.key, replaced->sequence);
  if (unnoticed_.size() >= unnoticed_changes_max)
    unnoticed_.clear();
  unnoticed_[std::string{record.key}] = {record.entry.sequence, seen_as};
}

void shard::note_made(std::string_view key, storage::sequence_number sequence) {
  if (auto it = watches_.find(std::string{key}); it != watches_.end())
    it->second.made_at = sequence;
}

void shard::forget(const forget_watches& message) {
  for (const auto& key : message.keys) {
    auto it = watches_.find(key);
    if (it != watches_.end() && --it->second.watch_count == 0)
      watches_.erase(it);
  }
}

} // namespace kvs::actors
