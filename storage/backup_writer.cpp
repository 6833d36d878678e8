#include "storage/backup_writer.hpp"

#include "storage/file_copy.hpp"
#include "storage/segment_survey.hpp"

#include <algorithm>
#include <utility>

namespace kvs::storage {
namespace {

std::string path_in(const std::string& directory, const segment_entry& entry) {
  return directory + "/" + segment_file_name(entry.id, entry.kind);
}

error unusable(const std::string& directory, const char* why) {
  return {errc::unusable_directory, 0, directory + ": " + why};
}

bool is_same_file(const segment_entry& a, const segment_entry& b) noexcept {
  return a.id == b.id && a.kind == b.kind && a.identity == b.identity
         && a.end_bytes == b.end_bytes;
}

} // namespace

backup_writer::backup_writer(std::shared_ptr<file_system> files,
                             backup_options how, manifest state)
  : files_{std::move(files)}, how_{std::move(how)} {
  listing_.made_at = how_.made_at;
  listing_.state = std::move(state);
  // A flush that the segments do not hold yet is in force all the same.
  listing_.version = std::max(how_.sealed_up_to, listing_.state.flushed_below);
  for (const segment_entry& entry : listing_.state.segments)
    listing_.version = std::max(listing_.version, entry.max_sequence);
}

result<std::unique_ptr<backup_writer>>
backup_writer::begin(std::shared_ptr<file_system> files, backup_options how,
                     manifest state) {
  std::unique_ptr<backup_writer> made{
    new backup_writer{std::move(files), std::move(how), std::move(state)}};
  if (auto prepared = made->prepare(); !prepared)
    return prepared.error();
  return made;
}

result<ok> backup_writer::prepare() {
  if (!how_.earlier.empty())
    if (auto read = read_earlier(); !read)
      return read;
  return prepare_directory();
}

result<ok> backup_writer::read_earlier() {
  auto found = read_backup(*files_, how_.earlier);
  if (!found)
    return found.error();
  if (found->state.store_id != listing_.state.store_id)
    return unusable(how_.earlier, "it is a backup of another store");
  earlier_ = *std::move(found);
  return ok{};
}

result<ok> backup_writer::prepare_directory() {
  auto there = files_->status(how_.to);
  if (!there && there.error().code != errc::not_found)
    return there.error();
  if (there && there->what != path_status::kind::directory)
    return unusable(how_.to, "it is no directory; nothing was written");
  if (!there) {
    if (auto made = files_->create_directory(how_.to); !made)
      return made;
    made_directory_ = true;
    return ok{};
  }
  auto names = files_->list(how_.to);
  if (!names)
    return names.error();
  if (std::find(names->begin(), names->end(), "BACKUP") != names->end())
    return unusable(how_.to, "there is a backup already; nothing was written");
  if (!std::all_of(names->begin(), names->end(), is_backup_remain))
    return unusable(how_.to, "it holds other files; nothing was written");
  for (const std::string& name : *names)
    if (auto gone = files_->unlink(how_.to + "/" + name); !gone)
      return gone;
  return ok{};
}

result<bool> backup_writer::take_next() {
  const auto& all = listing_.state.segments;
  if (taken_ == all.size())
    return true;
  const segment_entry& entry = all[taken_];
  std::uint32_t checksum = 0;
  auto kept = keep(entry, checksum);
  if (!kept)
    return kept.error();
  const std::string to = path_in(how_.to, entry);
  if (*kept) {
    ++report_.kept;
  } else if (!how_.copies && files_->link(path_in(how_.from, entry), to)) {
    ++report_.linked;
  } else {
    if (auto copied
        = copy_file(*files_, path_in(how_.from, entry), to, entry.end_bytes);
        !copied)
      return copied.error();
    ++report_.copied;
    report_.copied_bytes += entry.end_bytes;
  }
  listing_.checksums.push_back(checksum);
  vouched_for_.push_back(*kept);
  ++report_.segments;
  report_.bytes += entry.end_bytes;
  return ++taken_ == all.size();
}

/// Takes the file of the earlier backup, if that has it and it is still what
/// its listing says.
result<bool> backup_writer::keep(const segment_entry& entry,
                                 std::uint32_t& checksum) {
  if (!earlier_)
    return false;
  const auto& all = earlier_->state.segments;
  const auto same = std::find_if(all.begin(), all.end(), [&](const auto& each) {
    return is_same_file(each, entry);
  });
  if (same == all.end())
    return false;
  const std::string path = path_in(how_.earlier, entry);
  auto opened = files_->open(path, open_mode::read_only);
  if (!opened)
    return false;
  auto found = checksum_of_file(**opened, entry.end_bytes);
  checksum = earlier_->checksums[static_cast<std::size_t>(same - all.begin())];
  if (!found || *found != checksum)
    return false;
  // Also if it was copied: what the store's file holds now is not needed.
  return static_cast<bool>(files_->link(path, path_in(how_.to, entry)));
}

result<bool> backup_writer::check_next() {
  while (checked_ < vouched_for_.size() && vouched_for_[checked_])
    ++checked_;
  if (checked_ == vouched_for_.size())
    return true;
  auto checksum = check(listing_.state.segments[checked_]);
  if (!checksum)
    return checksum.error();
  listing_.checksums[checked_] = *checksum;
  return ++checked_ == vouched_for_.size();
}

result<std::uint32_t> backup_writer::check(const segment_entry& entry) {
  auto opened
    = open_segment(*files_, path_in(how_.to, entry), open_mode::read_only);
  if (!opened)
    return opened.error();
  const segment_header& header = (*opened)->header();
  if (header.store_id != listing_.state.store_id || header.id != entry.id
      || header.context.identity != entry.identity)
    return error{errc::corrupt, 0,
                 path_in(how_.from, entry)
                   + " offset 0: the header is not that of the MANIFEST"};
  segment_survey survey{*opened, entry.end_bytes, entry.end_bytes};
  while (true) {
    auto record = survey.next();
    if (!record)
      return record.error();
    if (!*record)
      break;
  }
  if (!survey.damages().empty()) {
    // The copy will be gone when somebody reads this.
    damage first = survey.damages().front();
    first.file = path_in(how_.from, entry);
    return error{errc::corrupt, 0, to_string(first)};
  }
  return checksum_of_file((*opened)->bytes(), entry.end_bytes);
}

result<backup_report> backup_writer::finish() {
  if (auto synced = files_->sync_directory(how_.to); !synced)
    return synced.error();
  const auto slash = how_.to.find_last_of('/');
  if (slash != std::string::npos && slash != 0)
    if (auto synced = files_->sync_directory(how_.to.substr(0, slash)); !synced)
      return synced.error();
  if (auto written = write_backup(*files_, how_.to, listing_); !written)
    return written.error();
  report_.version = listing_.version;
  return report_;
}

/// What cannot be removed is taken for remains by the next backup.
void backup_writer::abandon() {
  (void)files_->unlink(how_.to + "/BACKUP");
  if (auto names = files_->list(how_.to))
    for (const std::string& name : *names)
      if (is_backup_remain(name))
        (void)files_->unlink(how_.to + "/" + name);
  if (made_directory_)
    (void)files_->remove_directory(how_.to);
}

} // namespace kvs::storage
