#pragma once

#include "tests/support/memory_file_system.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <vector>

/// The state behind a memory_file_system: what is in the cache, what a power
/// cut cannot take any more, and the changes in between, in their order.
namespace kvs::test_support {

using content = std::vector<std::byte>;
using inode_number = std::size_t;
using name_table = std::map<std::string, inode_number>;

/// A change that no sync has covered yet.
struct pending_change {
  enum class kind { write, truncate, link, unlink, rename, rename_directory };
  kind what = kind::write;
  /// What is written, cut, linked or renamed, unless that is a directory.
  inode_number inode = 0;
  std::uint64_t offset_bytes = 0;
  content bytes;
  /// Of link and unlink, and the old name of a rename.
  std::string name;
  std::string new_name;
};

struct planned_failure {
  std::uint64_t at_call = 0;
  int os_error = 0;
  bool for_ever = false;
};

/// A call of any kind that can fail like this.
struct planned_fault {
  /// 1: the next one.
  std::uint64_t in_calls = 0;
  int os_error = 0;
  bool for_ever = false;
  bool has_happened = false;
};

struct memory_disk {
  std::mutex mutex;
  /// By inode: as a reader sees them, and as a power cut leaves them.
  std::vector<content> cached;
  std::vector<content> durable;
  name_table names;
  name_table durable_names;
  std::set<std::string> directories;
  std::set<std::string> durable_directories;
  std::set<std::string> locked;
  std::vector<pending_change> pending;

  std::map<disk_call, std::uint64_t> calls;
  std::map<disk_call, planned_failure> failures;
  planned_fault fault;
  std::uint64_t changes = 0;
  std::uint64_t power_off_at = ~std::uint64_t{0};
  std::uint64_t space_bytes = ~std::uint64_t{0};
  bool is_resident = true;
  /// Called without the mutex.
  std::function<void()> before_change;
  /// Of files, those that are there now.
  std::size_t mappings = 0;
  /// By inode: who has it open or mapped. A file without a name takes its space
  /// until nobody does.
  std::map<inode_number, std::size_t> users;

  /// Counts a call. The `errno` it has to fail with, or 0.
  int begin(disk_call call);
  int take_fault(disk_call call);
  /// To be called before a call that changes something takes the mutex.
  void announce_change() const {
    if (before_change)
      before_change();
  }
  std::uint64_t used_bytes() const;
  void add_user(inode_number inode);
  void remove_user(inode_number inode);
  void sync_inode(inode_number inode);
  /// What a failed sync does: readers still see what was written, but nobody
  /// will write it to the disk any more.
  void forget_pending(inode_number inode);
  void sync_names(const std::string& directory);

private:
  void settle_rename(std::size_t at);
};

std::string directory_of(const std::string& path);

void apply_to_content(content& target, const pending_change& change);
void apply_to_names(name_table& target, const pending_change& change);
void apply_to_directories(std::set<std::string>& target,
                          const pending_change& change);

/// What of `pending` survives a power cut.
std::vector<pending_change> survivors(const memory_disk& disk,
                                      crash_policy policy,
                                      std::mt19937_64& random);

} // namespace kvs::test_support
