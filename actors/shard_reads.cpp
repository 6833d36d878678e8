// How an INDEX SHARD serves reads.

#include "actors/shard_state.hpp"

#include <algorithm>
#include <cassert>

namespace kvs::actors {
namespace {

/// Values that one batch of reads has read here, all together, roughly.
constexpr std::size_t inline_batch_bytes = 1024 * 1024;

answer value_answer(const operation& op, const storage::index_entry& entry) {
  answer reply;
  reply.ref = op.ref;
  reply.applied = true;
  reply.existed = true;
  reply.version = entry.sequence;
  reply.expires_at = entry.expires_at;
  return reply;
}

bool reads_inline(const operation& op, const storage::index_entry* entry) {
  return op.kind == operation_kind::get && entry != nullptr
         && entry->location.size_bytes <= inline_read_bytes_max;
}

} // namespace

void shard::read(read_batch& batch) {
  figures_.reads += batch.operations.size();
  // First pass: look everything up, so that one buffer serves the whole batch.
  struct looked_up {
    const storage::index_entry* entry = nullptr;
    bool is_inline = false;
  };
  std::vector<looked_up> entries;
  entries.reserve(batch.operations.size());
  for (const auto& op : batch.operations)
    index_.prefetch(op.hash);
  std::size_t buffer_bytes = 0;
  for (const auto& op : batch.operations) {
    looked_up found{index_.find(op.hash, op.key), false};
    if (reads_inline(op, found.entry) && buffer_bytes < inline_batch_bytes) {
      found.is_inline = true;
      buffer_bytes += found.entry->location.size_bytes;
    }
    entries.push_back(found);
  }
  auto buffer = std::make_shared_for_overwrite<std::byte[]>(buffer_bytes);
  std::size_t used_bytes = 0;
  pending_operation wanted{batch.from, {}, batch.memory};
  outbox_.to(batch.from, applied_up_to_)
    .answers.reserve(batch.operations.size());
  for (std::size_t at = 0; at < batch.operations.size(); ++at) {
    wanted.op = batch.operations[at];
    const auto* entry = entries[at].entry;
    if (answer_from_index(wanted, entry))
      continue;
    if (!entries[at].is_inline) {
      point_to_value(wanted, *entry);
      continue;
    }
    std::span target{buffer.get() + used_bytes, entry->location.size_bytes};
    used_bytes += target.size();
    read_value(wanted, *entry, target, buffer);
  }
}

bool shard::answer_from_index(const pending_operation& wanted,
                              const storage::index_entry* entry) {
  if (entry == nullptr || has_expired(*entry)) {
    answer absent;
    absent.ref = wanted.op.ref;
    add_watch(wanted.op, false, absent);
    auto persisted = entry == nullptr || expiry_is_persisted(*entry);
    box_for(wanted.op.hash, persisted)
      .to(wanted.session, applied_up_to_)
      .answers.push_back(std::move(absent));
    return true;
  }
  if (wanted.op.kind == operation_kind::get)
    return false;
  auto present = value_answer(wanted.op, *entry);
  add_watch(wanted.op, true, present);
  box_for(wanted.op.hash)
    .to(wanted.session, applied_up_to_)
    .answers.push_back(std::move(present));
  return true;
}

void shard::read_value(const pending_operation& wanted,
                       const storage::index_entry& entry,
                       std::span<std::byte> target,
                       const memory_owner& memory) {
  const auto& from = segment_of(entry.location.segment);
  auto count
    = from->bytes().read_resident_at(entry.location.offset_bytes, target);
  if (!count)
    return outbox_.fail(wanted.session, wanted.op.ref,
                        to_failure(count.error()));
  if (!*count)
    return read_cold(wanted, entry);
  auto value = storage::verify_record(*from, entry.location.offset_bytes,
                                      target, wanted.op.key);
  if (!value)
    return outbox_.fail(wanted.session, wanted.op.ref,
                        to_failure(value.error()));
  auto& message = box_for(wanted.op.hash).to(wanted.session, applied_up_to_);
  message.memory.add(memory);
  message.answers.push_back(value_answer(wanted.op, entry));
  message.answers.back().value = *value;
}

void shard::point_to_value(const pending_operation& wanted,
                           const storage::index_entry& entry) {
  auto reply = value_answer(wanted.op, entry);
  reply.stored = std::make_shared<const stored_value>(
    stored_value{segment_of(entry.location.segment), entry.location,
                 std::string{wanted.op.key}});
  box_for(wanted.op.hash)
    .to(wanted.session, applied_up_to_)
    .answers.push_back(std::move(reply));
}

void shard::read_cold(const pending_operation& wanted,
                      const storage::index_entry& entry) {
  ++figures_.cold_reads;
  auto number = ++last_cold_read_;
  cold_reads_.emplace(number, wanted);
  const auto& reader = args_.readers[next_reader_++ % args_.readers.size()];
  caf_compat::ask(this, reader,
                  read_record{{segment_of(entry.location.segment),
                               entry.location, std::string{wanted.op.key}}})
    .then(
      [this, number, entry](const record_read& found) {
        finish_cold_read(number, entry, found);
        end_turn();
      },
      [this, number, entry](const caf::error&) {
        finish_cold_read(number, entry,
                         {make_failure(outcome::shutting_down,
                                       "the node is closing; nothing was "
                                       "read")});
        end_turn();
      });
}

void shard::finish_cold_read(std::uint64_t number,
                             const storage::index_entry& entry,
                             const record_read& found) {
  auto it = cold_reads_.find(number);
  assert(it != cold_reads_.end());
  auto wanted = std::move(it->second);
  cold_reads_.erase(it);
  if (found.error.code != outcome::ok)
    return outbox_.fail(wanted.session, wanted.op.ref, found.error);
  auto& message = box_for(wanted.op.hash).to(wanted.session, applied_up_to_);
  message.memory.add(found.memory);
  message.answers.push_back(value_answer(wanted.op, entry));
  message.answers.back().value = found.value;
}

const storage::segment_ptr& shard::segment_of(storage::segment_id id) {
  auto it = segments_.find(static_cast<std::uint32_t>(id));
  // The WRITER and the COMPACTOR hand over a segment before any location in
  // it, and `forget_segments` comes after the last entry has moved away.
  assert(it != segments_.end());
  return it->second;
}

void shard::scan(const scan_keys& request) {
  if (!held_batches_.empty()) {
    // It would show keys of a batch that other shards do not show yet.
    held_scans_.push_back(request);
    return;
  }
  keys_scanned reply;
  reply.ref = request.ref;
  reply.evaluated_at = applied_up_to_;
  auto now = args_.clock->now();
  storage::timestamp_ms latest_expiry = 0;
  reply.next_partition
    = index_.scan(request.partition, request.entries_min,
                  [&](std::string_view key, const storage::index_entry& entry) {
                    if (entry.expired_at(now))
                      latest_expiry = std::max(latest_expiry, entry.expires_at);
                    else if (key.starts_with(request.prefix))
                      reply.keys.emplace_back(key);
                  });
  if (reply.next_partition >= index_.end_partition()
      && index_.end_partition() < storage::partition_count)
    reply.next_partition = index_.end_partition();
  // Leaving a key out reports that it has expired.
  if (latest_expiry > persisted_time_)
    timed_scans_.push_back({latest_expiry, request.from, std::move(reply)});
  else
    caf_compat::tell(this, request.from, std::move(reply));
}

void shard::send_timed_scans() {
  auto is_due
    = [this](const auto& each) { return each.time <= persisted_time_; };
  for (auto& each : timed_scans_)
    if (is_due(each))
      caf_compat::tell(this, each.session, std::move(each.message));
  std::erase_if(timed_scans_, is_due);
}

void shard::fail_timed_scans(const failure& why) {
  for (const auto& each : timed_scans_)
    outbox_.fail(each.session, each.message.ref, why);
  timed_scans_.clear();
}

void shard::count(const count_keys& request) {
  auto [expired, latest_expiry] = index_.count_expired(args_.clock->now());
  answer reply;
  reply.ref = request.ref;
  reply.number = static_cast<std::int64_t>(index_.size() - expired);
  auto& box = latest_expiry <= persisted_time_ ? outbox_ : timed_next_;
  box.to(request.from, applied_up_to_).answers.push_back(std::move(reply));
}

} // namespace kvs::actors
