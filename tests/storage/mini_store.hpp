#pragma once

#include "storage/compaction.hpp"
#include "storage/log_writer.hpp"
#include "storage/recovery.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// A store without actors: calls the parts of storage/ in the order in which
/// the actors do, one after the other, so that tests can cut it off anywhere.
namespace kvs::storage::testing {

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

inline std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The empty log segment 1 in the directory "d", which is made for it; nullptr:
/// that failed.
segment_ptr make_log_segment(file_system& files, sequence_number base_sequence);

/// What a reader sees: all keys that have not expired.
using contents = std::map<std::string, std::string>;

/// One operation of a batch: a put, or an erase if there is no value.
struct batch_operation {
  std::string key;
  std::optional<std::string> value;
};

class mini_store {
public:
  struct options {
    std::string directory = "store";
    std::uint64_t segment_bytes = segment_bytes_min;
    std::uint32_t shard_count = 2;
    timestamp_ms now = 1000;
    /// Fewer than 64: keys collide.
    unsigned hash_bits = 64;
  };

  static result<std::unique_ptr<mini_store>>
  open(std::shared_ptr<file_system> files, const options& chosen);

  /// Each writes one record and publishes it, without a sync.
  result<ok> put(const std::string& key, const std::string& value,
                 timestamp_ms expires_at = 0);
  result<ok> erase(const std::string& key);
  result<ok> batch(const std::vector<batch_operation>& operations);
  result<ok> flush();
  result<ok> mark();

  /// Makes everything so far durable.
  result<ok> sync();
  /// Goes on in the next segment; the old one is synced and listed as sealed
  /// by the next `sync`.
  result<ok> rotate();
  /// What an ordered stop leaves behind: everything sealed, synced and listed,
  /// and a checkpoint. Nothing may be written any more.
  result<ok> close();
  /// One compaction, if there is anything to do. Returns the bytes freed.
  result<std::uint64_t> compact(bool force);
  /// Rewrites exactly these segments.
  result<std::uint64_t> compact(const std::vector<segment_id>& victims);
  /// Rewrites the sealed segment with this number, counted around, whatever it
  /// holds.
  result<std::uint64_t> compact_one(std::uint64_t number);

  /// Time passes; `options::now` is the wall clock of the start.
  void advance(timestamp_ms milliseconds) {
    store_.now += milliseconds;
  }
  timestamp_ms now() const {
    return store_.now;
  }

  result<std::optional<std::string>> get(const std::string& key);
  result<contents> all();

  const recovery_report& report() const {
    return store_.report;
  }
  recovered_store& parts() {
    return store_;
  }
  std::vector<segment_usage> usage();
  sequence_number last_sequence() const {
    return store_.last_sequence;
  }

private:
  mini_store(std::shared_ptr<file_system> files, options chosen,
             recovered_store store);

  recovered_shard& shard_of_key(key_hash hash);
  /// The newest record of a key, if it is a put.
  result<std::optional<index_entry>> find(const std::string& key);
  result<ok> forget_older(const std::string& key);
  result<ok> append(record_type type, const std::string& key,
                    const std::string& value, timestamp_ms expires_at);
  result<ok> make_room();
  result<ok> settle_rotation();
  result<ok> publish(const record_head& head, const std::string& key,
                     const record_location& place);
  segment_entry& entry_of(segment_id id);
  sequence_number unsealed_base() const;
  result<ok> persist_time();
  result<ok> rewrite(const std::vector<segment_id>& victims,
                     relocation_writer& output);
  result<ok> rewrite_one(const segment_ptr& from, const segment_entry& entry,
                         const std::vector<segment_id>& victims,
                         relocation_writer& output);
  result<ok> replace(const std::vector<segment_id>& victims,
                     const std::optional<relocation_writer::finished>& output);

  std::shared_ptr<file_system> files_;
  options options_;
  recovered_store store_;
  std::map<segment_id, segment_ptr> segments_;
  std::unique_ptr<log_writer> writer_;
  /// The segment before the active one while it is neither synced nor sealed.
  std::optional<segment_id> leaving_;
  struct move {
    std::string key;
    record_location from;
    record_location to;
    timestamp_ms expires_at = 0;
  };
  std::vector<move> moves_;
};

} // namespace kvs::storage::testing
