#pragma once

#include "storage/file_system.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

/// A disk in memory that loses, tears, reorders and refuses writes.
namespace kvs::test_support {

/// Kinds of calls that can be made to fail and that are counted.
enum class disk_call {
  open,
  create,
  read,
  write,
  sync,
  truncate,
  allocate,
  rename,
  unlink,
  sync_directory,
  list,
  lock,
  map,
  status,
  link,
  remove_directory,
};

/// Which of the changes that no sync has covered survive a power cut.
enum class crash_policy {
  lose_unsynced,
  keep_everything,
  /// The first ones, in order.
  prefix,
  /// The first ones; the last of them is cut at any byte.
  torn_write,
  /// All but one.
  one_hole,
  /// Any, writes sector by sector.
  random_sectors,
  /// All, but some of the writes only made the file longer: its size came to
  /// the disk before its bytes, which read as zeros.
  zeroed_data,
  /// As before, but what reads there instead are the bytes of another file at
  /// the same place: records that were valid once.
  stale_data,
  /// All bytes, but no file was created, renamed or removed.
  lost_names,
  /// All bytes, and any of the changes of names.
  random_names,
};

inline constexpr crash_policy all_crash_policies[] = {
  crash_policy::lose_unsynced, crash_policy::keep_everything,
  crash_policy::prefix,        crash_policy::torn_write,
  crash_policy::one_hole,      crash_policy::random_sectors,
  crash_policy::zeroed_data,   crash_policy::stale_data,
  crash_policy::lost_names,    crash_policy::random_names,
};

struct memory_disk;

/// Data becomes durable by `file::sync`, names by `sync_directory`; neither
/// implies the other; that a directory was renamed is a name in its parent.
/// Directories that are made or removed are durable at once. A lock makes no
/// file. Calls from several threads are allowed.
class memory_file_system final : public storage::file_system {
public:
  static std::shared_ptr<memory_file_system> make();
  explicit memory_file_system(std::shared_ptr<memory_disk> disk);

  storage::result<std::shared_ptr<storage::file>>
  open(const std::string& path, storage::open_mode mode) override;
  storage::result<storage::path_status>
  status(const std::string& path) override;
  storage::result<storage::ok> link(const std::string& from,
                                    const std::string& to) override;
  storage::result<storage::ok> rename(const std::string& from,
                                      const std::string& to) override;
  storage::result<storage::ok> unlink(const std::string& path) override;
  storage::result<storage::ok>
  sync_directory(const std::string& directory) override;
  storage::result<std::vector<std::string>>
  list(const std::string& directory) override;
  storage::result<storage::ok>
  create_directory(const std::string& directory) override;
  storage::result<storage::ok>
  remove_directory(const std::string& directory) override;
  storage::result<std::unique_ptr<storage::directory_lock>>
  lock(const std::string& path) override;
  storage::result<std::uint64_t>
  free_bytes(const std::string& directory) override;

  /// Makes the `nth` call from now on of this kind fail (1: the next one), or
  /// from then on all of them. A write that fails writes its first half; what
  /// a sync that fails was to cover stays visible and never becomes durable.
  void fail(disk_call kind, std::uint64_t nth, int os_error,
            bool for_ever = false);
  /// Makes the `nth` call from now on fail (1: the next one), or all from then
  /// on, of those that can fail with this error: EMFILE is for calls that open
  /// something, ENOSPC for those that need space, others are for all.
  void fail_any(std::uint64_t nth, int os_error, bool for_ever);
  /// Whether that has happened.
  bool has_failed() const;
  void stop_failing();
  /// The `nth` change from now on does what it may or may not have done when
  /// the power went; it and every later call fail.
  void power_off_at(std::uint64_t nth);
  /// Calls `look` before every call that changes something or makes it
  /// durable, from the thread of the caller.
  void before_each_change(std::function<void()> look);
  /// Space for everything on this disk; writes beyond fail with ENOSPC.
  void limit_space(std::uint64_t bytes);
  /// Whether `read_resident_at` finds anything in memory.
  void resident(bool everything);

  std::uint64_t calls(disk_call kind) const;
  /// Calls so far that changed something or made it durable.
  std::uint64_t changes() const;
  /// Bytes of all files, also of deleted ones that somebody has open.
  std::uint64_t used_bytes() const;
  /// How many files are mapped.
  std::size_t mappings() const;

  /// The disk as the next start finds it after a power cut now.
  std::shared_ptr<memory_file_system> crash(crash_policy policy,
                                            std::uint64_t seed) const;
  /// The disk after the process died: nothing is lost but its locks.
  std::shared_ptr<memory_file_system> restart() const;

  /// Equal disks have equal numbers: names and bytes, as a reader sees them.
  std::uint64_t fingerprint() const;

  /// Looks at or changes a file behind the back of whoever has it open; what
  /// is put counts as synced.
  bool exists(const std::string& path) const;
  std::vector<std::byte> content(const std::string& path) const;
  void put_content(const std::string& path, std::vector<std::byte> bytes);
  void flip_bit(const std::string& path, std::uint64_t offset_bytes,
                unsigned bit);

private:
  std::shared_ptr<memory_disk> disk_;
};

} // namespace kvs::test_support
