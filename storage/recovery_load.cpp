// How a start reads what is there: segments, hints, indexes. Nothing changes.

#include "storage/checkpoint.hpp"
#include "storage/hint_merge.hpp"
#include "storage/recovery_opening.hpp"

#include <algorithm>
#include <utility>

namespace kvs::storage {
namespace {

/// The outcome of a unit before it is run, and of one that never was.
error not_done(const std::string& directory) {
  return {errc::io_failed, 0,
          directory + ": a part of the store was not read; nothing changed"};
}

} // namespace

/// Segments stand for themselves, so each is a unit of work.
result<ok> opening::load_sealed_segments() {
  struct outcome {
    const segment_entry* entry = nullptr;
    segment_ptr handle;
    result<loaded_hints> loaded;
  };
  std::vector<outcome> outcomes;
  std::uint64_t bytes = 0;
  for (const segment_entry& entry : found_.segments)
    if (entry.sealed) {
      bytes += entry.end_bytes;
      outcomes.push_back({&entry, nullptr, not_done(options_.directory)});
    }
  progress_.bytes_total += bytes;
  work_units units;
  for (outcome& each : outcomes)
    units.emplace_back([this, &each] {
      each.loaded = load_sealed_segment(*each.entry, each.handle);
    });
  std::uint64_t done = 0;
  run_units(units, [&] {
    // Which one it was does not matter to who watches.
    const std::uint64_t before = bytes * done / units.size();
    tell_progress(bytes * ++done / units.size() - before);
  });
  for (outcome& each : outcomes) {
    if (!each.loaded)
      return each.loaded.error();
    store_.report.segments_from_hints += each.loaded->was_there ? 1 : 0;
    store_.sealed.push_back(each.handle);
    store_.state.segments.push_back(*each.entry);
    if (each.loaded->hints)
      add_hints(std::move(each.loaded->hints));
    else
      progress_.records += each.entry->record_count;
  }
  return ok{};
}

/// Without hints if the index is known already.
result<loaded_hints> opening::load_sealed_segment(const segment_entry& entry,
                                                  segment_ptr& handle) {
  auto opened = open_listed(*files_, options_.directory, found_.store_id, entry,
                            open_mode::read_only);
  if (!opened)
    return opened.error();
  handle = *std::move(opened);
  if (store_.report.from_checkpoint)
    return loaded_hints{};
  return load_sealed(*files_, options_.directory, handle, entry, store_.hasher);
}

/// Whether anything was written behind the MANIFEST's sealed segments.
bool opening::log_goes_on() const {
  return store_.report.torn_bytes != 0
         || std::any_of(tails_.begin(), tails_.end(),
                        [](const unsealed_tail& tail) {
                          return tail.entry.max_sequence != 0;
                        });
}

/// A checkpoint that does not fit in every respect is ignored.
result<ok> opening::load_checkpoint() {
  std::string& why_not = store_.report.checkpoint_ignored;
  const auto found = checkpoint::open(*files_, options_.directory, found_,
                                      store_.shards.size(), why_not);
  if (!found)
    return ok{};
  if (log_goes_on()) {
    why_not = "the log goes on behind it";
    return ok{};
  }
  // Not bools: shards may be loaded at the same time.
  std::vector<char> loaded(store_.shards.size(), 0);
  work_units units;
  for (std::size_t i = 0; i < loaded.size(); ++i) {
    progress_.bytes_total += found->bytes_of(i);
    units.emplace_back([this, i, &found, &loaded] {
      loaded[i] = found->load(i, store_.shards[i], store_.now) ? 1 : 0;
    });
  }
  std::size_t done = 0;
  run_units(units, [&] { tell_progress(found->bytes_of(done++)); });
  if (std::find(loaded.begin(), loaded.end(), 0) != loaded.end()) {
    why_not = "it is damaged";
    make_shards();
    return ok{};
  }
  store_.report.from_checkpoint = true;
  found_.flushed_below = std::max(found_.flushed_below, found->flushed_below());
  return ok{};
}

void opening::add_hints(std::unique_ptr<hint_source> hints) {
  found_.flushed_below = std::max(found_.flushed_below, hints->flushed_below());
  progress_.records += hints->size();
  hints_.push_back(std::move(hints));
}

result<ok> opening::load_unsealed_segments() {
  std::vector<segment_entry> unsealed;
  for (const segment_entry& entry : found_.segments)
    if (!entry.sealed)
      unsealed.push_back(entry);
  std::sort(
    unsealed.begin(), unsealed.end(),
    [](const segment_entry& a, const segment_entry& b) { return a.id < b.id; });
  for (const segment_entry& entry : unsealed)
    if (auto loaded = load_unsealed_segment(entry); !loaded)
      return loaded;
  return ok{};
}

result<ok> opening::load_unsealed_segment(const segment_entry& entry) {
  auto opened = open_listed(*files_, options_.directory, found_.store_id, entry,
                            open_mode::read_write);
  if (!opened)
    return opened.error();
  if (incomplete_)
    return refuse_if_synced(*opened);
  auto tail = load_unsealed(*opened, entry, store_.hasher);
  if (!tail)
    return tail.error();
  if (!tail->complete) {
    const std::uint64_t end = tail->entry.end_bytes;
    incomplete_ = damage{(*opened)->bytes().path(),
                         end,
                         end,
                         "the end of this segment is missing",
                         {},
                         tail->last_key};
  }
  if (tail->torn_bytes != 0) {
    store_.report.torn_bytes += tail->torn_bytes;
    store_.report.torn_file = (*opened)->bytes().path();
  }
  add_hints(tail->hint.source());
  progress_.bytes_total += tail->entry.end_bytes;
  tell_progress(tail->entry.end_bytes);
  tails_.push_back(*std::move(tail));
  return ok{};
}

/// Nothing in a segment is acknowledged before its predecessor is complete
/// and synced. If this one was synced beyond its header, then so was the
/// predecessor's end, which is missing now.
result<ok> opening::refuse_if_synced(const segment_ptr& later) {
  auto size = later->bytes().size_bytes();
  if (!size)
    return size.error();
  auto verdict = judge_tail(*later, segment_header_bytes, *size);
  if (!verdict)
    return verdict.error();
  if (verdict->acknowledged_data_lost)
    return error{errc::corrupt, 0, to_string(*incomplete_)};
  if (verdict->torn_bytes != 0) {
    store_.report.torn_bytes += verdict->torn_bytes;
    store_.report.torn_file = later->bytes().path();
  }
  return ok{};
}

/// Shards are independent of each other, so each is a unit of work.
result<ok> opening::fill_shards() {
  if (store_.report.from_checkpoint)
    return count_keys();
  const merge_rule rule{found_.flushed_below, store_.now};
  std::vector<result<ok>> outcomes(store_.shards.size(),
                                   not_done(options_.directory));
  work_units units;
  for (std::size_t i = 0; i < store_.shards.size(); ++i)
    units.emplace_back([this, i, &rule, &outcomes] {
      recovered_shard& shard = store_.shards[i];
      outcomes[i] = merge_hints(hints_, rule, shard.keys, shard.expiring);
    });
  run_units(units, [this] { tell_progress(0); });
  hints_.clear();
  for (const result<ok>& outcome : outcomes)
    if (!outcome)
      return outcome;
  return count_keys();
}

result<ok> opening::count_keys() {
  for (const recovered_shard& shard : store_.shards)
    store_.report.keys += shard.keys.size();
  store_.report.records = progress_.records;
  return ok{};
}

void opening::run_units(const work_units& units,
                        const std::function<void()>& after_each) {
  if (options_.run_all)
    return options_.run_all(units, after_each);
  for (const auto& unit : units) {
    unit();
    after_each();
  }
}

void opening::tell_progress(std::uint64_t more_bytes) {
  progress_.bytes_done += more_bytes;
  if (options_.progress)
    options_.progress(progress_);
}

} // namespace kvs::storage
