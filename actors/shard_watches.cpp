// How an INDEX SHARD remembers that a key which was absent has been made.
// The version tells everything else about a watched key.

#include "actors/shard_state.hpp"

namespace kvs::actors {

void shard::add_watch(const operation& op, bool present, answer& reply) {
  if (op.kind == operation_kind::watched) {
    if (auto it = watches_.find(std::string{op.key}); it != watches_.end())
      reply.number = static_cast<std::int64_t>(it->second.made_at);
  } else if (op.kind == operation_kind::watch && !present) {
    ++watches_[std::string{op.key}].watch_count;
  }
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
