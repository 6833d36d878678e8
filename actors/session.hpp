/// What everyone who asks the store for something must understand: the
/// answers. The CONNECTION is one; an embedding application may be another.
#pragma once

#include "actors/caf_compat.hpp"
#include "actors/operation.hpp"

#include <string>
#include <utility>
#include <vector>

namespace kvs::actors {

/// Answers to operations, from one shard or from the WRITER.
struct operations_answered {
  std::vector<answer> answers;
  memory_owners memory;
  /// Everything up to this version survives a power cut.
  storage::sequence_number durable_version = 0;
  /// The log up to here had been applied by the answering shard when it looked
  /// the keys up; what a transaction's validation compares with.
  storage::sequence_number evaluated_at = 0;
};

/// Answer to `scan_keys`.
struct keys_scanned {
  request_ref ref;
  std::vector<std::string> keys;
  /// partition_count: the scan is through.
  std::uint32_t next_partition = 0;
  /// As in `operations_answered`.
  storage::sequence_number evaluated_at = 0;
};

/// Answer to `collect_figures`.
struct figures_collected {
  request_ref ref;
  /// Names end in their unit; figures of several shards are added up.
  std::vector<std::pair<std::string, std::uint64_t>> figures;
};

/// A transaction has to be evaluated again: something it had read was changed
/// by a record that is visible now.
struct transaction_rejected {
  request_ref ref;
};

/// SESSION: asks the store and is told the answers.
///
/// Order: answers come in any order; `request_ref` tells them apart.
/// Failure: every operation that a shard or the WRITER has taken in is answered
/// exactly once, also when the store stops. What is sent to a store that has
/// stopped is not: a session ends before its store, as the ACCEPTOR's do.
using session_actor = caf::typed_actor<caf_compat::takes<operations_answered>,
                                       caf_compat::takes<keys_scanned>,
                                       caf_compat::takes<figures_collected>,
                                       caf_compat::takes<transaction_rejected>>;

} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::operations_answered)
KVS_MESSAGE(kvs::actors::keys_scanned)
KVS_MESSAGE(kvs::actors::figures_collected)
KVS_MESSAGE(kvs::actors::transaction_rejected)
