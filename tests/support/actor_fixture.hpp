#pragma once

#include "actors/caf_compat.hpp"

#include <caf/scheduler/test_coordinator.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <utility>

namespace kvs::test_support {

/// An actor system without threads: actors run when the test says so, and
/// time passes when the test says so. Every run takes the same path.
class actor_fixture : public ::testing::Test {
protected:
  actor_fixture()
    : system{configure(config_)},
      scheduler_{
        dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler())} {
  }

  /// Lets every actor with mail handle all of it. Time stands still.
  void run_actors() {
    scheduler_.run();
  }

  /// Lets one actor with mail run; false: none had any.
  bool run_one_actor() {
    return scheduler_.try_run_once();
  }

  /// The same with any one of them, which `random` chooses.
  template <class Random>
  bool run_random_actor(Random& random) {
    auto& waiting = scheduler_.jobs;
    if (waiting.empty())
      return false;
    std::swap(waiting.front(), waiting[random() % waiting.size()]);
    return scheduler_.try_run_once();
  }

  /// Lets `span` pass; what came due only waits for its turn.
  void let_time_pass(std::chrono::milliseconds span) {
    scheduler_.advance_time(span);
  }

  /// Lets `span` pass, then runs whatever came due.
  void advance_time(std::chrono::milliseconds span) {
    scheduler_.advance_time(span);
    run_actors();
  }

  /// How many messages wait for their time.
  std::size_t timer_count() {
    return scheduler_.clock().schedule().size();
  }

  /// Fires what is still due, so that no timer keeps an actor alive.
  void let_timers_expire() {
    run_actors();
    while (scheduler_.trigger_timeout())
      run_actors();
  }

private:
  static caf::actor_system_config& configure(caf::actor_system_config& config) {
    caf_compat::set_policy(config, "testing");
    return config;
  }

  caf::actor_system_config config_;

protected:
  caf::actor_system system;

private:
  caf::scheduler::test_coordinator& scheduler_;
};

} // namespace kvs::test_support
