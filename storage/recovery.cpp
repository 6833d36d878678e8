#include "storage/recovery.hpp"

#include "storage/hint_merge.hpp"
#include "storage/key_hash.hpp"
#include "storage/random.hpp"
#include "storage/segment_loader.hpp"
#include "storage/store_files.hpp"

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>

namespace kvs::storage {
namespace {

/// Epochs that fit above the counting bits of a sequence number.
constexpr std::uint32_t epoch_max
  = (std::uint32_t{1} << (64 - sequence_epoch_shift)) - 1;

/// One start of a store. The steps of `run` are in the order of its calls:
/// first everything is read and judged, then the tail is settled and the new
/// segments are created, then the MANIFEST is replaced, and only then what it
/// no longer lists is deleted. So it may be cut off anywhere.
class opening {
public:
  opening(std::shared_ptr<file_system> files, const recovery_options& options)
    : files_{std::move(files)}, options_{options} {
  }

  result<recovered_store> run();

private:
  result<ok> lock_directory();
  result<ok> read_state();
  result<ok> begin_new_store();
  result<ok> judge_unlisted();
  result<ok> load_sealed_segments();
  result<ok> load_unsealed_segments();
  result<ok> load_unsealed_segment(const segment_entry& entry);
  result<ok> refuse_if_synced(const segment_ptr& later);
  void add_hints(std::unique_ptr<hint_source> hints);
  result<ok> fill_shards();
  result<ok> settle_tails();
  result<ok> raise_epoch();
  result<segment_ptr> create_log(sequence_number base);
  result<ok> install();
  void delete_unlisted();
  void run(const work_units& units, const std::function<void()>& after_each);
  void tell_progress(std::uint64_t more_bytes);

