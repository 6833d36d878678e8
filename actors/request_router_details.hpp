/// Private to request_router*.cpp.
#pragma once

#include "actors/request_router.hpp"

namespace kvs::actors {

/// One key of a transaction, or a key that an erase asks about.
struct looked_up_key {
  storage::key_hash hash = 0;
  std::string_view key;
  /// What the client saw; nullopt: it did not say.
  std::optional<storage::sequence_number> expected;
  storage::sequence_number version = 0;
  storage::sequence_number evaluated_at = 0;
};

struct request_router::details {
  /// What a held or repeated request needs again.
  protocol::request request;
  operation op;
  memory_owner memory;
  /// Of the values of `request`, in their order; empty: not computed yet.
  std::vector<std::uint32_t> value_crcs;
  /// Of several keys, or of the whole store.
  bool wide = false;
  bool whole_store = false;

  /// Answers that are still to come.
  std::uint32_t parts_left = 0;
  std::vector<answer> answers;
  memory_owners answer_memory;
  failure error;
  std::int64_t sum = 0;
  /// Bytes of values that are read for it.
  std::uint64_t stored_bytes = 0;
  std::vector<std::pair<std::string, std::uint64_t>> figures;

  // Batches and transactions:
  std::vector<operation> writes;
  std::vector<looked_up_key> keys;
  /// Lanes it holds, each once.
  std::vector<storage::key_hash> lanes;
  std::uint32_t rejection_count = 0;
  bool looking_up = false;

  // Programs:
  std::shared_ptr<program> what;
  std::vector<observed_shard> observed_shards;
  std::uint64_t listed_bytes = 0;
};

} // namespace kvs::actors
