#include "actors/job_queue.hpp"

#include <sys/prctl.h>

namespace kvs::actors {

job_queue::job_queue(caf::actor_system& system, guests woken_up)
  : caf_compat::job_acceptor{system}, woken_up_{woken_up}, entrance_{system},
    sockets_{io_, [this] { run_ready(); }} {
}

caf_compat::execution_base* job_queue::context() noexcept {
  if (woken_up_ == guests::leave)
    return &entrance_;
  return this;
}

void job_queue::submit(caf::resumable* job) {
  if (std::this_thread::get_id() == owner_.load(std::memory_order_relaxed)) {
    ready_.push_back(job);
    arm();
    return;
  }
  boost::asio::post(io_, [this, job] {
    if (caf_compat::run_job(job, context(), throughput_max))
      submit(job);
    run_ready();
  });
}

void job_queue::arm() {
  if (armed_)
    return;
  armed_ = true;
  boost::asio::post(io_, [this] {
    armed_ = false;
    run_ready();
  });
}

void job_queue::run_ready() {
  // What one round of sockets wakes up is at most a few generations of jobs:
  // connections, WRITER, shards, connections. Running those at once saves
  // trips through epoll; the bound lets sockets in however much the actors
  // have to say.
  constexpr std::size_t jobs_max = 256;
  for (std::size_t count = 0; count < jobs_max && !ready_.empty(); ++count) {
    auto* job = ready_.front();
    ready_.pop_front();
    if (caf_compat::run_job(job, context(), throughput_max))
      ready_.push_back(job);
  }
  if (!ready_.empty())
    arm();
}

void job_queue::serve() {
  owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  io_.run();
}

own_thread::own_thread(caf::actor_system& system, const char* name,
                       job_queue::guests woken_up)
  : queue_{system, woken_up}, work_{queue_.io().get_executor()},
    thread_{[this, name] {
      ::prctl(PR_SET_NAME, name);
      queue_.serve();
    }} {
}

own_thread::~own_thread() {
  join();
}

void own_thread::join() {
  work_.reset();
  if (thread_.joinable())
    thread_.join();
}

} // namespace kvs::actors