  std::shared_ptr<file_system> files_;
  const recovery_options& options_;
  recovered_store store_{key_hasher{0}};
  /// The MANIFEST as it was found.
  manifest found_;
  std::vector<store_file> unlisted_;
  /// What all segments hold, in no order.
  std::vector<std::unique_ptr<hint_source>> hints_;
  std::vector<unsealed_tail> tails_;
  /// The first unsealed segment that lacks its seal: whatever follows it was
  /// never acknowledged.
  std::optional<log_position> incomplete_;
  std::string incomplete_path_;
  recovery_progress progress_;
};

result<recovered_store> opening::run() {
  using step = result<ok> (opening::*)();
  constexpr step steps[] = {
    &opening::lock_directory,
    &opening::read_state,
    &opening::judge_unlisted,
    &opening::load_sealed_segments,
    &opening::load_unsealed_segments,
    &opening::fill_shards,
    &opening::settle_tails,
    &opening::raise_epoch,
    &opening::install,
  };
  for (const step next : steps)
    if (auto done = (this->*next)(); !done)
      return done.error();
  delete_unlisted();
  return std::move(store_);
}

result<ok> opening::lock_directory() {
  if (auto made = files_->create_directory(options_.directory); !made)
    return made;
  auto lock = files_->lock(options_.directory + "/LOCK");
  if (!lock)
    return lock.error();
  store_.lock = *std::move(lock);
  return ok{};
}

result<ok> opening::read_state() {
  auto read = read_manifest(*files_, options_.directory);
  if (!read)
    return read.error();
  if (*read)
    found_ = **std::move(read);
  else if (auto begun = begin_new_store(); !begun)
    return begun;
  store_.hasher = key_hasher{found_.hash_seed, options_.hash_bits};
  store_.now = std::max(options_.wall_clock, found_.persisted_time);
  for (std::uint32_t i = 0; i < options_.shard_count; ++i)
    store_.shards.push_back(
      {index{first_partition(i, options_.shard_count),
             first_partition(i + 1, options_.shard_count)},
       {}});
  return ok{};
}

/// The MANIFEST comes first, so that segment files without one always mean
/// that it was lost.
result<ok> opening::begin_new_store() {
  auto names = files_->list(options_.directory);
  if (!names)
    return names.error();
  for (const std::string& name : *names)
    if (const auto known = recognise(name);
        known && known->kind != store_file_kind::temporary)
      return error{errc::corrupt, 0,
                   options_.directory + "/" + name
                     + " offset 0: a segment, but the directory has no "
                       "MANIFEST"};
  found_.store_id = random_number();
  found_.hash_seed = random_number();
  found_.next_segment = segment_id{1};
  store_.report.created = true;
  return write_manifest(*files_, options_.directory, found_);
}

result<ok> opening::judge_unlisted() {
  auto names = files_->list(options_.directory);
  if (!names)
    return names.error();
  unlisted_ = unlisted_files(*names, found_);
  for (const store_file& candidate : unlisted_)
    if (auto may
        = may_be_deleted(*files_, options_.directory, candidate, found_);
        !may)
      return may;
  return ok{};
}

/// Segments stand for themselves, so each is a unit of work.
result<ok> opening::load_sealed_segments() {
  struct outcome {
    const segment_entry* entry = nullptr;
    segment_ptr handle;
    result<loaded_hints> loaded{loaded_hints{}};
  };
  std::vector<outcome> outcomes;
  for (const segment_entry& entry : found_.segments) {
    progress_.bytes_total += entry.end_bytes;
    if (entry.sealed)
      outcomes.push_back({&entry, nullptr});
  }
  work_units units;
  for (outcome& each : outcomes)
    units.emplace_back([this, &each] {
      auto opened = open_listed(*files_, options_.directory, found_.store_id,
                                *each.entry);
      if (!opened) {
        each.loaded = opened.error();
        return;
      }
      each.handle = *std::move(opened);
      each.loaded = load_sealed(*files_, options_.directory, each.handle,
                                *each.entry, store_.hasher);
    });
  const std::uint64_t step
    = units.empty() ? 0 : progress_.bytes_total / units.size();
  run(units, [&] { tell_progress(step); });
  for (outcome& each : outcomes) {
    if (!each.loaded)
      return each.loaded.error();
    store_.report.segments_from_hints += each.loaded->was_there ? 1 : 0;
    store_.sealed.push_back(each.handle);
    store_.state.segments.push_back(*each.entry);
    add_hints(std::move(each.loaded->hints));
  }
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
  auto opened
    = open_listed(*files_, options_.directory, found_.store_id, entry);
  if (!opened)
    return opened.error();
  if (incomplete_)
    return refuse_if_synced(*opened);
  auto tail = load_unsealed(*opened, entry, store_.hasher);
  if (!tail)
    return tail.error();
  if (!tail->complete) {
    incomplete_ = log_position{entry.id, tail->entry.end_bytes};
    incomplete_path_ = (*opened)->bytes().path();
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
    return error{errc::corrupt, 0,
                 incomplete_path_ + " offset "
                   + std::to_string(incomplete_->offset_bytes)
                   + ": the end of this segment is missing"};
  if (verdict->torn_bytes != 0) {
    store_.report.torn_bytes += verdict->torn_bytes;
    store_.report.torn_file = later->bytes().path();
  }
  return ok{};
}

/// Shards are independent of each other, so each is a unit of work.
result<ok> opening::fill_shards() {
  const merge_rule rule{found_.flushed_below, store_.now};
  std::vector<result<ok>> outcomes(store_.shards.size(), ok{});
  work_units units;
  for (std::size_t i = 0; i < store_.shards.size(); ++i)
    units.emplace_back([this, i, &rule, &outcomes] {
      recovered_shard& shard = store_.shards[i];
      outcomes[i] = merge_hints(hints_, rule, shard.keys, shard.expiring);
    });
  run(units, [this] { tell_progress(0); });
  hints_.clear();
  for (std::size_t i = 0; i < store_.shards.size(); ++i) {
    if (!outcomes[i])
      return outcomes[i];
    store_.report.keys += store_.shards[i].keys.size();
  }
  store_.report.records = progress_.records;
  return ok{};
}

/// From here on files change.
result<ok> opening::settle_tails() {
  for (unsealed_tail& tail : tails_) {
    // Marks and a seal alone are nothing that anybody stored.
    if (tail.entry.max_sequence == 0)
      continue;
    if (auto settled = settle_tail(tail); !settled)
      return settled;
    // Without it the next start is slower, nothing else.
    (void)tail.hint.write(*files_, options_.directory, tail.entry);
    store_.sealed.push_back(tail.handle);
    store_.state.segments.push_back(tail.entry);
  }
  store_.report.segments = store_.sealed.size();
  return ok{};
}

/// Fills in the new MANIFEST but for the two new segments.
result<ok> opening::raise_epoch() {
  if (found_.epoch >= epoch_max)
    return error{errc::io_failed, 0,
                 options_.directory + ": no sequence numbers are left"};
  manifest& state = store_.state;
  state.store_id = found_.store_id;
  state.hash_seed = found_.hash_seed;
  state.generation = found_.generation + 1;
  state.epoch = found_.epoch + 1;
  state.persisted_time = store_.now;
  state.next_segment = found_.next_segment;
  const bool still_matters
    = std::any_of(state.segments.begin(), state.segments.end(),
                  [&](const segment_entry& entry) {
                    return entry.min_sequence != 0
                           && entry.min_sequence < found_.flushed_below;
                  });
  state.flushed_below = still_matters ? found_.flushed_below : 0;
  store_.last_sequence = std::uint64_t{state.epoch} << sequence_epoch_shift;
  return ok{};
}

result<segment_ptr> opening::create_log(sequence_number base) {
  manifest& state = store_.state;
  segment_header header;
  header.id = state.next_segment;
  header.store_id = state.store_id;
  header.context.identity = random_identity();
  header.context.base_sequence = base;
  // Remains of an earlier start may be in the way; `judge_unlisted` has found
  // them empty.
  const std::string path = options_.directory + "/"
                           + segment_file_name(header.id, segment_kind::log);
  if (auto gone = files_->unlink(path);
      !gone && gone.error().code != errc::not_found)
    return gone.error();
  auto created = create_segment(*files_, options_.directory, header,
                                options_.allocate_bytes);
  if (!created)
    return created;
  segment_entry entry;
  entry.id = header.id;
  entry.identity = header.context.identity;
  entry.base_sequence = base;
  state.segments.push_back(entry);
  state.next_segment = segment_id{static_cast<std::uint32_t>(header.id) + 1};
  return created;
}

result<ok> opening::install() {
  auto active = create_log(store_.last_sequence + 1);
  if (!active)
    return active.error();
  auto next = create_log(store_.last_sequence + 1);
  if (!next)
    return next.error();
  if (auto synced = files_->sync_directory(options_.directory); !synced)
    return synced;
  if (auto written = write_manifest(*files_, options_.directory, store_.state);
      !written)
    return written;
  store_.active = *std::move(active);
  store_.next = *std::move(next);
  return ok{};
}

/// What cannot be deleted now is found again by the next start.
void opening::delete_unlisted() {
  auto names = files_->list(options_.directory);
  if (!names)
    return;
  for (const store_file& file : unlisted_files(*names, store_.state))
    if (files_->unlink(options_.directory + "/" + file.name))
      store_.report.deleted_files.push_back(file.name);
  if (!store_.report.deleted_files.empty())
    (void)files_->sync_directory(options_.directory);
}

void opening::run(const work_units& units,
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

} // namespace

result<recovered_store> open_store(std::shared_ptr<file_system> files,
                                   const recovery_options& options) {
  assert(options.shard_count != 0);
  return opening{std::move(files), options}.run();
}

} // namespace kvs::storage
