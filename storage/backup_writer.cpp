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

bool is_same_file(const segment_entry& a, const segment_entry& b) noexcept {
  return a.id == b.id && a.kind == b.kind && a.identity == b.identity
         && a.end_bytes == b.end_bytes;
}

} // namespace

backup_writer::backup_writer(std::shared_ptr<file_system> files,
                             backup_options how)
  : files_{std::move(files)}, how_{std::move(how)} {
}

result<std::unique_ptr<backup_writer>>
backup_writer::begin(std::shared_ptr<file_system> files, backup_options how) {
  std::unique_ptr<backup_writer> made{
    new backup_writer{std::move(files), std::move(how)}};
  if (auto prepared = made->prepare(); !prepared)
    return prepared.error();
  return made;
}

result<ok> backup_writer::prepare() {
  if (!how_.earlier.empty())
    if (auto read = read_earlier(); !read)
      return read;
  auto claimed = backup_place::claim(files_, how_.to);
  if (!claimed)
    return claimed.error();
  place_ = *std::move(claimed);
  return ok{};
}

result<ok> backup_writer::read_earlier() {
  auto found = read_backup(*files_, how_.earlier);
  if (!found)
    return found.error();
  if (found->state.store_id != how_.store_id)
    return error{errc::unusable_directory, 0,
                 how_.earlier + ": it is a backup of another store"};
  earlier_ = *std::move(found);
  return ok{};
}

void backup_writer::choose(backup_content content) {
  listing_.made_at = content.made_at;
  listing_.state = std::move(content.state);
  // A flush that the segments do not hold yet is in force all the same.
  listing_.version
    = std::max(content.sealed_up_to, listing_.state.flushed_below);
  for (const segment_entry& entry : listing_.state.segments)
    listing_.version = std::max(listing_.version, entry.max_sequence);
}

result<std::optional<segment_id>> backup_writer::take_next() {
  const auto& all = listing_.state.segments;
  if (taken_.size() == all.size())
    return std::optional<segment_id>{};
  const segment_entry& entry = all[taken_.size()];
  if (const auto checksum = keep(entry)) {
    taken_.push_back({true, *checksum});
    ++report_.kept;
  } else {
    if (auto taken = take_from_store(entry); !taken)
      return taken.error();
    taken_.push_back({});
  }
  ++report_.segments;
  report_.bytes += entry.end_bytes;
  return std::optional{entry.id};
}

/// Links the file of the earlier backup, if that has it. It is not read yet:
/// meanwhile the store would have to keep what compaction drops.
std::optional<std::uint32_t> backup_writer::keep(const segment_entry& entry) {
  if (!earlier_)
    return std::nullopt;
  const auto& all = earlier_->state.segments;
  const auto same = std::find_if(all.begin(), all.end(), [&](const auto& each) {
    return is_same_file(each, entry);
  });
  // Also if it was copied: what the store's file holds now is not needed.
  if (same == all.end()
      || !files_->link(path_in(how_.earlier, entry), path_of(entry)))
    return std::nullopt;
  place_->add(segment_file_name(entry.id, entry.kind));
  return earlier_->checksums[static_cast<std::size_t>(same - all.begin())];
}

result<ok> backup_writer::take_from_store(const segment_entry& entry) {
  const std::string from = path_in(how_.from, entry);
  if (!how_.copies && files_->link(from, path_of(entry))) {
    ++report_.linked;
  } else {
    if (auto copied = copy_file(*files_, from, path_of(entry), entry.end_bytes);
        !copied)
      return copied;
    ++report_.copied;
    report_.copied_bytes += entry.end_bytes;
  }
  place_->add(segment_file_name(entry.id, entry.kind));
  return ok{};
}

result<bool> backup_writer::check_next() {
  const std::size_t number = listing_.checksums.size();
  if (number == taken_.size())
    return true;
  const segment_entry& entry = listing_.state.segments[number];
  const taken_file& taken = taken_[number];
  if (taken.is_kept && is_intact(entry, taken.checksum)) {
    listing_.checksums.push_back(taken.checksum);
  } else {
    if (taken.is_kept)
      if (auto replaced = replace_rotten(entry); !replaced)
        return replaced.error();
    auto checksum = check(entry);
    if (!checksum)
      return checksum.error();
    listing_.checksums.push_back(*checksum);
  }
  return number + 1 == taken_.size();
}

bool backup_writer::is_intact(const segment_entry& entry,
                              std::uint32_t checksum) {
  auto opened = files_->open(path_of(entry), open_mode::read_only);
  if (!opened)
    return false;
  auto found = checksum_of_file(**opened, entry.end_bytes);
  return found && *found == checksum;
}

/// The store may have dropped the segment by now, but not for long: the next
/// backup does not need it.
result<ok> backup_writer::replace_rotten(const segment_entry& entry) {
  if (auto gone = files_->unlink(path_of(entry)); !gone)
    return gone;
  --report_.kept;
  auto taken = take_from_store(entry);
  if (!taken && taken.error().code == errc::not_found)
    return error{errc::corrupt, 0,
                 path_in(how_.earlier, entry)
                   + ": it is not what its listing says, and the store has "
                     "dropped the segment since this backup began; try again"};
  return taken;
}

result<std::uint32_t> backup_writer::check(const segment_entry& entry) {
  auto opened = open_segment(*files_, path_of(entry), open_mode::read_only);
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
  if (auto synced = files_->sync_directory(place_->directory()); !synced)
    return synced.error();
  place_->add("BACKUP");
  if (auto written = write_backup(*files_, place_->directory(), listing_);
      !written)
    return written.error();
  if (auto published = place_->publish(); !published)
    return published.error();
  report_.version = listing_.version;
  return report_;
}

void backup_writer::abandon() {
  place_->abandon();
}

std::string backup_writer::path_of(const segment_entry& entry) const {
  return path_in(place_->directory(), entry);
}

} // namespace kvs::storage
