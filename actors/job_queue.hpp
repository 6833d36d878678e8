/// A CAF execution context whose jobs run on the thread of one Asio
/// io_context. Both the Asio scheduler and the own threads of the blocking
/// actors are made of it.
#pragma once

#include "actors/caf_compat.hpp"
#include "actors/socket_poller.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <cstddef>
#include <deque>
#include <thread>

namespace kvs::actors {

/// Runs actors on one thread, together with the I/O of its io_context.
///
/// Threads: `submit` may be called from anywhere; on the own thread it costs
/// no lock. Everything else belongs to the own thread.
/// Order: jobs run in the order in which they became ready.
/// Failure: CAF catches what actors throw, and Asio handlers of kvs do not
/// throw; an exception from here would end the process.
class job_queue final : public caf_compat::job_acceptor {
public:
  /// Where actors run that are pinned nowhere, when one that runs here wakes
  /// them up.
  enum class guests {
    /// Here: they find what they need in the caches of this core.
    stay,
    /// Where the scheduler puts them: they must not wait for who blocks here.
    leave,
  };

  job_queue(caf::actor_system& system, guests woken_up);

  /// Takes over one reference to `job`.
  void submit(caf::resumable* job) override;

  /// Runs what is ready now, at most one round. Whoever wakes up actors on
  /// this thread calls it last, so that they run without another trip through
  /// epoll.
  void run_ready();

  /// Serves the io_context until no work is left; called once, by the thread
  /// that becomes the own one.
  void serve();

  boost::asio::io_context& io() noexcept {
    return io_;
  }

  /// Whom the sockets of this loop ask to be told.
  socket_poller& sockets() noexcept {
    return sockets_;
  }

private:
  void arm();

  /// Messages an actor handles before others get their turn.
  static constexpr std::size_t throughput_max = 300;

  /// What jobs run with: it gets those that they wake up.
  caf_compat::execution_base* context() noexcept;

  guests woken_up_;
  caf_compat::scheduler_entrance entrance_;
  /// One thread serves it: what that thread posts needs no lock.
  boost::asio::io_context io_{1};
  socket_poller sockets_;
  std::deque<caf::resumable*> ready_;
  bool armed_ = false;
  /// Written once, when the thread starts; read by any sender.
  std::atomic<std::thread::id> owner_{};
};

/// A job_queue with a thread of its own. `join` waits until all jobs have run;
/// the actors on it must have been told to stop. So does the destructor.
class own_thread {
public:
  /// `name`: what the operating system shows, at most 15 bytes. By default for
  /// actors that block on the disk.
  own_thread(caf::actor_system& system, const char* name,
             job_queue::guests woken_up = job_queue::guests::leave);
  own_thread(const own_thread&) = delete;
  own_thread& operator=(const own_thread&) = delete;
  ~own_thread();

  /// Ends the thread; the queue stays.
  void join();

  job_queue& queue() noexcept {
    return queue_;
  }

private:
  job_queue queue_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type>
    work_;
  std::thread thread_;
};

} // namespace kvs::actors
