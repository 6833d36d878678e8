#pragma once

#include "tests/simulation/oracle.hpp"
#include "tests/simulation/script.hpp"
#include "tests/support/memory_file_system.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

/// The stores that are simulated.
namespace kvs::simulation {

using disk_ptr = std::shared_ptr<test_support::memory_file_system>;

/// The directory of every store here.
inline constexpr const char* store_directory = "/store";

/// When the first start is.
inline constexpr storage::timestamp_ms first_start = 1'000'000;

/// When the records of a step expire; 0: never.
storage::timestamp_ms expiry_of(const step& what, storage::timestamp_ms now);
/// What a step that writes does.
expected_change change_of(const step& what, storage::timestamp_ms now);

/// How a step ended.
enum class step_result : std::uint8_t {
  done,
  /// It failed, and nothing of it may ever be seen.
  refused,
  /// It failed, and may or may not be seen later.
  unknown,
};

/// By segment.
using live_shares = std::map<storage::segment_id, storage::live_share>;

/// A store on a disk in memory, which does what it is told and tells the
/// oracle what it has promised. No step but the last fails unless the disk
/// does.
class world {
public:
  virtual ~world() = default;

  /// Starts the store. The error of the start, or nullopt.
  virtual std::optional<storage::error> open(const disk_ptr& disk,
                                             storage::timestamp_ms wall_clock)
    = 0;
  /// All kinds but stop, kill and power_cut.
  virtual step_result run(const step& what, oracle& expected) = 0;
  /// Waits for the answers to hurried steps.
  virtual step_result catch_up(oracle&) {
    return step_result::done;
  }
  /// Takes notice of what has been promised while a step is under way.
  virtual void listen(oracle&) {
  }
  /// Stops the store in order. Nothing may be asked of it any more.
  virtual step_result stop() = 0;
  /// Forgets the store. Its disk is not used any more.
  virtual void die() = 0;

  /// What `key` is now: "…" or nothing. Errors of the read come as errors.
  virtual storage::result<std::optional<std::string>>
  get(const std::string& key) = 0;
  virtual storage::timestamp_ms now() const = 0;
  /// It takes no writes any more.
  virtual bool is_read_only() const {
    return false;
  }

  /// What the index says of each segment that has any: records that have not
  /// expired, and their bytes. May let time pass until the index knows that
  /// some have.
  virtual live_shares live() = 0;
};

/// The parts of storage/, called in one thread.
std::unique_ptr<world> make_storage_world(const profile& how);

/// When an acknowledged write is on disk.
enum class promise : std::uint8_t { always, interval, none };

/// The actors, stepped by a test scheduler.
std::unique_ptr<world> make_actor_world(const profile& how, promise mode);

/// What readers find of all keys; the error of the first read that fails.
storage::result<storage::testing::contents> read_all(world& lived,
                                                     const profile& how);

/// Lives as a script says. Returns false when a test has failed.
class life {
public:
  life(world& lived, const profile& how) : lived_{lived}, how_{how} {
  }

  /// Called for every disk that a store is opened on, before that.
  std::function<void(const disk_ptr& disk)> on_disk;

  bool start(const disk_ptr& disk);
  bool run(const step& what);

  oracle& expected() {
    return expected_;
  }
  const disk_ptr& disk() const {
    return disk_;
  }
  storage::timestamp_ms wall_clock() const {
    return wall_clock_;
  }

private:
  bool start_again(const disk_ptr& disk, std::size_t first_allowed);
  bool look(const step& what);

  world& lived_;
  const profile& how_;
  oracle expected_;
  disk_ptr disk_;
  storage::timestamp_ms wall_clock_ = first_start;
};

/// What a start finds on a disk.
struct found_store {
  storage::testing::contents keys;
  storage::timestamp_ms now = 0;
};
storage::result<found_store> look_into(const disk_ptr& disk, const profile& how,
                                       storage::timestamp_ms wall_clock);

} // namespace kvs::simulation
