#pragma once

#include "tests/actors/schedule_history.hpp"
#include "tests/actors/store_fixture.hpp"

#include <random>

namespace kvs::actors {

/// A store whose actors take their turns in an order that a seed decides, with
/// everything that may happen to it: writes, reads, compactions, backups, time
/// that passes, kills and power cuts. What it answers and what it holds
/// afterwards is compared with the history of its writes.
class schedule_fixture : public store_fixture {
protected:
  /// Runs one schedule. Failures name the seed.
  void run_schedule(std::uint64_t seed);

private:
  enum class ending { stop, kill, power_cut };

  struct request {
    enum class kind { write, read, backup, other };
    kind what = kind::other;
    model_step step;
    /// Of a read: the key, and the newest write of it that was answered before
    /// the read was sent. Of a backup: the newest write of all.
    std::string key;
    storage::sequence_number at_least = 0;
    std::size_t answers = 0;
    answer reply;
    std::string value;
    storage::timestamp_ms answered_at = 0;
    /// The answer came when the process was dead already, so it tells what has
    /// become of the request, and promises nothing.
    bool is_posthumous = false;
  };

  static std::vector<std::string> all_keys();
  void begin_schedule(std::uint64_t seed);
  void live(ending how);
  void act();
  void act_on_strings();
  void act_on_numbers();
  void act_on_mortals();
  void act_on_the_store();
  void run_some();
  void take_answers();
  void end_life(ending how);
  void check_answers();
  void check_read(const request& each);
  void check_number(const request& each);
  void check_contents();
  void check_backups();

  std::uint64_t send(request what);
  std::uint64_t send_write(model_change change);
  storage::sequence_number newest_answered(const std::string& key) const;
  std::string any_key(const char* prefix, unsigned count);
  std::string fresh_value();
  unsigned pick(unsigned count) {
    return static_cast<unsigned>(random_() % count);
  }

  std::mt19937_64 random_;
  sync_mode mode_ = sync_mode::always;
  schedule_history history_;
  std::map<std::uint64_t, request> requests_;
  std::size_t answers_taken_ = 0;
  std::size_t figures_taken_ = 0;
  std::uint64_t next_id_ = 1;
  /// The life ends: what is under way may be refused, …
  bool is_closing_ = false;
  /// … and by a death nobody hears of it.
  bool is_dead_ = false;
  /// Prefixes up to this one have survived.
  storage::sequence_number survived_ = 0;
  /// Expiries that somebody was told of: time never falls below them again.
  storage::timestamp_ms told_expired_ = 0;
  /// Directory and version of each backup that was answered.
  std::map<std::string, storage::sequence_number> backups_;
};

} // namespace kvs::actors
