#include "storage/directory_check.hpp"

#include "storage/segment.hpp"
#include "storage/store_files.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace kvs::storage {
namespace {

constexpr const char* untouched = "; nothing was touched";

/// Files of a store that `recognise` does not name: they are never deleted by
/// their name alone.
constexpr std::array<const char*, 3> further_names
  = {"LOCK", "MANIFEST", "CHECKPOINT"};

error refusal(errc code, const std::string& path, const std::string& why) {
  return {code, 0, path + ": " + why + untouched};
}

/// An error of a call, with the same promise behind it.
error unharmed(error err) {
  err.context += untouched;
  return err;
}

std::string in_hex(std::uint64_t number) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx",
                static_cast<unsigned long long>(number));
  return text.data();
}

result<ok> check_owner(const std::string& path, const path_status& found) {
  if (found.what == path_status::kind::symbolic_link)
    return refusal(errc::unusable_directory, path,
                   "it is a symbolic link; name what it points to");
  if (!found.is_own)
    return refusal(errc::unusable_directory, path,
                   "it belongs to user " + std::to_string(found.owner)
                     + ", for whom this process does not act");
  return ok{};
}

bool is_segment(const store_file& named) noexcept {
  return named.kind == store_file_kind::log
         || named.kind == store_file_kind::relocation;
}

class directory_check {
public:
  directory_check(file_system& files, const std::string& directory)
    : files_{files}, directory_{directory} {
  }

  result<ok> run();
  result<ok> run_for_new();

private:
  result<bool> exists();
  result<ok> check_files();
  result<ok> check_file(const std::string& name);
  result<ok> check_state();
  result<ok> check_segment(const std::string& name, std::uint64_t store_id);
  std::string path_of(const std::string& name) const {
    return directory_ + "/" + name;
  }

  file_system& files_;
  const std::string& directory_;
  std::vector<std::string> segments_;
};

result<ok> directory_check::run() {
  auto there = exists();
  if (!there)
    return there.error();
  if (!*there)
    return ok{};
  if (auto checked = check_files(); !checked)
    return checked;
  return check_state();
}

result<ok> directory_check::run_for_new() {
  auto there = exists();
  if (!there)
    return there.error();
  if (!*there)
    return ok{};
  auto names = files_.list(directory_);
  if (!names)
    return unharmed(names.error());
  const auto locks = std::erase(*names, "LOCK");
  if (!names->empty())
    return refusal(errc::unusable_directory, directory_, "it is not empty");
  // One of another user would keep the node out.
  return locks == 0 ? result<ok>{ok{}} : check_file("LOCK");
}

/// False: it has to be made.
result<bool> directory_check::exists() {
  auto found = files_.status(directory_);
  if (!found) {
    if (found.error().code == errc::not_found)
      return false;
    return unharmed(found.error());
  }
  if (auto owned = check_owner(directory_, *found); !owned)
    return owned.error();
  if (found->what != path_status::kind::directory)
    return refusal(errc::unusable_directory, directory_, "it is no directory");
  if (!found->is_writable)
    return refusal(errc::unusable_directory, directory_,
                   "it cannot be written: its mode or its file system is "
                   "read-only");
  return true;
}

result<ok> directory_check::check_files() {
  auto names = files_.list(directory_);
  if (!names)
    return unharmed(names.error());
  for (const std::string& name : *names) {
    const auto known = recognise(name);
    const bool is_further
      = std::find(further_names.begin(), further_names.end(), name)
        != further_names.end();
    if (!known && !is_further)
      continue;
    if (auto checked = check_file(name); !checked)
      return checked;
    if (known && is_segment(*known))
      segments_.push_back(name);
  }
  return ok{};
}

result<ok> directory_check::check_file(const std::string& name) {
  const std::string path = path_of(name);
  auto found = files_.status(path);
  if (!found) {
    // Whoever serves the directory has deleted it since it was listed.
    if (found.error().code == errc::not_found)
      return ok{};
    return unharmed(found.error());
  }
  if (auto owned = check_owner(path, *found); !owned)
    return owned;
  if (found->what != path_status::kind::file)
    return refusal(errc::io_failed, path, "it is no regular file");
  return ok{};
}

result<ok> directory_check::check_state() {
  auto state = read_manifest(files_, directory_);
  if (!state)
    return unharmed(state.error());
  if (!*state) {
    if (segments_.empty())
      return ok{};
    return refusal(errc::corrupt, path_of(segments_.front()) + " offset 0",
                   files_.status(path_of("BACKUP"))
                     ? "the directory is a backup; kvs-node restore makes a "
                       "store of it"
                     : "a segment, but the directory has no MANIFEST");
  }
  for (const std::string& name : segments_)
    if (auto checked = check_segment(name, (*state)->store_id); !checked)
      return checked;
  return ok{};
}

/// Of a damaged header nobody knows whose it was; recovery says what a listed
/// one means, and others may be what is left of a crash.
result<ok> directory_check::check_segment(const std::string& name,
                                          std::uint64_t store_id) {
  const std::string path = path_of(name);
  auto opened = open_segment(files_, path, open_mode::read_only);
  if (!opened) {
    const errc code = opened.error().code;
    if (code == errc::not_found || code == errc::corrupt)
      return ok{};
    return unharmed(opened.error());
  }
  const std::uint64_t found = (*opened)->header().store_id;
  if (found != store_id)
    return refusal(errc::corrupt, path + " offset 24",
                   "it belongs to another store, " + in_hex(found)
                     + "; this one is " + in_hex(store_id));
  return ok{};
}

} // namespace

result<ok> check_directory(file_system& files, const std::string& directory) {
  return directory_check{files, directory}.run();
}

result<ok> check_new_directory(file_system& files,
                               const std::string& directory) {
  return directory_check{files, directory}.run_for_new();
}

} // namespace kvs::storage
