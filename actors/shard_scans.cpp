// How an INDEX SHARD lists and counts its keys.

#include "actors/shard_state.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace kvs::actors {
namespace {

/// Records whose heads a READER is asked for at once, roughly.
constexpr std::size_t chunk_records = 256;

/// Bytes of keys after which a scan pauses, so that one of long keys costs
/// memory in proportion.
constexpr std::size_t scan_bytes_max = storage::mebibyte;

} // namespace

void shard::scan(const scan_keys& request) {
  if (!held_batches_.empty()) {
    // It would show keys of a batch that other shards do not show yet.
    held_scans_.push_back(request);
    return;
  }
  auto number = ++last_scan_;
  auto& current = scans_[number];
  current.request = request;
  current.reply.ref = request.ref;
  current.reply.evaluated_at = applied_up_to_;
  current.now = args_.clock->now();
  current.reply.next_partition = index_.scan(
    request.partition, request.entries_min,
    [&](std::uint64_t hash_bits, const storage::index_candidate& record) {
      current.records.push_back({hash_bits,
                                 {segment_of(record.location.segment),
                                  record.location, record.is_deletion}});
    });
  scan_on(number);
}

void shard::scan_on(std::uint64_t number) {
  auto& current = scans_.at(number);
  auto partition_at = [&](std::size_t at) {
    return storage::partition_of_bits(current.records[at].hash_bits);
  };
  if (current.read_count == current.records.size())
    return finish_scan(number);
  if (current.key_bytes > scan_bytes_max) {
    current.reply.next_partition = partition_at(current.read_count);
    return finish_scan(number);
  }
  read_heads wanted;
  auto at = current.read_count;
  // Whole partitions, because that is where a scan can go on.
  while (at < current.records.size()
         && (wanted.records.size() < chunk_records
             || partition_at(at) == partition_at(at - 1)))
    wanted.records.push_back(current.records[at++].where);
  caf_compat::ask(this, next_reader(), std::move(wanted))
    .then(
      [this, number](const heads_read& found) {
        add_to_scan(number, found);
        end_turn();
      },
      [this, number](const caf::error&) {
        heads_read refused;
        refused.error = make_failure(outcome::shutting_down,
                                     "the node is closing; nothing was read");
        add_to_scan(number, refused);
        end_turn();
      });
}

void shard::add_to_scan(std::uint64_t number, const heads_read& found) {
  auto& current = scans_.at(number);
  if (found.error.code != outcome::ok) {
    outbox_.fail(current.request.from, current.request.ref, found.error);
    scans_.erase(number);
    return;
  }
  for (const auto& head : found.heads) {
    auto bits = current.records[current.read_count++].hash_bits;
    if (bits != current.run_bits)
      current.run_keys.clear();
    current.run_bits = bits;
    // Of a key that is being replaced the newest record comes first.
    auto& run = current.run_keys;
    if (std::find(run.begin(), run.end(), head.key) != run.end())
      continue;
    run.push_back(head.key);
    current.key_bytes += head.key.size();
    if (head.is_deletion)
      continue;
    if (head.expires_at != 0 && head.expires_at <= current.now)
      current.latest_expiry = std::max(current.latest_expiry, head.expires_at);
    else if (head.key.starts_with(current.request.prefix))
      current.reply.keys.push_back(head.key);
  }
  scan_on(number);
}

void shard::finish_scan(std::uint64_t number) {
  auto current = std::move(scans_.at(number));
  scans_.erase(number);
  auto& reply = current.reply;
  if (reply.next_partition >= index_.end_partition()
      && index_.end_partition() < storage::partition_count)
    reply.next_partition = index_.end_partition();
  // Leaving a key out reports that it has expired.
  if (current.latest_expiry > persisted_time_)
    timed_scans_.push_back(
      {current.latest_expiry, current.request.from, std::move(reply)});
  else
    caf_compat::tell(this, current.request.from, std::move(reply));
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
  waiting_count wanted;
  wanted.request = request;
  wanted.number = static_cast<std::int64_t>(key_count_);
  expiring_.visit_expired(
    args_.clock->now(), [&](const storage::expiring_record& record) {
      if (!index_.contains(record.hash, record.location))
        return;
      --wanted.number;
      wanted.latest_expiry = std::max(wanted.latest_expiry, record.expires_at);
    });
  wanted.last_unsettled = last_unsettled_;
  wanted.unsettled = unsettled_.size();
  if (wanted.unsettled == 0)
    return answer_count(wanted);
  counts_.push_back(std::move(wanted));
}

void shard::settle_counts(std::uint64_t id, std::int64_t correction) {
  for (auto& each : counts_) {
    if (id > each.last_unsettled)
      continue;
    each.number += correction;
    if (--each.unsettled == 0)
      answer_count(each);
  }
  std::erase_if(counts_, [](const auto& each) { return each.unsettled == 0; });
}

void shard::answer_count(const waiting_count& counted) {
  answer reply;
  reply.ref = counted.request.ref;
  reply.number = counted.number;
  auto& box = counted.latest_expiry <= persisted_time_ ? outbox_ : timed_next_;
  box.to(counted.request.from, applied_up_to_)
    .answers.push_back(std::move(reply));
}

} // namespace kvs::actors
