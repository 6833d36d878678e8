#include "storage/restore.hpp"

#include "storage/backup_listing.hpp"
#include "storage/directory_check.hpp"
#include "storage/file_copy.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace kvs::storage {
namespace {

/// 2026-01-01 00:00 UTC in milliseconds.
constexpr timestamp_ms epoch_clock_began = 1'767'225'600'000;
constexpr timestamp_ms ms_per_minute = 60'000;

/// A clock that is far ahead must not use up the numbers of a store: half of
/// all epochs, until 2041, leaves as many starts.
constexpr std::uint64_t epoch_clock_max = std::uint64_t{1} << 23;

std::string name_of(const segment_entry& entry) {
  return segment_file_name(entry.id, entry.kind);
}

damage whole(std::string path, const segment_entry& entry, const char* what) {
  return {std::move(path), 0, entry.end_bytes, what};
}

/// What is wrong with a file of a backup; an empty text: nothing.
result<std::string> fault_of(file_system& files, const backup_listing& listing,
                             std::size_t number, const std::string& path) {
  const segment_entry& entry = listing.state.segments[number];
  auto opened = files.open(path, open_mode::read_only);
  if (!opened) {
    if (opened.error().code == errc::not_found)
      return std::string{"the listing names it, but it is missing"};
    return opened.error();
  }
  auto checksum = checksum_of_file(**opened, entry.end_bytes);
  if (!checksum && checksum.error().code != errc::corrupt)
    return checksum.error();
  if (!checksum)
    return std::string{"the file ends too early"};
  if (*checksum != listing.checksums[number])
    return std::string{"its checksum is not that of the listing"};
  return std::string{};
}

class restoring {
public:
  restoring(std::shared_ptr<file_system> files, const std::string& from,
            const std::string& to,
            const std::function<void(const recovery_progress&)>& progress)
    : files_{std::move(files)}, from_{from}, to_{to}, progress_{progress} {
  }

  result<restore_report> run(timestamp_ms wall_clock);

private:
  result<ok> begin();
  result<ok> copy(std::size_t number);
  result<ok> install(timestamp_ms wall_clock);
  void remove_copies();
  void tell_progress(std::uint64_t more_bytes);

  std::shared_ptr<file_system> files_;
  const std::string& from_;
  const std::string& to_;
  const std::function<void(const recovery_progress&)>& progress_;
  backup_listing listing_;
  /// Paths of the new files.
  std::vector<std::string> made_;
  std::unique_ptr<directory_lock> lock_;
  recovery_progress so_far_;
  restore_report report_;
};

result<restore_report> restoring::run(timestamp_ms wall_clock) {
  if (auto begun = begin(); !begun)
    return begun.error();
  result<ok> done = ok{};
  for (std::size_t i = 0; i < listing_.checksums.size() && done; ++i)
    done = copy(i);
  if (done)
    done = install(wall_clock);
  if (!done) {
    remove_copies();
    return done.error();
  }
  return report_;
}

result<ok> restoring::begin() {
  auto listing = read_backup(*files_, from_);
  if (!listing)
    return listing.error();
  listing_ = *std::move(listing);
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
  for (const segment_entry& entry : listing_.state.segments)
    so_far_.bytes_total += entry.end_bytes;
  return ok{};
}

/// What is in the new file is compared, not what was read for it.
result<ok> restoring::copy(std::size_t number) {
  const segment_entry& entry = listing_.state.segments[number];
  const std::string from = from_ + "/" + name_of(entry);
  const std::string to = to_ + "/" + name_of(entry);
  if (auto copied = copy_file(*files_, from, to, entry.end_bytes); !copied) {
    if (copied.error().code == errc::not_found)
      return error{errc::corrupt, 0,
                   from + ": the listing names it, but it is missing"};
    return copied;
  }
  made_.push_back(to);
  auto fault = fault_of(*files_, listing_, number, to);
  if (!fault)
    return fault.error();
  if (!fault->empty())
    return error{errc::corrupt, 0,
                 to_string(whole(from, entry, fault->c_str()))};
  ++report_.segments;
  report_.records += entry.record_count;
  report_.bytes += entry.end_bytes;
  tell_progress(entry.end_bytes);
  return ok{};
}

result<ok> restoring::install(timestamp_ms wall_clock) {
  if (auto synced = files_->sync_directory(to_); !synced)
    return synced;
  manifest& state = listing_.state;
  ++state.generation;
  state.epoch = epoch_of_restored(state.epoch, wall_clock);
  made_.push_back(to_ + "/MANIFEST");
  return write_manifest(*files_, to_, state);
}

/// The lock file stays, as it does in every store.
void restoring::remove_copies() {
  // Of the MANIFEST first: without it nothing looks like a store.
  for (auto path = made_.rbegin(); path != made_.rend(); ++path)
    (void)files_->unlink(*path);
}

void restoring::tell_progress(std::uint64_t more_bytes) {
  so_far_.bytes_done += more_bytes;
  so_far_.records = report_.records;
  if (progress_)
    progress_(so_far_);
}

} // namespace

result<verify_report>
verify_backup(file_system& files, const std::string& directory,
              const std::function<void(const recovery_progress&)>& progress) {
  verify_report report;
  auto listing = read_backup(files, directory);
  if (!listing) {
    if (listing.error().code != errc::corrupt)
      return listing.error();
    report.damages.push_back(
      {directory + "/BACKUP", 0, 0, "the listing does not verify"});
    return report;
  }
  recovery_progress so_far;
  for (const segment_entry& entry : listing->state.segments)
    so_far.bytes_total += entry.end_bytes;
  for (std::size_t i = 0; i < listing->checksums.size(); ++i) {
    const segment_entry& entry = listing->state.segments[i];
    const std::string path = directory + "/" + name_of(entry);
    auto fault = fault_of(files, *listing, i, path);
    // A bad sector says nothing about the other files.
    if (!fault && fault.error().code == errc::io_failed)
      fault = to_string(fault.error());
    if (!fault)
      return fault.error();
    if (!fault->empty())
      report.damages.push_back(whole(path, entry, fault->c_str()));
    ++report.segments;
    report.records += fault->empty() ? entry.record_count : 0;
    report.bytes += entry.end_bytes;
    so_far.bytes_done += entry.end_bytes;
    so_far.records = report.records;
    if (progress)
      progress(so_far);
  }
  return report;
}

result<restore_report>
restore_backup(std::shared_ptr<file_system> files, const std::string& from,
               const std::string& to, timestamp_ms wall_clock,
               const std::function<void(const recovery_progress&)>& progress) {
  return restoring{std::move(files), from, to, progress}.run(wall_clock);
}

std::uint32_t epoch_of_restored(std::uint32_t found,
                                timestamp_ms wall_clock) noexcept {
  const std::uint64_t minutes
    = wall_clock > epoch_clock_began
        ? (wall_clock - epoch_clock_began) / ms_per_minute
        : 0;
  return std::max(
    found + 1, static_cast<std::uint32_t>(std::min(minutes, epoch_clock_max)));
}

} // namespace kvs::storage
