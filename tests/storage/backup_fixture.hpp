#pragma once

#include "storage/backup_writer.hpp"
#include "storage/restore.hpp"
#include "tests/storage/mini_store.hpp"
#include "tests/support/memory_file_system.hpp"

#include <gtest/gtest.h>

/// A small store, its backups below "backups", and what is restored of them.
namespace kvs::storage::testing {

using test_support::memory_file_system;

inline constexpr timestamp_ms minute = 60'000;
inline constexpr timestamp_ms year_2026 = 1'767'225'600'000;

class backup_fixture : public ::testing::Test {
protected:
  /// Three sealed segments, closed; what they hold is in `made`.
  void make_store() {
    auto opened = mini_store::open(disk, {});
    ASSERT_TRUE(opened);
    add_segments(**opened, 3);
  }

  void add_segments(mini_store& store, int count) {
    for (int segment = 0; segment < count; ++segment) {
      for (int i = 0; i < 10; ++i) {
        const std::string key = "key" + std::to_string(next_++);
        ASSERT_TRUE(store.put(key, std::string(50, 'v') + key));
        made[key] = std::string(50, 'v') + key;
      }
      ASSERT_TRUE(store.rotate());
    }
    ASSERT_TRUE(store.sync());
  }

  /// What the CATALOG would tell: sealed segments alone.
  manifest sealed_state() {
    if (known_state)
      return *known_state;
    auto state = read_manifest(*disk, "store");
    EXPECT_TRUE(state && *state);
    std::erase_if((*state)->segments,
                  [](const segment_entry& each) { return !each.sealed; });
    return **state;
  }

  result<std::unique_ptr<backup_writer>>
  begin(const std::shared_ptr<file_system>& files, const std::string& to,
        const std::string& earlier = {}, bool copies = false) {
    const auto state = sealed_state();
    auto begun = backup_writer::begin(
      files, {"store", state.store_id, to, earlier, copies});
    if (begun)
      (*begun)->choose({state, 0, year_2026});
    return begun;
  }

  result<backup_report> back_up(memory_file_system& files_of,
                                const std::string& to,
                                const std::string& earlier = {},
                                bool copies = false) {
    auto files = std::shared_ptr<memory_file_system>{
      std::shared_ptr<memory_file_system>{}, &files_of};
    auto begun = begin(files, to, earlier, copies);
    if (!begun)
      return begun.error();
    auto done = run(**begun);
    if (!done)
      (*begun)->abandon();
    return done;
  }

  result<backup_report> back_up(const std::string& to,
                                const std::string& earlier = {},
                                bool copies = false) {
    return back_up(*disk, to, earlier, copies);
  }

  static result<backup_report> run(backup_writer& writer) {
    if (auto taken = take_all(writer); !taken)
      return taken.error();
    return check_and_finish(writer);
  }

  static result<ok> take_all(backup_writer& writer) {
    while (true) {
      auto taken = writer.take_next();
      if (!taken)
        return taken.error();
      if (!*taken)
        return ok{};
    }
  }

  static result<backup_report> check_and_finish(backup_writer& writer) {
    for (result<bool> last = false; !last || !*last;) {
      last = writer.check_next();
      if (!last)
        return last.error();
    }
    return writer.finish();
  }

  result<restore_report> restore(const std::string& from,
                                 const std::string& to) {
    return restore_backup(disk, from, to, year_2026 + 1000 * minute, {});
  }

  /// The store of a directory, which becomes "store" for the sake of the
  /// mini_store.
  contents contents_of(const std::string& directory) {
    auto copy = memory_file_system::make();
    EXPECT_TRUE(copy->create_directory("store"));
    auto names = disk->list(directory);
    EXPECT_TRUE(names);
    for (const std::string& name : *names)
      copy->put_content("store/" + name, disk->content(directory + "/" + name));
    auto opened = mini_store::open(copy, {});
    EXPECT_TRUE(opened) << to_string(opened.error());
    return opened ? *(*opened)->all() : contents{};
  }

  std::vector<std::string> files_in(const std::string& directory) {
    auto names = disk->list(directory);
    return names ? *names : std::vector<std::string>{};
  }

  std::size_t damages_of(const std::string& directory) {
    auto report = verify_backup(*disk, directory, {});
    EXPECT_TRUE(report) << to_string(report.error());
    return report ? report->damages.size() : 0;
  }

  std::shared_ptr<memory_file_system> disk = memory_file_system::make();
  contents made;
  /// For disks that fail, so that only the backup meets that.
  std::optional<manifest> known_state;

private:
  int next_ = 0;
};

} // namespace kvs::storage::testing
