/// RECOVERY WORKERS: read a store on all cores before it is served.
#pragma once

#include "actors/job_queue.hpp"
#include "storage/recovery.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace kvs::actors {

/// Do one piece of recovery's work.
struct run_unit {
  std::function<void()> unit;
  /// Comes back with the answer.
  std::size_t worker = 0;
};

struct unit_run {
  std::size_t worker = 0;
};

/// RECOVERY WORKER: owns nothing; what it does was handed to it and belongs to
/// it until it answers.
///
/// Blocking: has its own thread; units read files.
/// Failure: a unit that throws is answered like any other. Its outcome, which
/// storage looks at, then still says that it was not done.
using recovery_worker_actor
  = caf::typed_actor<caf_compat::rpc<run_unit>::returns<unit_run>>;

/// As many workers as there is work to do at a time. They live as long as this
/// object.
class recovery_crew {
public:
  /// @pre worker_count != 0
  recovery_crew(caf::actor_system& system, std::size_t worker_count);
  recovery_crew(const recovery_crew&) = delete;
  recovery_crew& operator=(const recovery_crew&) = delete;
  ~recovery_crew();

  /// A `storage::work_runner`. Hands every worker one unit, and another one
  /// whenever it has done that, so that units may differ in size. If all
  /// workers die the rest is not run.
  /// @pre the calling thread belongs to no actor
  void run(const storage::work_units& units,
           const std::function<void()>& after_each);

private:
  caf::actor_system& system_;
  std::vector<recovery_worker_actor> workers_;
  /// Last: the threads end before anything else goes.
  std::vector<std::unique_ptr<own_thread>> threads_;
};

} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::run_unit)
KVS_MESSAGE(kvs::actors::unit_run)
