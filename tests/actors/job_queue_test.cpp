// Goal: actors run on the threads that docs/adr/0002 gives them.
// Method: real threads; every actor says on which one it was.

#include "actors/job_queue.hpp"

#include "actors/asio_scheduler.hpp"

#include <gtest/gtest.h>

#include <pthread.h>

#include <array>
#include <future>
#include <string>

namespace kvs::actors {
namespace {

std::string name_of_this_thread() {
  std::array<char, 16> name{};
  ::pthread_getname_np(::pthread_self(), name.data(), name.size());
  return name.data();
}

/// Tells the name of its thread, then wakes up another one, if there is one.
class teller final : public caf_compat::pinnable<caf::event_based_actor> {
public:
  teller(caf::actor_config& config, caf_compat::execution_base* thread,
         std::promise<std::string>* told, caf::actor next)
    : pinnable{config, thread}, told_{told}, next_{std::move(next)} {
  }
  caf::behavior make_behavior() override {
    return {[this](int wake_up) {
      if (next_)
        send(next_, wake_up);
      told_->set_value(name_of_this_thread());
      quit();
    }};
  }

private:
  std::promise<std::string>* told_;
  caf::actor next_;
};

TEST(JobQueueTest, WhoIsWokenByABlockingActorRunsOnALoop) {
  caf::actor_system_config config;
  use_asio_scheduler(config, 1);
  caf::actor_system system{config};
  std::promise<std::string> woken_on;
  std::promise<std::string> pinned_on;
  auto woken_name = woken_on.get_future();
  auto pinned_name = pinned_on.get_future();
  own_thread blocking{system, "test-blocking"};
  auto woken
    = system.spawn<teller>(caf_compat::on_scheduler, &woken_on, caf::actor{});
  caf::anon_send(system.spawn<teller>(&blocking.queue(), &pinned_on, woken), 1);
  EXPECT_EQ(pinned_name.get(), "test-blocking");
  EXPECT_EQ(woken_name.get(), "kvs-loop");
}

} // namespace
} // namespace kvs::actors
