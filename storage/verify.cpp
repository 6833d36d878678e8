#include "storage/verify.hpp"

#include "storage/hint_file.hpp"
#include "storage/store_files.hpp"
#include "storage/store_survey.hpp"

#include <algorithm>
#include <utility>

namespace kvs::storage {
namespace {

class verification {
public:
  verification(file_system& files, surveyed_store store,
               const std::function<void(const recovery_progress&)>& progress)
    : files_{files}, store_{std::move(store)}, progress_{progress} {
    report_.damages = store_.damages;
  }

  result<verify_report> run();

private:
  result<ok> verify(const segment_entry& entry);
  result<ok> read_records(const segment_ptr& from, const segment_entry& entry,
                          const segment_extent& extent);
  result<ok> check_predecessor(const segment_entry& entry,
                               const segment_extent& extent);
  result<bool> is_still_listed(const segment_entry& entry);
  result<ok> check_unlisted();
  result<bool> is_known(segment_id id);
  void tell_progress(std::uint64_t more_bytes);

  file_system& files_;
  surveyed_store store_;
  const std::function<void(const recovery_progress&)>& progress_;
  recovery_progress so_far_;
  verify_report report_;
  /// The first segment without a seal that is not sealed.
  segment_ptr incomplete_;
};

result<verify_report> verification::run() {
  for (const segment_entry& entry : store_.segments)
    so_far_.bytes_total += entry.end_bytes;
  for (const segment_entry& entry : store_.segments)
    if (auto done = verify(entry); !done)
      return done.error();
  if (store_.state)
    if (auto done = check_unlisted(); !done)
      return done.error();
  return std::move(report_);
}

result<ok> verification::verify(const segment_entry& entry) {
  auto opened = open_for_survey(files_, store_, entry, report_.damages);
  if (!opened)
    return opened.error();
  if (*opened == nullptr) {
    auto listed = is_still_listed(entry);
    if (!listed)
      return listed.error();
    if (*listed)
      report_.damages.push_back(
        {store_.directory + "/" + segment_file_name(entry.id, entry.kind), 0,
         entry.end_bytes, "the MANIFEST lists it, but it is missing"});
    return ok{};
  }
  auto extent = extent_of(*opened, entry, store_.state.has_value());
  if (!extent)
    return extent.error();
  if (auto read = read_records(*opened, entry, *extent); !read)
    return read;
  if (entry.sealed || !store_.state)
    return ok{};
  if (extent->torn_bytes != 0)
    report_.notes.push_back(
      (*opened)->bytes().path() + " offset " + std::to_string(extent->end_bytes)
      + ": " + std::to_string(extent->torn_bytes)
      + " bytes behind the last record, a torn tail or a write under way");
  if (auto fits = check_predecessor(entry, *extent); !fits)
    return fits;
  if (!extent->is_complete && incomplete_ == nullptr)
    incomplete_ = *opened;
  return ok{};
}

result<ok> verification::read_records(const segment_ptr& from,
                                      const segment_entry& entry,
                                      const segment_extent& extent) {
  segment_survey survey{from, extent.synced_bytes, extent.limit_bytes};
  segment_entry found;
  std::uint64_t told = 0;
  while (true) {
    auto record = survey.next();
    if (!record)
      return record.error();
    if (!*record)
      break;
    const surveyed_record& each = **record;
    count_record(found, each.head, each.location.size_bytes);
    if (each.head.type == record_type::put
        || each.head.type == record_type::tombstone)
      report_.records += each.is_whole ? 1 : 0;
    if (each.location.offset_bytes - told > mebibyte) {
      tell_progress(each.location.offset_bytes - told);
      told = each.location.offset_bytes;
    }
  }
  ++report_.segments;
  report_.bytes += survey.end_bytes();
  const bool damaged = !survey.damages().empty();
  report_.damages.insert(report_.damages.end(), survey.damages().begin(),
                         survey.damages().end());
  if (!entry.sealed)
    return ok{};
  tell_progress(entry.end_bytes - std::min(told, entry.end_bytes));
  if (!damaged
      && (found.record_count != entry.record_count
          || found.tombstone_count != entry.tombstone_count
          || found.min_sequence != entry.min_sequence
          || found.max_sequence != entry.max_sequence))
    report_.damages.push_back({from->bytes().path(), 0, entry.end_bytes,
                               "it does not hold what the MANIFEST says"});
  if (open_hint_file(files_, store_.directory, entry) == nullptr)
    report_.notes.push_back(from->bytes().path()
                            + ": its hint file is missing or does not fit");
  return ok{};
}

/// Nothing in a segment is synced before its predecessor is complete.
result<ok> verification::check_predecessor(const segment_entry& entry,
                                           const segment_extent& extent) {
  if (incomplete_ == nullptr || extent.synced_bytes <= segment_header_bytes)
    return ok{};
  // It may have been completed since it was looked at.
  segment_entry before = entry;
  before.id = incomplete_->id();
  auto again = extent_of(incomplete_, before, true);
  if (!again)
    return again.error();
  if (!again->is_complete)
    report_.damages.push_back({incomplete_->bytes().path(),
                               again->end_bytes,
                               again->end_bytes,
                               "the end of this segment is missing",
                               {},
                               again->last_key});
  return ok{};
}

result<bool> verification::is_still_listed(const segment_entry& entry) {
  auto now = read_manifest(files_, store_.directory);
  if (!now)
    return now.error();
  if (!*now)
    return false;
  const auto& all = (*now)->segments;
  return std::any_of(all.begin(), all.end(), [&](const segment_entry& each) {
    return each.id == entry.id;
  });
}

/// A log that no MANIFEST has ever listed must be empty.
result<ok> verification::check_unlisted() {
  auto names = files_.list(store_.directory);
  if (!names)
    return names.error();
  auto now = read_manifest(files_, store_.directory);
  if (!now)
    return now.error();
  if (!*now)
    return ok{};
  for (const store_file& each : unlisted_files(*names, **now)) {
    auto may = may_be_deleted(files_, store_.directory, each, **now);
    if (may || may.error().code == errc::not_found)
      continue;
    if (may.error().code != errc::corrupt)
      return may;
    // One that was begun a moment ago is listed before it has records.
    auto known = is_known(each.id);
    if (!known)
      return known.error();
    if (!*known)
      report_.damages.push_back(
        {store_.directory + "/" + each.name, segment_header_bytes,
         segment_header_bytes,
         "it holds records, but the MANIFEST does not know it"});
  }
  return ok{};
}

/// Whether the id was given out by now.
result<bool> verification::is_known(segment_id id) {
  auto now = read_manifest(files_, store_.directory);
  if (!now)
    return now.error();
  return *now && id < (*now)->next_segment;
}

void verification::tell_progress(std::uint64_t more_bytes) {
  so_far_.bytes_done += more_bytes;
  so_far_.records = report_.records;
  if (progress_)
    progress_(so_far_);
}

} // namespace

result<verify_report>
verify_store(file_system& files, const std::string& directory,
             const std::function<void(const recovery_progress&)>& progress) {
  auto store = find_store(files, directory);
  if (!store)
    return store.error();
  return verification{files, *std::move(store), progress}.run();
}

} // namespace kvs::storage
