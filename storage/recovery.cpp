#include "storage/recovery.hpp"

#include "storage/checkpoint.hpp"
#include "storage/directory_check.hpp"
#include "storage/key_hash.hpp"
#include "storage/planted_bugs.hpp"
#include "storage/random.hpp"
#include "storage/recovery_opening.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace kvs::storage {
namespace {

/// Epochs that fit above the counting bits of a sequence number.
constexpr std::uint32_t epoch_max
  = (std::uint32_t{1} << (64 - sequence_epoch_shift)) - 1;

} // namespace

result<recovered_store> opening::run() {
  using step = result<ok> (opening::*)();
  constexpr step steps[] = {
    &opening::inspect_directory,
    &opening::lock_directory,
    &opening::read_state,
    &opening::judge_unlisted,
    &opening::load_unsealed_segments,
    &opening::load_checkpoint,
    &opening::load_sealed_segments,
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

/// Before the lock, which is a file that is written.
result<ok> opening::inspect_directory() {
  return check_directory(*files_, options_.directory);
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
  if (is_planted(planted_bug::believe_wall_clock))
    store_.now = options_.wall_clock;
  make_shards();
  return ok{};
}

void opening::make_shards() {
  store_.shards.clear();
  for (std::uint32_t i = 0; i < options_.shard_count; ++i)
    store_.shards.push_back(
      {index{first_partition(i, options_.shard_count),
             first_partition(i + 1, options_.shard_count)},
       {}});
}

/// The MANIFEST comes first, so that segment files without one, which
/// `inspect_directory` refuses, always mean that it was lost.
result<ok> opening::begin_new_store() {
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

/// From here on files change.
result<ok> opening::settle_tails() {
  for (unsealed_tail& tail : tails_) {
    // Marks and a seal alone are nothing that anybody stored.
    if (tail.entry.max_sequence == 0)
      continue;
    auto settled = settle_tail(*files_, tail);
    if (!settled)
      return settled.error();
    // Without it the next start is slower, nothing else.
    (void)tail.hint.write(*files_, options_.directory, tail.entry);
    store_.sealed.push_back(*std::move(settled));
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
  if (is_planted(planted_bug::reuse_sequence))
    state.epoch = 1;
  state.persisted_time = store_.now;
  state.next_segment = found_.next_segment;
  const bool still_matters
    = std::any_of(state.segments.begin(), state.segments.end(),
                  [&](const segment_entry& entry) {
                    return entry.min_sequence != 0
                           && entry.min_sequence < found_.flushed_below;
                  });
  state.flushed_below = still_matters ? found_.flushed_below : 0;
  if (is_planted(planted_bug::forget_flush))
    state.flushed_below = 0;
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
  // A start must succeed on a full disk, too: the first two segments grow as
  // they are written.
  auto created = create_segment(*files_, options_.directory, header, 0);
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
  // The new MANIFEST alone makes it stale; that it is gone before the first
  // write needs no reasoning.
  if (!is_planted(planted_bug::believe_old_checkpoint))
    if (auto gone = remove_checkpoint(*files_, options_.directory); !gone)
      return gone;
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

result<recovered_store> open_store(std::shared_ptr<file_system> files,
                                   const recovery_options& options) {
  assert(options.shard_count != 0);
  return opening{std::move(files), options}.run();
}

} // namespace kvs::storage
