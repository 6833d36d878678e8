#include "storage/salvage.hpp"

#include "storage/compaction.hpp"
#include "storage/directory_check.hpp"
#include "storage/random.hpp"
#include "storage/store_survey.hpp"

#include <algorithm>
#include <utility>

namespace kvs::storage {
namespace {

class salvaging {
public:
  salvaging(std::shared_ptr<file_system> files, surveyed_store from,
            const std::string& to,
            const std::function<void(const recovery_progress&)>& progress)
    : files_{std::move(files)}, from_{std::move(from)}, to_{to},
      progress_{progress}, hasher_{random_number()} {
    report_.lost = from_.damages;
  }

  result<salvage_report> run();

private:
  result<ok> begin();
  result<ok> take(const segment_entry& entry);
  result<ok> copy_records(const segment_ptr& from, const segment_extent& extent,
                          relocation_writer& output);
  result<ok> keep(const segment_ptr& from, const surveyed_record& record,
                  relocation_writer& output);
  result<ok> install();

  std::shared_ptr<file_system> files_;
  surveyed_store from_;
  const std::string& to_;
  const std::function<void(const recovery_progress&)>& progress_;
  std::unique_ptr<directory_lock> lock_;
  manifest state_;
  key_hasher hasher_;
  sequence_number max_sequence_ = 0;
  recovery_progress so_far_;
  salvage_report report_;
};

result<salvage_report> salvaging::run() {
  if (auto begun = begin(); !begun)
    return begun.error();
  for (const segment_entry& entry : from_.segments)
    if (auto taken = take(entry); !taken)
      return taken.error();
  if (auto installed = install(); !installed)
    return installed.error();
  return std::move(report_);
}

result<ok> salvaging::begin() {
  if (auto checked = check_new_directory(*files_, to_); !checked)
    return checked;
  if (auto made = files_->create_directory(to_); !made)
    return made;
  auto lock = files_->lock(to_ + "/LOCK");
  if (!lock)
    return lock.error();
  lock_ = *std::move(lock);
  // Whoever had the lock before may have made a store.
  if (auto checked = check_new_directory(*files_, to_); !checked)
    return checked;
  state_.store_id = random_number();
  const std::uint64_t seed = random_number();
  state_.hash_seed = seed;
  hasher_ = key_hasher{seed};
  state_.generation = 1;
  if (from_.state) {
    state_.epoch = from_.state->epoch;
    state_.persisted_time = from_.state->persisted_time;
    state_.flushed_below = from_.state->flushed_below;
  } else {
    report_.notes.emplace_back(
      "without the MANIFEST every segment file is taken: keys that were "
      "deleted long ago may be back");
  }
  for (const segment_entry& entry : from_.segments)
    so_far_.bytes_total += entry.end_bytes;
  return ok{};
}

result<ok> salvaging::take(const segment_entry& entry) {
  auto opened = open_for_survey(*files_, from_, entry, report_.lost);
  if (!opened)
    return opened.error();
  if (*opened == nullptr) {
    report_.lost.push_back(
      {from_.directory + "/" + segment_file_name(entry.id, entry.kind), 0,
       entry.end_bytes, "the file is missing"});
    return ok{};
  }
  auto extent = extent_of(*opened, entry, from_.state.has_value());
  if (!extent)
    return extent.error();
  if (extent->torn_bytes != 0)
    report_.notes.push_back((*opened)->bytes().path() + " offset "
                            + std::to_string(extent->end_bytes)
                            + ": a torn tail was left out");
  auto output = relocation_writer::create(files_, to_, entry.id,
                                          state_.store_id, 0, hasher_);
  if (!output)
    return output.error();
  if (auto copied = copy_records(*opened, *extent, **output); !copied)
    return copied;
  ++report_.segments;
  if ((*output)->end_bytes() == segment_header_bytes) {
    (*output)->abandon();
    return ok{};
  }
  auto finished = (*output)->finish();
  if (!finished)
    return finished.error();
  state_.segments.push_back(finished->entry);
  return ok{};
}

result<ok> salvaging::copy_records(const segment_ptr& from,
                                   const segment_extent& extent,
                                   relocation_writer& output) {
  segment_survey survey{from, extent.synced_bytes, extent.limit_bytes};
  std::uint64_t told = 0;
  while (true) {
    auto record = survey.next();
    if (!record)
      return record.error();
    if (!*record)
      break;
    if (auto kept = keep(from, **record, output); !kept)
      return kept;
    const std::uint64_t at = (*record)->location.offset_bytes;
    if (at - told > mebibyte && progress_) {
      so_far_.bytes_done += at - told;
      so_far_.records = report_.records;
      told = at;
      progress_(so_far_);
    }
  }
  report_.lost.insert(report_.lost.end(), survey.damages().begin(),
                      survey.damages().end());
  return ok{};
}

result<ok> salvaging::keep(const segment_ptr& from,
                           const surveyed_record& record,
                           relocation_writer& output) {
  const record_head& head = record.head;
  switch (head.type) {
    case record_type::put:
    case record_type::tombstone:
      break;
    case record_type::flush:
      state_.flushed_below = std::max(state_.flushed_below, head.sequence);
      [[fallthrough]];
    default:
      max_sequence_ = std::max(max_sequence_, head.sequence);
      return ok{};
  }
  max_sequence_ = std::max(max_sequence_, head.sequence);
  // Without its newest value the key must not show an older one.
  auto place = record.is_whole
                 ? output.copy(from, {head, record.location, record.key})
                 : output.add_tombstone(record.key, head.sequence);
  if (!place)
    return place.error();
  report_.records += record.is_whole ? 1 : 0;
  return ok{};
}

/// Last, so that an unfinished copy is never taken for a store.
result<ok> salvaging::install() {
  std::uint32_t last = 0;
  for (const segment_entry& entry : from_.segments) {
    last = std::max(last, static_cast<std::uint32_t>(entry.id));
    // Every start begins a log, whether records of it are left or not.
    max_sequence_ = std::max(max_sequence_, entry.base_sequence);
  }
  // The first start of the copy goes on with the epoch after this one.
  const auto epoch
    = static_cast<std::uint32_t>(max_sequence_ >> sequence_epoch_shift);
  state_.epoch = std::max(state_.epoch, epoch);
  state_.next_segment = segment_id{last + 1};
  return write_manifest(*files_, to_, state_);
}

} // namespace

result<salvage_report>
salvage_store(std::shared_ptr<file_system> files,
              const std::string& from_directory,
              const std::string& to_directory,
              const std::function<void(const recovery_progress&)>& progress) {
  auto from = find_store(*files, from_directory);
  if (!from)
    return from.error();
  // A medium that cannot be written has no node on it either.
  auto lock = files->lock(from_directory + "/LOCK");
  if (!lock && lock.error().code == errc::locked)
    return lock.error();
  return salvaging{std::move(files), *std::move(from), to_directory, progress}
    .run();
}

} // namespace kvs::storage
