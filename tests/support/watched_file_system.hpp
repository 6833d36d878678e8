#pragma once

#include "storage/file_system.hpp"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace kvs::test_support {

/// Passes everything on, and tells the test before a file is opened, read or
/// locked, so that it can change things at that very moment, or knows what was
/// looked at.
class watched_file_system final : public storage::file_system {
public:
  using hook = std::function<void(const std::string& path)>;
  using range_hook = std::function<void(
    const std::string& path, std::uint64_t offset_bytes, std::uint64_t bytes)>;

  explicit watched_file_system(std::shared_ptr<storage::file_system> below)
    : below_{std::move(below)} {
  }

  hook before_open;
  hook before_read;
  hook before_lock;
  range_hook before_reading;

  storage::result<std::shared_ptr<storage::file>>
  open(const std::string& path, storage::open_mode mode) override {
    if (before_open)
      before_open(path);
    auto opened = below_->open(path, mode);
    if (!opened)
      return opened;
    return std::shared_ptr<storage::file>{
      std::make_shared<watched_file>(*this, *std::move(opened))};
  }
  storage::result<storage::path_status>
  status(const std::string& path) override {
    return below_->status(path);
  }
  storage::result<storage::ok> link(const std::string& from,
                                    const std::string& to) override {
    return below_->link(from, to);
  }
  storage::result<storage::ok> rename(const std::string& from,
                                      const std::string& to) override {
    return below_->rename(from, to);
  }
  storage::result<storage::ok> unlink(const std::string& path) override {
    return below_->unlink(path);
  }
  storage::result<storage::ok>
  sync_directory(const std::string& directory) override {
    return below_->sync_directory(directory);
  }
  storage::result<std::vector<std::string>>
  list(const std::string& directory) override {
    return below_->list(directory);
  }
  storage::result<storage::ok>
  create_directory(const std::string& directory) override {
    return below_->create_directory(directory);
  }
  storage::result<storage::ok>
  remove_directory(const std::string& directory) override {
    return below_->remove_directory(directory);
  }
  storage::result<std::unique_ptr<storage::directory_lock>>
  lock(const std::string& path) override {
    if (before_lock)
      before_lock(path);
    return below_->lock(path);
  }
  storage::result<std::uint64_t>
  free_bytes(const std::string& directory) override {
    return below_->free_bytes(directory);
  }

private:
  class watched_file final : public storage::file {
  public:
    watched_file(watched_file_system& watching,
                 std::shared_ptr<storage::file> below)
      : watching_{watching}, below_{std::move(below)} {
    }
    storage::result<std::size_t>
    read_at(std::uint64_t offset, std::span<std::byte> target) const override {
      if (watching_.before_read)
        watching_.before_read(path());
      if (watching_.before_reading)
        watching_.before_reading(path(), offset, target.size());
      return below_->read_at(offset, target);
    }
    storage::result<std::size_t>
    read_resident_at(std::uint64_t offset,
                     std::span<std::byte> target) const override {
      return below_->read_resident_at(offset, target);
    }
    storage::result<std::shared_ptr<storage::mapped_bytes>>
    map(std::uint64_t size_bytes) const override {
      return below_->map(size_bytes);
    }
    storage::result<storage::ok>
    write_at(std::uint64_t offset,
             std::span<const std::span<const std::byte>> parts) override {
      return below_->write_at(offset, parts);
    }
    storage::result<storage::ok> sync() override {
      return below_->sync();
    }
    storage::result<storage::ok> truncate(std::uint64_t size) override {
      return below_->truncate(size);
    }
    storage::result<storage::ok> allocate(std::uint64_t size) override {
      return below_->allocate(size);
    }
    storage::result<std::uint64_t> size_bytes() const override {
      return below_->size_bytes();
    }
    const std::string& path() const override {
      return below_->path();
    }

  private:
    watched_file_system& watching_;
    std::shared_ptr<storage::file> below_;
  };

  std::shared_ptr<storage::file_system> below_;
};

} // namespace kvs::test_support
