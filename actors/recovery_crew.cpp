#include "actors/recovery_crew.hpp"

#include "actors/logging.hpp"

#include <cassert>
#include <exception>

namespace kvs::actors {
namespace {

/// A worker died, with or without a unit in its hands.
struct worker_gone {
  std::size_t worker = 0;
};

} // namespace
} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::worker_gone)

namespace kvs::actors {
namespace {

class recovery_worker final
  : public caf_compat::pinnable<recovery_worker_actor::base> {
public:
  recovery_worker(caf::actor_config& config, caf_compat::execution_base* thread)
    : pinnable{config, thread} {
  }

  const char* name() const override {
    return "kvs.recovery-worker";
  }

  behavior_type make_behavior() override {
    return {[](const run_unit& wanted) {
      try {
        wanted.unit();
      } catch (const std::exception& thrown) {
        logging::error("recovery.unit-failed error=\"{}\"", thrown.what());
      }
      return unit_run{wanted.worker};
    }};
  }
};

} // namespace

recovery_crew::recovery_crew(caf::actor_system& system,
                             std::size_t worker_count)
  : system_{system} {
  assert(worker_count != 0);
  for (std::size_t i = 0; i < worker_count; ++i) {
    threads_.push_back(std::make_unique<own_thread>(system, "kvs-recovery"));
    workers_.push_back(
      system.spawn<recovery_worker>(&threads_.back()->queue()));
  }
}

recovery_crew::~recovery_crew() {
  for (const auto& each : workers_)
    caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
}

void recovery_crew::run(const storage::work_units& units,
                        const std::function<void()>& after_each) {
  caf::scoped_actor self{system_};
  std::size_t next = 0;
  std::vector<bool> busy(workers_.size());
  auto hand_over = [&](std::size_t worker) {
    busy[worker] = next < units.size();
    if (busy[worker])
      caf_compat::tell(self.ptr(), workers_[worker],
                       run_unit{units[next++], worker});
  };
  std::size_t busy_count = 0;
  for (std::size_t worker = 0; worker < workers_.size(); ++worker) {
    caf_compat::watch(workers_[worker], caf::actor{self.ptr()},
                      worker_gone{worker});
    hand_over(worker);
    busy_count += busy[worker] ? 1 : 0;
  }
  while (busy_count > 0)
    self->receive(
      [&](const unit_run& done) {
        hand_over(done.worker);
        busy_count -= busy[done.worker] ? 0 : 1;
        after_each();
      },
      [&](const worker_gone& gone) {
        busy_count -= busy[gone.worker] ? 1 : 0;
        busy[gone.worker] = false;
      });
}

} // namespace kvs::actors
