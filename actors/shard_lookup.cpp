// How an INDEX SHARD finds the record of a key: the index names candidates,
// the records themselves tell which of them it is.

#include "actors/shard_state.hpp"
#include "storage/record_match.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace kvs::actors {

using match_kind = storage::record_match::kind;

resolved_key
shard::resolve_now(std::span<const storage::index_candidate> candidates,
                   std::string_view key, std::span<std::byte> target) const {
  resolved_key found;
  for (const auto& each : candidates) {
    const auto& [segment, offset, size] = each.location;
    const auto& from = segment_of(segment);
    auto wanted = target;
    if (!each.is_deletion && size < wanted.size())
      wanted = wanted.first(size);
    auto front = resident_at(each.location);
    if (!front.empty()) {
      front = front.first(std::min(front.size(), wanted.size()));
    } else {
      auto got = from->bytes().read_resident_at(offset, wanted);
      if (!got) {
        found.what = resolved_key::kind::failed;
        found.error = to_failure(got.error());
        return found;
      }
      front = wanted.first(*got);
    }
    auto match = storage::match_record(*from, offset, front, key);
    if (!match) {
      found.what = resolved_key::kind::failed;
      found.error = to_failure(match.error());
      return found;
    }
    switch (match->what) {
      case match_kind::incomplete:
        found.what = resolved_key::kind::elsewhere;
        return found;
      case match_kind::other_key:
        continue;
      case match_kind::deletion:
        found.what = resolved_key::kind::deleted;
        return found;
      case match_kind::same_key:
        if (each.is_deletion) {
          found.what = resolved_key::kind::deleted;
          return found;
        }
        found.what = resolved_key::kind::found;
        found.entry = match->entry;
        found.record = wanted.first(std::min<std::size_t>(
          front.size(), match->entry.location.size_bytes));
        if (front.data() != wanted.data())
          std::memcpy(wanted.data(), front.data(), found.record.size());
        return found;
    }
  }
  return found;
}

resolved_key to_resolved(const record_found& found) {
  resolved_key known;
  known.entry = found.entry;
  known.segment = found.segment;
  known.record = found.record;
  known.error = found.error;
  if (found.error.code != outcome::ok)
    known.what = resolved_key::kind::failed;
  else if (found.what == record_found::kind::found)
    known.what = resolved_key::kind::found;
  else if (found.what == record_found::kind::deleted)
    known.what = resolved_key::kind::deleted;
  return known;
}

std::span<std::byte> shard::head_buffer(std::string_view key) {
  auto bytes = storage::match_bytes(key);
  if (head_buffer_.size() < bytes)
    head_buffer_.resize(bytes);
  return std::span{head_buffer_}.first(bytes);
}

void shard::resolve_cold(std::span<const storage::index_candidate> candidates,
                         std::string_view key, std::uint64_t whole_bytes_max,
                         std::function<void(const record_found&)> then) {
  ++figures_.cold_reads;
  find_record request;
  request.key = key;
  request.whole_bytes_max = whole_bytes_max;
  request.candidates.reserve(candidates.size());
  for (const auto& each : candidates)
    request.candidates.push_back(
      {segment_of(each.location.segment), each.location, each.is_deletion});
  caf_compat::ask(this, next_reader(), std::move(request))
    .then(
      [this, then](const record_found& found) {
        then(found);
        end_turn();
      },
      [this, then](const caf::error&) {
        record_found refused;
        refused.error = make_failure(outcome::shutting_down,
                                     "the node is closing; nothing was read");
        then(refused);
        end_turn();
      });
}

const reader_actor& shard::next_reader() {
  return args_.readers[next_reader_++ % args_.readers.size()];
}

// -- replacing ---------------------------------------------------------------

void shard::apply_record(const published_record& record,
                         const std::optional<storage::index_entry>& replaced) {
  // An evaluation has just found out what its record replaces. It may have
  // been moved since.
  if (must_hide(record) || !replaced || !exchange(record, *replaced))
    find_and_replace(record);
  if (record.type != storage::record_type::put) {
    if (record.notes.was_made)
      note_made(record.key, record.entry.sequence);
    return;
  }
  note_expiry(record.hash, record.entry);
  if (record.notes.is_unnoticed)
    note_unnoticed(record, replaced);
  else if (!watches_.empty())
    note_made(record.key, record.entry.sequence);
}

bool shard::must_hide(const published_record& record) const {
  return record.type != storage::record_type::put
         && (unsettled_hashes_.contains(record.hash)
             || inexact_hashes_.contains(record.hash));
}

