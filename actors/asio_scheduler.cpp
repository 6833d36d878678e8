// Written for CAF 0.17.6, which Debian packages and kvs-node links. An
// application on a later CAF that embeds the store runs the actors on its own
// scheduler and does not compile this file.
#include "actors/asio_scheduler.hpp"

#include <caf/detail/thread_safe_actor_clock.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <thread>
#include <vector>

namespace kvs::actors {
namespace {

/// The worker threads. They end when the guards are gone and no handler or
/// job is left, so that nothing queued is ever lost.
class worker_pool {
public:
  worker_pool(caf::actor_system& system, std::size_t count) {
    for (std::size_t index = 0; index < count; ++index)
      workers_.push_back(std::make_unique<own_thread>(system, "kvs-loop",
                                                      job_queue::guests::stay));
  }
  void submit(caf::resumable* job) {
    // Only round-robin fairness depends on this counter, so that two threads
    // may well read the same value.
    auto turn = turn_.fetch_add(1, std::memory_order_relaxed);
    workers_[turn % workers_.size()]->queue().submit(job);
  }
  job_queue& worker(std::size_t index) {
    return workers_[index % workers_.size()]->queue();
  }
  std::size_t size() const noexcept {
    return workers_.size();
  }
  void stop() {
    for (const auto& each : workers_)
      each->join();
  }

private:
  std::vector<std::unique_ptr<own_thread>> workers_;
  std::atomic<std::size_t> turn_{0};
};

class asio_coordinator final : public caf::scheduler::abstract_coordinator {
  using super = caf::scheduler::abstract_coordinator;

public:
  using super::super;

  static caf::actor_system::module* make(caf::actor_system& system,
                                         caf::detail::type_list<>) {
    return new asio_coordinator(system);
  }
  worker_pool& pool() {
    return *pool_;
  }
  caf::actor_clock& clock() noexcept override {
    return clock_;
  }

protected:
  void start() override {
    pool_ = std::make_unique<worker_pool>(system(), num_workers());
    timer_ = std::thread{[this] { clock_.run_dispatch_loop(); }};
    super::start();
  }
  void stop() override {
    stop_actors();
    // Timers first: they would enqueue jobs into a pool that is gone.
    clock_.cancel_dispatch_loop();
    timer_.join();
    pool_->stop();
  }
  void enqueue(caf::resumable* job) override {
    pool_->submit(job);
  }

private:
  std::unique_ptr<worker_pool> pool_;
  /// Goes before the pool: timers that never fired hold actors, and what those
  /// let go of may belong to a loop.
  caf::detail::thread_safe_actor_clock clock_;
  std::thread timer_;
};

worker_pool& pool_of(caf::actor_system& system) {
  return static_cast<asio_coordinator&>(system.scheduler()).pool();
}

} // namespace

void use_asio_scheduler(caf::actor_system_config& config,
                        std::size_t loop_count) {
  config.load<asio_coordinator>();
  caf_compat::set_option(config, "scheduler.max-threads", loop_count);
}

job_queue& loop_of(caf::actor_system& system, std::size_t index) {
  return pool_of(system).worker(index);
}

std::size_t loop_count(caf::actor_system& system) {
  return pool_of(system).size();
}

} // namespace kvs::actors
