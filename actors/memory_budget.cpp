#include "actors/memory_budget.hpp"

#include "actors/logging.hpp"

#include <algorithm>
#include <deque>
#include <utility>

namespace kvs::actors {
namespace {

/// Note to self: has anything moved since?
struct progress_check_due {
  std::uint64_t movement_count = 0;
};

} // namespace
} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::progress_check_due)

namespace kvs::actors {
namespace {

using memory_budget_impl
  = memory_budget_actor::extend<caf_compat::takes<progress_check_due>>;

constexpr std::chrono::seconds progress_timeout{1};

class memory_budget final
  : public caf_compat::pinnable<memory_budget_impl::base> {
public:
  memory_budget(caf::actor_config& config, caf_compat::execution_base* loop,
                std::uint64_t bytes_max)
    : pinnable{config, loop}, bytes_max_{bytes_max}, free_bytes_{bytes_max} {
  }

  const char* name() const override {
    return "kvs.memory-budget";
  }

  behavior_type make_behavior() override {
    return {
      [this](const reserve_memory& request) {
        if (request.bytes > bytes_max_) {
          caf_compat::tell(this, request.from, memory_refused{request.purpose});
          return;
        }
        waiting_.push_back(request);
        grant();
      },
      [this](const release_memory& message) {
        free_bytes_ += message.bytes;
        ++movement_count_;
        grant();
      },
      [this](const cancel_reservation& message) {
        std::erase_if(waiting_, [&](const reserve_memory& each) {
          return each.from.address() == message.from;
        });
        grant();
      },
      [this](const progress_check_due& note) {
        check_armed_ = false;
        if (!waiting_.empty() && note.movement_count == movement_count_)
          refuse_largest();
        arm_check();
      },
    };
  }

private:
  void grant() {
    while (!waiting_.empty() && waiting_.front().bytes <= free_bytes_) {
      auto request = std::move(waiting_.front());
      waiting_.pop_front();
      free_bytes_ -= request.bytes;
      ++movement_count_;
      caf_compat::tell(this, request.from,
                       memory_granted{request.bytes, request.purpose});
    }
    arm_check();
  }

  void arm_check() {
    if (check_armed_ || waiting_.empty())
      return;
    check_armed_ = true;
    caf_compat::tell_after(this, this, progress_timeout,
                           progress_check_due{movement_count_});
  }

  void refuse_largest() {
    auto largest = std::max_element(
      waiting_.begin(), waiting_.end(),
      [](const auto& a, const auto& b) { return a.held_bytes < b.held_bytes; });
    logging::warn("memory-budget.request-refused held_bytes={} waiting={}",
                  largest->held_bytes, waiting_.size());
    caf_compat::tell(this, largest->from, memory_refused{largest->purpose});
    waiting_.erase(largest);
    ++movement_count_;
  }

  std::uint64_t bytes_max_;
  std::uint64_t free_bytes_;
  std::deque<reserve_memory> waiting_;
  /// Grants, releases and refusals so far.
  std::uint64_t movement_count_ = 0;
  bool check_armed_ = false;
};

} // namespace

memory_owner charged_memory(memory_owner memory, memory_charge charge) {
  auto* bytes = memory.get();
  return {bytes, [memory = std::move(memory),
                  charge = std::move(charge)](const void*) mutable {
            memory.reset();
            charge.release();
          }};
}

memory_budget_actor spawn_memory_budget(caf::actor_system& system,
                                        std::uint64_t bytes_max) {
  return system.spawn<memory_budget>(caf_compat::on_scheduler, bytes_max);
}

} // namespace kvs::actors
