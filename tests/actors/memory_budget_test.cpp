// Goal: large requests together stay within the budget, and never deadlock.

#include "actors/memory_budget.hpp"

#include "tests/support/actor_fixture.hpp"

namespace kvs::actors {
namespace {

using namespace std::chrono_literals;

struct user_log {
  std::uint64_t granted_bytes = 0;
  int refused = 0;
};

class user final : public memory_user_actor::base {
public:
  user(caf::actor_config& config, std::shared_ptr<user_log> log)
    : memory_user_actor::base{config}, log_{std::move(log)} {
  }
  behavior_type make_behavior() override {
    return {
      [this](const memory_granted& message) {
        log_->granted_bytes += message.bytes;
      },
      [this](const memory_refused&) { ++log_->refused; },
    };
  }

private:
  std::shared_ptr<user_log> log_;
};

class MemoryBudgetTest : public test_support::actor_fixture {
protected:
  MemoryBudgetTest() {
    for (auto& each : logs) {
      each = std::make_shared<user_log>();
      users.push_back(system.spawn<user>(each));
    }
    budget = spawn_memory_budget(system, 100);
  }
  void TearDown() override {
    for (const auto& each : users)
      caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(budget, caf::exit_reason::user_shutdown);
    users.clear();
    let_timers_expire();
  }
  void reserve(std::size_t who, std::uint64_t bytes, std::uint64_t held = 0) {
    caf_compat::tell_anon(budget, reserve_memory{users[who], bytes, 0, held});
    run_actors();
  }

  std::array<std::shared_ptr<user_log>, 3> logs;
  std::vector<memory_user_actor> users;
  memory_budget_actor budget;
};

TEST_F(MemoryBudgetTest, GrantsInTurnAndNeverMoreThanThereIs) {
  reserve(0, 60);
  reserve(1, 60);
  reserve(2, 10);
  EXPECT_EQ(logs[0]->granted_bytes, 60u);
  EXPECT_EQ(logs[1]->granted_bytes, 0u);
  EXPECT_EQ(logs[2]->granted_bytes, 0u) << "first come, first served";
  caf_compat::tell_anon(budget, release_memory{60});
  run_actors();
  EXPECT_EQ(logs[1]->granted_bytes, 60u);
  EXPECT_EQ(logs[2]->granted_bytes, 10u);
}

// Goal: what can never be granted is refused at once, and keeps nobody behind
// it waiting.
TEST_F(MemoryBudgetTest, RefusesAtOnceWhatIsMoreThanTheWholeBudget) {
  reserve(0, 100);
  reserve(1, 101);
  EXPECT_EQ(logs[1]->refused, 1);
  reserve(2, 10);
  caf_compat::tell_anon(budget, release_memory{100});
  run_actors();
  EXPECT_EQ(logs[2]->granted_bytes, 10u);
  EXPECT_EQ(logs[1]->granted_bytes, 0u);
}

TEST_F(MemoryBudgetTest, RefusesTheLargestWhenNothingMovesForASecond) {
  reserve(0, 50);
  reserve(1, 50);
  reserve(0, 30, 50);
  reserve(1, 30, 40);
  advance_time(900ms);
  EXPECT_EQ(logs[0]->refused, 0);
  advance_time(200ms);
  EXPECT_EQ(logs[0]->refused, 1);
  EXPECT_EQ(logs[1]->refused, 0);
  caf_compat::tell_anon(budget, release_memory{50});
  run_actors();
  EXPECT_EQ(logs[1]->granted_bytes, 80u);
}

TEST_F(MemoryBudgetTest, RefusesNobodyWhileSomethingMoves) {
  reserve(0, 100);
  reserve(1, 50);
  for (int count = 0; count < 5; ++count) {
    advance_time(600ms);
    caf_compat::tell_anon(budget, release_memory{1});
    run_actors();
  }
  EXPECT_EQ(logs[1]->refused, 0);
}

TEST_F(MemoryBudgetTest, ForgetsWhoDoesNotWaitAnyMore) {
  reserve(0, 100);
  reserve(1, 100);
  caf_compat::tell_anon(budget, cancel_reservation{users[1].address()});
  caf_compat::tell_anon(budget, release_memory{100});
  run_actors();
  EXPECT_EQ(logs[1]->granted_bytes, 0u);
  reserve(2, 100);
  EXPECT_EQ(logs[2]->granted_bytes, 100u);
}

} // namespace
} // namespace kvs::actors
