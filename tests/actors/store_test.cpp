// Goal: spawn_store() gives a store that works, stops in order, and says so
// when one of its actors dies.
// Method: the real thing with threads, on a disk in memory.

#include "actors/store.hpp"

#include "actors/asio_scheduler.hpp"
#include "tests/support/memory_file_system.hpp"

#include <gtest/gtest.h>

#include <future>

namespace kvs::actors {
namespace {

/// A session for code outside of actors: one question at a time.
class asking final : public session_actor::base {
public:
  asking(caf::actor_config& config,
         std::shared_ptr<std::promise<operations_answered>> reply)
    : session_actor::base{config}, reply_{std::move(reply)} {
  }
  behavior_type make_behavior() override {
    return {
      [this](const operations_answered& message) {
        reply_->set_value(message);
        quit();
      },
      [](const keys_scanned&) {},
      [](const figures_collected&) {},
      [](const transaction_rejected&) {},
    };
  }

private:
  std::shared_ptr<std::promise<operations_answered>> reply_;
};

class StoreTest : public ::testing::Test {
protected:
  StoreTest() {
    use_asio_scheduler(config_, 2);
    system_ = std::make_unique<caf::actor_system>(config_);
  }

  std::unique_ptr<running_store> open() {
    store_options options;
    options.directory = "/store";
    options.shard_count = 2;
    options.files = files;
    auto told = [this](const std::string& what) { failed_.set_value(what); };
    options.on_death = told;
    options.on_read_only = told;
    auto made = spawn_store(*system_, std::move(options));
    EXPECT_TRUE(made);
    return std::move(*made);
  }

  operations_answered ask(const store_access& store, operation_kind kind,
                          std::string_view key, std::string_view value = {}) {
    auto promise = std::make_shared<std::promise<operations_answered>>();
    auto reply = promise->get_future();
    session_actor from = system_->spawn<asking>(promise);
    operation op;
    op.kind = kind;
    op.key = key;
    op.hash = (*store.hash)(key);
    op.value = std::as_bytes(std::span{value.data(), value.size()});
    op.value_crc = storage::value_checksum(op.value);
    if (kind == operation_kind::put)
      caf_compat::tell_anon(store.writer, append_batch{from, {op}, {}});
    else
      caf_compat::tell_anon(store.shards[store.shard_of(op.hash)],
                            read_batch{from, {op}, {}});
    return reply.get();
  }

  std::shared_ptr<test_support::memory_file_system> files
    = test_support::memory_file_system::make();
  std::promise<std::string> failed_;

private:
  caf::actor_system_config config_;

protected:
  std::unique_ptr<caf::actor_system> system_;
};

TEST_F(StoreTest, KeepsWhatWasAcknowledgedOverAStop) {
  {
    auto store = open();
    auto reply = ask(store->access(), operation_kind::put, "key", "value");
    EXPECT_TRUE(reply.answers.at(0).applied);
    EXPECT_EQ(store->stop().code, outcome::ok);
    EXPECT_EQ(store->stop().code, outcome::ok) << "a second stop is harmless";
  }
  auto store = open();
  EXPECT_EQ(store->report().keys, 1u);
  auto reply = ask(store->access(), operation_kind::get, "key");
  EXPECT_TRUE(reply.answers.at(0).applied);
}

// Goal: an ordered stop leaves the indexes behind, for exactly one start.
TEST_F(StoreTest, AStartAfterAStopReadsTheCheckpoint) {
  {
    auto store = open();
    for (int i = 0; i < 50; ++i)
      ask(store->access(), operation_kind::put, "key" + std::to_string(i),
          "value");
    EXPECT_FALSE(store->report().from_checkpoint);
  }
  EXPECT_TRUE(files->exists("/store/CHECKPOINT"));
  auto store = open();
  EXPECT_TRUE(store->report().from_checkpoint);
  EXPECT_EQ(store->report().keys, 50u);
  EXPECT_FALSE(files->exists("/store/CHECKPOINT"));
  for (int i = 0; i < 50; ++i)
    EXPECT_TRUE(
      ask(store->access(), operation_kind::get, "key" + std::to_string(i))
        .answers.at(0)
        .applied);
}

// Goal: what is not known to be right is not left behind.
TEST_F(StoreTest, AStopThatDidNotGoWellLeavesNoCheckpoint) {
  {
    auto store = open();
    auto told = failed_.get_future();
    files->fail(test_support::disk_call::sync, 1, EIO);
    ask(store->access(), operation_kind::put, "key", "value");
    told.wait();
    files->stop_failing();
  }
  EXPECT_FALSE(files->exists("/store/CHECKPOINT"));
  failed_ = {};
  {
    auto store = open();
    auto told = failed_.get_future();
    caf::anon_send_exit(store->access().shards[0],
                        caf::exit_reason::unhandled_exception);
    told.wait();
  }
  EXPECT_FALSE(files->exists("/store/CHECKPOINT"));
}

TEST_F(StoreTest, RefusesASecondStoreOnOneDirectory) {
  auto store = open();
  store_options options;
  options.directory = "/store";
  options.files = files;
  auto second = spawn_store(*system_, std::move(options));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, storage::errc::locked);
}

// Goal: never a silent, half-alive node.
TEST_F(StoreTest, ReportsTheDeathOfAnActor) {
  auto store = open();
  auto failure_told = failed_.get_future();
  caf::anon_send_exit(store->access().shards[1],
                      caf::exit_reason::unhandled_exception);
  ASSERT_EQ(failure_told.wait_for(std::chrono::seconds{10}),
            std::future_status::ready);
  EXPECT_NE(failure_told.get().find("shard"), std::string::npos);
}

TEST_F(StoreTest, ReportsAFailedSync) {
  auto store = open();
  auto failure_told = failed_.get_future();
  files->fail(test_support::disk_call::sync, 1, EIO);
  auto reply = ask(store->access(), operation_kind::put, "key", "value");
  EXPECT_EQ(reply.answers.at(0).code, outcome::outcome_unknown);
  EXPECT_NE(failure_told.get().find("sync"), std::string::npos);
  EXPECT_NE(store->stop().code, outcome::ok);
}

} // namespace
} // namespace kvs::actors
