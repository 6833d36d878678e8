#include "tests/support/memory_disk.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace kvs::test_support {
namespace {

using kind = pending_change::kind;

constexpr std::uint64_t sector_bytes = 512;

bool changes_disk(disk_call call) {
  switch (call) {
    case disk_call::create:
    case disk_call::write:
    case disk_call::sync:
    case disk_call::truncate:
    case disk_call::allocate:
    case disk_call::rename:
    case disk_call::unlink:
    case disk_call::sync_directory:
    case disk_call::link:
    case disk_call::remove_directory:
      return true;
    case disk_call::open:
    case disk_call::read:
    case disk_call::list:
    case disk_call::lock:
    case disk_call::map:
    case disk_call::status:
      return false;
  }
  return false;
}

bool can_fail_with(disk_call call, int os_error) {
  const bool opens = call == disk_call::open || call == disk_call::create
                     || call == disk_call::list || call == disk_call::lock;
  const bool grows = call == disk_call::create || call == disk_call::write
                     || call == disk_call::allocate
                     || call == disk_call::rename;
  if (os_error == EMFILE)
    return opens;
  return os_error == ENOSPC ? grows : true;
}

/// Where a path is after the directory `from` became `to`.
std::string moved(const std::string& path, const std::string& from,
                  const std::string& to) {
  if (path == from)
    return to;
  return path.starts_with(from + "/") ? to + path.substr(from.size()) : path;
}

pending_change moved_change(pending_change change, const std::string& from,
                            const std::string& to) {
  change.name = moved(change.name, from, to);
  change.new_name = moved(change.new_name, from, to);
  return change;
}

bool heads(std::mt19937_64& random) {
  return (random() & 1) != 0;
}

/// Splits a write into its sectors and keeps a random half of them.
void keep_random_sectors(const pending_change& change,
                         std::vector<pending_change>& kept,
                         std::mt19937_64& random) {
  std::uint64_t at = change.offset_bytes;
  const std::uint64_t end = at + change.bytes.size();
  while (at < end) {
    const std::uint64_t next
      = std::min(end, (at / sector_bytes + 1) * sector_bytes);
    if (heads(random)) {
      pending_change part = change;
      part.offset_bytes = at;
      const auto begin
        = change.bytes.begin()
          + static_cast<std::ptrdiff_t>(at - change.offset_bytes);
      part.bytes.assign(begin, begin + static_cast<std::ptrdiff_t>(next - at));
      kept.push_back(std::move(part));
    }
    at = next;
  }
}

std::vector<pending_change>
random_part(const std::vector<pending_change>& pending,
            std::mt19937_64& random) {
  std::vector<pending_change> kept;
  for (const pending_change& change : pending)
    if (change.what == kind::write)
      keep_random_sectors(change, kept, random);
    else if (heads(random))
      kept.push_back(change);
  return kept;
}

} // namespace

int memory_disk::begin(disk_call call) {
  const std::uint64_t number = ++calls[call];
  if (changes_disk(call))
    ++changes;
  if (changes >= power_off_at)
    return EIO;
  if (const int failure = take_fault(call))
    return failure;
  const auto planned = failures.find(call);
  if (planned == failures.end())
    return 0;
  const planned_failure& failure = planned->second;
  const bool due
    = failure.for_ever ? number >= failure.at_call : number == failure.at_call;
  return due ? failure.os_error : 0;
}

int memory_disk::take_fault(disk_call call) {
  if (fault.in_calls == 0 || !can_fail_with(call, fault.os_error))
    return 0;
  if (fault.in_calls > 1) {
    --fault.in_calls;
    return 0;
  }
  if (fault.has_happened && !fault.for_ever)
    return 0;
  fault.has_happened = true;
  return fault.os_error;
}

std::uint64_t memory_disk::used_bytes() const {
  // A file of several names takes its space once.
  std::set<inode_number> kept;
  for (const auto& [name, inode] : names)
    kept.insert(inode);
  for (const auto& [inode, count] : users)
    kept.insert(inode);
  std::uint64_t sum = 0;
  for (const auto inode : kept)
    sum += cached[inode].size();
  return sum;
}

void memory_disk::add_user(inode_number inode) {
  ++users[inode];
}

void memory_disk::remove_user(inode_number inode) {
  if (--users.at(inode) == 0)
    users.erase(inode);
}

void memory_disk::sync_inode(inode_number inode) {
  std::erase_if(pending, [&](const pending_change& change) {
    if (change.inode != inode
        || (change.what != kind::write && change.what != kind::truncate))
      return false;
    apply_to_content(durable[inode], change);
    return true;
  });
}

void memory_disk::forget_pending(inode_number inode) {
  std::erase_if(pending, [inode](const pending_change& change) {
    return change.inode == inode
           && (change.what == kind::write || change.what == kind::truncate);
  });
}