bool shard::exchange(const published_record& record,
                     const storage::index_entry& older) {
  auto is_put = record.type == storage::record_type::put;
  auto done
    = is_put ? index_.move(record.hash, older.location, record.entry.location)
             : index_.remove(record.hash, older.location);
  if (!done)
    return false;
  if (is_put && !record.notes.was_alive && has_expired(older))
    note_expired(record.key, older);
  forget_expiry(older);
  if (!is_put)
    --key_count_;
  return true;
}

void shard::note_expiry(storage::key_hash hash,
                        const storage::index_entry& entry) {
  if (entry.expires_at == 0)
    return;
  expiries_.add(entry.expires_at);
  expiring_.add({hash, entry.location, entry.expires_at});
}

void shard::forget_expiry(const storage::index_entry& entry) {
  if (entry.expires_at != 0)
    expiries_.remove(entry.expires_at);
}

void shard::find_and_replace(const published_record& record) {
  candidates_.clear();
  index_.find(record.hash, candidates_);
  if (must_hide(record))
    return settle_later(record);
  resolved_key older;
  if (!candidates_.empty())
    older = resolve_now(candidates_, record.key, head_buffer(record.key));
  switch (older.what) {
    case resolved_key::kind::absent:
    case resolved_key::kind::deleted:
      if (record.type != storage::record_type::put)
        return;
      index_.insert(record.hash, record.entry.location);
      ++key_count_;
      return;
    case resolved_key::kind::found:
      exchange(record, older.entry);
      return;
    case resolved_key::kind::failed:
    case resolved_key::kind::elsewhere:
      return settle_later(record);
  }
}

void shard::settle_later(const published_record& record) {
  // Reckoned as if there were an older record of the key, which is nearly
  // certain; `settle` puts right what was wrong.
  auto is_put = record.type == storage::record_type::put;
  if (is_put) {
    index_.insert(record.hash, record.entry.location);
  } else {
    --key_count_;
    index_.insert_deletion(record.hash, record.entry.location);
  }
  auto id = ++last_unsettled_;
  unsettled_.emplace(
    id, unsettled_record{record.hash, record.entry.location, is_put, flushes_,
                         std::string{record.key}, record.notes.was_alive,
                         args_.clock->now()});
  unsettled_hashes_[record.hash].push_back(id);
  resolve_cold(candidates_, record.key, 0,
               [this, id](const record_found& found) { settle(id, found); });
}

void shard::settle(std::uint64_t id, const record_found& found) {
  auto& answered = unsettled_.at(id);
  auto hash = answered.hash;
  answered.found = found;
  settle_in_order(hash);
  while (!held_moves_.empty()
         && !touches_unsettled(held_moves_.front().message)) {
    auto next = std::move(held_moves_.front());
    held_moves_.pop_front();
    next.promise.deliver(apply(next.message));
  }
  answer_marks();
}

/// READERS answer in any order. A deletion must not go before what it hides:
/// that is what older records were found to replace, too.
void shard::settle_in_order(storage::key_hash hash) {
  for (auto open = unsettled_hashes_.find(hash);
       open != unsettled_hashes_.end(); open = unsettled_hashes_.find(hash)) {
    auto id = open->second.front();
    auto it = unsettled_.find(id);
    if (!it->second.found)
      return;
    open->second.erase(open->second.begin());
    if (open->second.empty())
      unsettled_hashes_.erase(open);
    auto record = std::move(it->second);
    unsettled_.erase(it);
    settle(id, record);
  }
}

void shard::settle(std::uint64_t id, const unsettled_record& record) {
  const auto& found = *record.found;
  auto has_older = found.what == record_found::kind::found;
  auto is_known = found.error.code == outcome::ok;
  is_exact_ = is_exact_ && is_known;
  if (!is_known && record.flushes == flushes_)
    inexact_hashes_.insert(record.hash);
  std::int64_t correction = is_known && !has_older ? 1 : 0;
  // A flush has taken everything that was there.
  if (record.flushes == flushes_) {
    key_count_ = static_cast<std::uint64_t>(
      static_cast<std::int64_t>(key_count_) + correction);
    if (has_older) {
      index_.remove(record.hash, found.entry.location);
      if (record.is_put && !record.was_alive
          && found.entry.expired_at(record.applied_at))
        note_expired(record.key, found.entry);
      forget_expiry(found.entry);
    }
    // What could not be read, now or by an earlier overwrite, is nearly
    // certainly an older record of the key: its deletion goes on hiding it.
    if (!record.is_put && !inexact_hashes_.contains(record.hash))
      index_.remove(record.hash, record.location);
  }
  settle_counts(id, correction);
}

} // namespace kvs::actors
