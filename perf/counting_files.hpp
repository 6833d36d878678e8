/// A file system that counts what is written to it and how much it holds.
#pragma once

#include "storage/file_system.hpp"

#include <algorithm>
#include <map>
#include <mutex>

namespace kvs::perf {

/// Bytes, of all files of a directory.
struct file_counts {
  /// By all calls so far.
  std::uint64_t written = 0;
  /// Up to the last byte written of each file that exists.
  std::uint64_t held = 0;
  std::uint64_t held_max = 0;
  /// The same with what is only reserved.
  std::uint64_t allocated = 0;
  std::uint64_t allocated_max = 0;
};

/// What several files and threads add to.
class file_ledger {
public:
  void wrote(const std::string& path, std::uint64_t begin, std::uint64_t end) {
    const std::lock_guard guard{mutex_};
    counts_.written += end - begin;
    grow(path, end, end);
  }
  void reserved(const std::string& path, std::uint64_t end) {
    const std::lock_guard guard{mutex_};
    grow(path, 0, end);
  }
  void cut(const std::string& path, std::uint64_t end) {
    const std::lock_guard guard{mutex_};
    auto& extent = extents_[path];
    counts_.held -= extent.held - std::min(extent.held, end);
    counts_.allocated -= extent.allocated - std::min(extent.allocated, end);
    extent = {std::min(extent.held, end), std::min(extent.allocated, end)};
  }
  void moved(const std::string& from, const std::string& to) {
    const std::lock_guard guard{mutex_};
    forget(to);
    extents_[to] = extents_[from];
    extents_.erase(from);
  }
  void removed(const std::string& path) {
    const std::lock_guard guard{mutex_};
    forget(path);
  }

  file_counts counts() const {
    const std::lock_guard guard{mutex_};
    return counts_;
  }
  void forget_maxima() {
    const std::lock_guard guard{mutex_};
    counts_.held_max = counts_.held;
    counts_.allocated_max = counts_.allocated;
  }

private:
  struct extent {
    std::uint64_t held = 0;
    std::uint64_t allocated = 0;
  };

  void grow(const std::string& path, std::uint64_t held, std::uint64_t end) {
    auto& now = extents_[path];
    counts_.held += std::max(now.held, held) - now.held;
    counts_.allocated += std::max(now.allocated, end) - now.allocated;
    now = {std::max(now.held, held), std::max(now.allocated, end)};
    counts_.held_max = std::max(counts_.held_max, counts_.held);
    counts_.allocated_max = std::max(counts_.allocated_max, counts_.allocated);
  }
  void forget(const std::string& path) {
    auto it = extents_.find(path);
    if (it == extents_.end())
      return;
    counts_.held -= it->second.held;
    counts_.allocated -= it->second.allocated;
    extents_.erase(it);
  }

  mutable std::mutex mutex_;
  std::map<std::string, extent> extents_;
  file_counts counts_;
};

class counted_file final : public storage::file {
public:
  counted_file(std::shared_ptr<storage::file> real,
               std::shared_ptr<file_ledger> ledger)
    : real_{std::move(real)}, ledger_{std::move(ledger)} {
  }
  storage::result<std::size_t>
  read_at(std::uint64_t at, std::span<std::byte> target) const override {
    return real_->read_at(at, target);
  }
  storage::result<std::size_t>
  read_resident_at(std::uint64_t at,
                   std::span<std::byte> target) const override {
    return real_->read_resident_at(at, target);
  }
  storage::result<std::shared_ptr<storage::mapped_bytes>>
  map(std::uint64_t size_bytes) const override {
    return real_->map(size_bytes);
  }
  storage::result<storage::ok>
  write_at(std::uint64_t at,
           std::span<const std::span<const std::byte>> parts) override {
    std::uint64_t bytes = 0;
    for (const auto& part : parts)
      bytes += part.size();
    auto done = real_->write_at(at, parts);
    if (done)
      ledger_->wrote(path(), at, at + bytes);
    return done;
  }
  storage::result<storage::ok> sync() override {
    return real_->sync();
  }
  storage::result<storage::ok> truncate(std::uint64_t size) override {
    auto done = real_->truncate(size);
    if (done)
      ledger_->cut(path(), size);
    return done;
  }
  storage::result<storage::ok> allocate(std::uint64_t size) override {
    auto done = real_->allocate(size);
    if (done)
      ledger_->reserved(path(), size);
    return done;
  }
  storage::result<std::uint64_t> size_bytes() const override {
    return real_->size_bytes();
  }
  const std::string& path() const override {
    return real_->path();
  }

private:
  std::shared_ptr<storage::file> real_;
  std::shared_ptr<file_ledger> ledger_;
};

class counting_files final : public storage::file_system {
public:
  explicit counting_files(std::shared_ptr<file_ledger> ledger)
    : ledger_{std::move(ledger)} {
  }
  storage::result<std::shared_ptr<storage::file>>
  open(const std::string& path, storage::open_mode mode) override {
    auto opened = real_->open(path, mode);
    if (!opened || mode == storage::open_mode::read_only)
      return opened;
    return std::shared_ptr<storage::file>{
      std::make_shared<counted_file>(*std::move(opened), ledger_)};
  }
  storage::result<storage::path_status>
  status(const std::string& path) override {
    return real_->status(path);
  }
  storage::result<storage::ok> link(const std::string& from,
                                    const std::string& to) override {
    return real_->link(from, to);
  }
  storage::result<storage::ok> rename(const std::string& from,
                                      const std::string& to) override {
    auto done = real_->rename(from, to);
    if (done)
      ledger_->moved(from, to);
    return done;
  }
  storage::result<storage::ok> unlink(const std::string& path) override {
    auto done = real_->unlink(path);
    if (done)
      ledger_->removed(path);
    return done;
  }
  storage::result<storage::ok>
  sync_directory(const std::string& directory) override {
    return real_->sync_directory(directory);
  }
  storage::result<std::vector<std::string>>
  list(const std::string& directory) override {
    return real_->list(directory);
  }
  storage::result<storage::ok>
  create_directory(const std::string& directory) override {
    return real_->create_directory(directory);
  }
  storage::result<storage::ok>
  remove_directory(const std::string& directory) override {
    return real_->remove_directory(directory);
  }
  storage::result<std::unique_ptr<storage::directory_lock>>
  lock(const std::string& path) override {
    return real_->lock(path);
  }
  storage::result<std::uint64_t>
  free_bytes(const std::string& directory) override {
    return real_->free_bytes(directory);
  }

private:
  std::shared_ptr<storage::file_system> real_ = storage::posix_file_system();
  std::shared_ptr<file_ledger> ledger_;
};

} // namespace kvs::perf