void memory_disk::sync_names(const std::string& directory) {
  // What was changed in it before it was renamed has the older name of the
  // directory, under which the durable names know it.
  std::string known_as = directory;
  for (auto each = pending.rbegin(); each != pending.rend(); ++each)
    if (each->what == kind::rename_directory)
      known_as = moved(known_as, each->new_name, each->name);
  const std::string durable_as = known_as;
  for (std::size_t at = 0; at < pending.size();) {
    const pending_change change = pending[at];
    if (change.what != kind::write && change.what != kind::truncate
        && directory_of(change.name) == known_as) {
      if (change.what == kind::rename_directory)
        settle_rename(at);
      else
        apply_to_names(durable_names,
                       moved_change(change, known_as, durable_as));
      pending.erase(pending.begin() + static_cast<std::ptrdiff_t>(at));
      continue;
    }
    if (change.what == kind::rename_directory)
      known_as = moved(known_as, change.name, change.new_name);
    ++at;
  }
}

/// A rename of a directory becomes durable: what is still pending inside it
/// happens to the new name.
void memory_disk::settle_rename(std::size_t at) {
  const pending_change change = pending[at];
  apply_to_names(durable_names, change);
  apply_to_directories(durable_directories, change);
  for (std::size_t earlier = 0; earlier < at; ++earlier)
    pending[earlier]
      = moved_change(pending[earlier], change.name, change.new_name);
}

std::string directory_of(const std::string& path) {
  const auto slash = path.find_last_of('/');
  return slash == std::string::npos ? std::string{"."} : path.substr(0, slash);
}

void apply_to_content(content& target, const pending_change& change) {
  if (change.what == kind::truncate) {
    target.resize(change.offset_bytes);
    return;
  }
  if (change.what != kind::write)
    return;
  const std::uint64_t end = change.offset_bytes + change.bytes.size();
  if (target.size() < end)
    target.resize(end);
  std::copy(change.bytes.begin(), change.bytes.end(),
            target.begin() + static_cast<std::ptrdiff_t>(change.offset_bytes));
}

void apply_to_names(name_table& target, const pending_change& change) {
  switch (change.what) {
    case kind::link:
      target[change.name] = change.inode;
      return;
    case kind::unlink:
      target.erase(change.name);
      return;
    case kind::rename:
      target.erase(change.name);
      target[change.new_name] = change.inode;
      return;
    case kind::rename_directory: {
      name_table after;
      for (const auto& [name, inode] : target)
        after[moved(name, change.name, change.new_name)] = inode;
      target = std::move(after);
      return;
    }
    case kind::write:
    case kind::truncate:
      return;
  }
}

void apply_to_directories(std::set<std::string>& target,
                          const pending_change& change) {
  if (change.what != kind::rename_directory)
    return;
  std::set<std::string> after;
  for (const auto& name : target)
    after.insert(moved(name, change.name, change.new_name));
  target = std::move(after);
}

/// The size of the file comes to the disk, the bytes do not: where the disk
/// held some they stay, behind its end there are zeros.
void undo_write(pending_change& change, const content& durable) {
  for (std::size_t at = 0; at < change.bytes.size(); ++at) {
    const std::uint64_t offset = change.offset_bytes + at;
    change.bytes[at] = offset < durable.size() ? durable[offset] : std::byte{0};
  }
}

/// The blocks of the file were those of another one, which still has them or
/// has given them back.
void find_stale(pending_change& change, const memory_disk& disk,
                std::mt19937_64& random) {
  undo_write(change, disk.durable[change.inode]);
  const std::uint64_t durable_end = disk.durable[change.inode].size();
  const content& other = disk.cached[random() % disk.cached.size()];
  for (std::size_t at = 0; at < change.bytes.size(); ++at) {
    const std::uint64_t offset = change.offset_bytes + at;
    if (offset >= durable_end && offset < other.size())
      change.bytes[at] = other[offset];
  }
}

bool changes_names(const pending_change& change) {
  return change.what != kind::write && change.what != kind::truncate;
}

std::vector<pending_change> survivors(const memory_disk& disk,
                                      crash_policy policy,
                                      std::mt19937_64& random) {
  std::vector<pending_change> kept = disk.pending;
  const std::size_t count = kept.size();
  switch (policy) {
    case crash_policy::lose_unsynced:
      kept.clear();
      break;
    case crash_policy::keep_everything:
      break;
    case crash_policy::prefix:
      kept.resize(random() % (count + 1));
      break;
    case crash_policy::torn_write:
      kept.resize(random() % (count + 1));
      if (!kept.empty() && kept.back().what == kind::write)
        kept.back().bytes.resize(random() % (kept.back().bytes.size() + 1));
      break;
    case crash_policy::one_hole:
      if (count != 0)
        kept.erase(kept.begin()
                   + static_cast<std::ptrdiff_t>(random() % count));
      break;
    case crash_policy::random_sectors:
      kept = random_part(kept, random);
      break;
    case crash_policy::zeroed_data:
      for (pending_change& change : kept)
        if (change.what == kind::write && heads(random))
          undo_write(change, disk.durable[change.inode]);
      break;
    case crash_policy::stale_data:
      for (pending_change& change : kept)
        if (change.what == kind::write && heads(random))
          find_stale(change, disk, random);
      break;
    case crash_policy::lost_names:
      std::erase_if(kept, changes_names);
      break;
    case crash_policy::random_names:
      std::erase_if(kept, [&random](const pending_change& change) {
        return changes_names(change) && heads(random);
      });
      break;
  }
  return kept;
}

} // namespace kvs::test_support
