/// READER: reads records that are not in memory, and large ones, and does what
/// takes long with them.
#pragma once

#include "actors/caf_compat.hpp"
#include "actors/long_work.hpp"
#include "actors/operation.hpp"
#include "storage/record_match.hpp"
#include "storage/segment.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace kvs::actors {

/// Read and verify one record.
struct read_record {
  stored_value record;
  /// Bytes to leave free behind the value, for small appends.
  std::uint64_t spare_bytes{};
  /// What to join to the value: the operand of a large append. `memory` owns
  /// it.
  std::span<const std::byte> tail{};
  memory_owners memory{};
};

/// The outcome of `read_record`.
struct record_read {
  failure error{};
  memory_owner memory{};
  /// Within `memory`; the tail is not part of it.
  std::span<const std::byte> value{};
  std::uint32_t value_crc = 0;
  /// Follows the value in `memory`, and the tail if there is one.
  std::span<std::byte> spare{};
  /// The tail has been copied behind the value.
  bool joined = false;
};

/// A record that the index found.
struct record_place {
  storage::segment_ptr segment;
  /// With an upper bound of the size.
  storage::record_location location;
  bool is_deletion = false;
};

/// Find out which of these records, newest first, is the newest of a key.
struct find_record {
  std::vector<record_place> candidates;
  std::string key;
  /// A record of up to so many bytes is read as a whole; of others the head.
  std::uint64_t whole_bytes_max = 0;
};

/// The outcome of `find_record`.
struct record_found {
  enum class kind : std::uint8_t { absent, deleted, found };
  failure error{};
  kind what = kind::absent;
  /// With the exact size, and where it lies: the SHARD may have forgotten that
  /// segment meanwhile.
  storage::index_entry entry{};
  storage::segment_ptr segment{};
  memory_owner memory{};
  /// Within `memory`: all of the record, or its head. Not verified beyond it.
  std::span<const std::byte> record{};
};

/// Read the keys of these records.
struct read_heads {
  std::vector<record_place> records;
};

struct heads_read {
  struct head {
    std::string key;
    bool is_deletion = false;
    storage::timestamp_ms expires_at = 0;
  };
  failure error{};
  /// In the order asked for.
  std::vector<head> heads{};
};

/// READER: waits for the disk so that no loop has to.
///
/// Blocking: has its own thread. Reads, checks or joins at most 1 MiB of a
/// value in one turn and takes turns between the records it was asked for, so
/// a short read is not stuck behind a long one; so do the steps of long work.
/// Failure: an unreadable or damaged record is an answer, never the end of
/// the actor.
using reader_actor = caf::typed_actor<
  // Reads a record, checks that it is the one expected and that its value is
  // intact.
  caf_compat::rpc<read_record>::returns<record_read>,
  // Compares candidates with a key.
  caf_compat::rpc<find_record>::returns<record_found>,
  // Reads and verifies heads.
  caf_compat::rpc<read_heads>::returns<heads_read>,
  caf_compat::rpc<do_work>::returns<work_done>>;

/// `thread`: where it runs; nullptr: on the scheduler (tests).
reader_actor spawn_reader(caf::actor_system& system,
                          caf_compat::execution_base* thread);

} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::read_record)
KVS_MESSAGE(kvs::actors::record_read)
KVS_MESSAGE(kvs::actors::find_record)
KVS_MESSAGE(kvs::actors::record_found)
KVS_MESSAGE(kvs::actors::read_heads)
KVS_MESSAGE(kvs::actors::heads_read)
