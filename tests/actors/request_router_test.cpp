// Goal: which requests of one client wait for which, and how answers of
// several actors become one reply.
// Method: a port that only records what would have been sent.

#include "actors/request_router.hpp"

#include "tests/actors/recording_port.hpp"
#include "tests/actors/store_fixture.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>

namespace kvs::actors {
namespace {

class RequestRouterTest : public ::testing::Test {
protected:
  RequestRouterTest() : router{access(), port} {
  }

  static store_access access() {
    store_access store;
    store.shards.resize(2);
    store.hash = std::make_shared<storage::key_hasher>(1);
    store.clock = std::make_shared<manual_clock>();
    return store;
  }

  void submit(std::uint64_t id, protocol::request request) {
    router.submit(id, std::move(request), nullptr);
  }
  void turn() {
    router.send_collected();
  }
  void get(std::uint64_t id, std::string_view key) {
    submit(id, protocol::get{key});
  }
  void set(std::uint64_t id, std::string_view key) {
    protocol::put put;
    put.key = key;
    put.value = "v";
    submit(id, put);
  }
  void increment(std::uint64_t id, std::string_view key) {
    submit(id, protocol::increment{key, 1});
  }
  void answer_to(request_ref ref, storage::sequence_number version = 1,
                 storage::sequence_number evaluated_at = 0) {
    operations_answered message;
    answer each;
    each.ref = ref;
    each.applied = version != 0;
    each.version = version;
    message.answers.push_back(each);
    message.evaluated_at = evaluated_at;
    router.handle(message);
    turn();
  }
  void answer_to(const operation& op, storage::sequence_number version = 1) {
    answer_to(op.ref, version);
  }

  recording_port port;
  request_router router;
};

TEST_F(RequestRouterTest, HoldsAReadBehindAnOwnBlindWriteToThatKey) {
  set(1, "a");
  get(2, "a");
  get(3, "b");
  turn();
  ASSERT_EQ(port.blind.size(), 1u);
  ASSERT_EQ(port.reads.size(), 1u);
  EXPECT_EQ(port.reads[0].key, "b");
  answer_to(port.blind[0]);
  ASSERT_EQ(port.reads.size(), 2u);
  EXPECT_EQ(port.reads[1].key, "a");
}

TEST_F(RequestRouterTest, HoldsNothingBehindAWriteThatGoesTheSameWay) {
  increment(1, "n");
  increment(2, "n");
  set(3, "a");
  set(4, "a");
  turn();
  EXPECT_EQ(port.evaluations.size(), 2u);
  EXPECT_EQ(port.blind.size(), 2u);
}

TEST_F(RequestRouterTest, KeepsTheOrderOfWaysOnOneKey) {
  increment(1, "n");
  set(2, "n");
  set(3, "n");
  increment(4, "n");
  get(5, "n");
  turn();
  ASSERT_EQ(port.evaluations.size(), 1u);
  EXPECT_TRUE(port.blind.empty());
  answer_to(port.evaluations[0]);
  ASSERT_EQ(port.blind.size(), 2u);
  EXPECT_EQ(port.evaluations.size(), 1u);
  answer_to(port.blind[0]);
  EXPECT_EQ(port.evaluations.size(), 1u) << "the second put is under way";
  answer_to(port.blind[1]);
  ASSERT_EQ(port.evaluations.size(), 2u);
  EXPECT_TRUE(port.reads.empty());
  answer_to(port.evaluations[1]);
  EXPECT_EQ(port.reads.size(), 1u);
}

TEST_F(RequestRouterTest, SendsReadsBeforeWritesInOneTurn) {
  get(1, "a");
  set(2, "a");
  turn();
  EXPECT_EQ(port.order, "rb");
}

TEST_F(RequestRouterTest, MakesAFlushWaitForOwnWritesAndHoldLaterOnes) {
  set(1, "a");
  submit(2, protocol::flush{});
  set(3, "b");
  get(4, "c");
  turn();
  EXPECT_EQ(port.order, "b");
  answer_to(port.blind[0]);
  EXPECT_EQ(port.order, "bf");
  answer_to(port.flushes[0].ref);
  EXPECT_EQ(port.blind.size(), 2u);
  EXPECT_EQ(port.reads.size(), 1u);
}

TEST_F(RequestRouterTest, AddsUpTheCountsOfAllShards) {
  submit(1, protocol::count{});
  turn();
  ASSERT_EQ(port.counts.size(), 1u);
  for (std::uint32_t shard = 0; shard < 2; ++shard) {
    operations_answered message;
    answer each;
    each.ref = {port.counts[0].ref.id, shard};
    each.number = 21;
    message.answers.push_back(each);
    router.handle(message);
  }
  ASSERT_NE(port.reply_to(1), nullptr);
  EXPECT_EQ(std::get<protocol::count_reply>(*port.reply_to(1)).key_count, 42u);
}

TEST_F(RequestRouterTest, ReadsSeveralShardsThroughOneCut) {
  protocol::multi_get request;
  std::vector<std::string> keys;
  for (int number = 0; number < 20; ++number)
    keys.push_back("key" + std::to_string(number));
  request.keys.assign(keys.begin(), keys.end());
  submit(1, request);
  turn();
  ASSERT_EQ(port.cuts.size(), 1u);
  EXPECT_FALSE(port.cuts[0].per_shard[0].empty());
  EXPECT_FALSE(port.cuts[0].per_shard[1].empty());
  for (const auto& shard : port.cuts[0].per_shard)
    for (const auto& op : shard)
      answer_to(op, 100 + op.ref.part);
  ASSERT_NE(port.reply_to(1), nullptr);
  const auto& values
    = std::get<protocol::values_reply>(*port.reply_to(1)).values;
  ASSERT_EQ(values.size(), 20u);
  for (std::uint32_t at = 0; at < 20; ++at)
    EXPECT_EQ(values[at].version, 100 + at) << "in the order of the keys";
}

// Goal: a large value is read only when the connection has room for it, and
// is the value of the moment of the lookup all the same.
TEST_F(RequestRouterTest, AnswersALargeGetWhenItsValueWasFetched) {
  get(1, "large");
  turn();
  operations_answered message;
  answer each;
  each.ref = port.reads[0].ref;
  each.applied = true;
  each.version = 9;
  each.stored = std::make_shared<const stored_value>();
  message.answers.push_back(each);
  router.handle(message);
  ASSERT_EQ(port.fetches.size(), 1u);
  EXPECT_EQ(port.reply_to(1), nullptr);
  std::string_view value = "the value";
  router.fetched(port.fetches[0].first, {}, nullptr,
                 std::as_bytes(std::span{value.data(), value.size()}));
  ASSERT_NE(port.reply_to(1), nullptr);
  auto reply = std::get<protocol::value_reply>(*port.reply_to(1));
  EXPECT_EQ(reply.version, 9u);
  EXPECT_EQ(reply.value, value);
}

TEST_F(RequestRouterTest, LetsTheLastWriteOfABatchToOneKeyWin) {
  protocol::batch request;
  request.operations = {{protocol::operation_kind::put, "a", 0, "1"},
                        {protocol::operation_kind::put, "b", 0, "2"},
                        {protocol::operation_kind::put, "a", 0, "3"}};
  submit(1, request);
  turn();
  ASSERT_EQ(port.atomics.size(), 1u);
  ASSERT_EQ(port.atomics[0].operations.size(), 2u);
  EXPECT_EQ(port.atomics[0].operations[0].key, "b");
  EXPECT_EQ(port.atomics[0].operations[1].value.size(), 1u);
}

TEST_F(RequestRouterTest, WritesNothingForAbsentKeysThatABatchErases) {
  protocol::batch request;
  request.operations = {{protocol::operation_kind::put, "a", 0, "1"},
                        {protocol::operation_kind::erase, "gone", 0, ""},
                        {protocol::operation_kind::erase, "here", 0, ""}};
  submit(1, request);
  turn();
  ASSERT_EQ(port.reads.size(), 2u);
  for (const auto& op : std::vector<operation>{port.reads})
    answer_to(op, op.key == "here" ? 5 : 0);
  ASSERT_EQ(port.atomics.size(), 1u);
  EXPECT_EQ(port.atomics[0].operations.size(), 2u);
  EXPECT_EQ(port.atomics[0].observed.size(), 2u);
}

TEST_F(RequestRouterTest, RepliesConflictWhenAVersionHasChanged) {
  submit(1, protocol::transact{{{"a", 7}}, {}});
  turn();
  ASSERT_EQ(port.reads.size(), 1u);
  answer_to(port.reads[0], 8);
  ASSERT_NE(port.reply_to(1), nullptr);
  EXPECT_EQ(std::get<protocol::error_reply>(*port.reply_to(1)).code,
            protocol::status::conflict);
  EXPECT_TRUE(port.atomics.empty());
}

TEST_F(RequestRouterTest, RepeatsARejectedTransactionAndSaysHowOften) {
  protocol::transact request{{{"a", 7}},
                             {{protocol::operation_kind::put, "b", 0, "1"}}};
  submit(1, request);
  turn();
  answer_to(port.reads[0].ref, 7, 20);
  ASSERT_EQ(port.atomics.size(), 1u);
  EXPECT_EQ(port.atomics[0].observed[0].evaluated_at, 20u);
  router.handle(transaction_rejected{port.atomics[0].ref});
  turn();
  ASSERT_EQ(port.reads.size(), 2u);
  answer_to(port.reads[1].ref, 7, 30);
  ASSERT_EQ(port.atomics.size(), 2u);
  EXPECT_EQ(port.atomics[1].rejection_count, 1u);
  EXPECT_EQ(port.atomics[1].observed[0].evaluated_at, 30u);
  answer_to(port.atomics[1].ref, 31);
  EXPECT_TRUE(std::get<protocol::write_reply>(*port.reply_to(1)).applied);
}

TEST_F(RequestRouterTest, HoldsAReadBehindABatchOfThatKey) {
  protocol::batch request;
  request.operations = {{protocol::operation_kind::put, "a", 0, "1"},
                        {protocol::operation_kind::put, "b", 0, "2"}};
  submit(1, request);
  get(2, "b");
  turn();
  EXPECT_TRUE(port.reads.empty());
  answer_to(port.atomics[0].ref);
  EXPECT_EQ(port.reads.size(), 1u);
}

// Goal: a backup has what its client wrote before, and its figures come back.
TEST_F(RequestRouterTest, ABackupWaitsForOwnWritesAndTellsItsFigures) {
  set(1, "a");
  protocol::backup wanted;
  wanted.to = "monday";
  wanted.earlier = "sunday";
  wanted.copies = true;
  submit(2, wanted);
  turn();
  EXPECT_TRUE(port.backups.empty()) << "before the write is answered";
  ASSERT_EQ(port.blind.size(), 1u);
  answer_to(port.blind[0]);
  ASSERT_EQ(port.backups.size(), 1u);
  EXPECT_EQ(port.backups[0].to, "monday");
  EXPECT_EQ(port.backups[0].earlier, "sunday");
  EXPECT_TRUE(port.backups[0].copies);
  figures_collected figures;
  figures.ref = port.backups[0].ref;
  figures.figures
    = {{"segments", 7}, {"bytes", 6},        {"kept", 5},   {"linked", 4},
       {"copied", 3},   {"copied_bytes", 2}, {"version", 1}};
  router.handle(figures);
  turn();
  ASSERT_NE(port.reply_to(2), nullptr);
  const auto& done = std::get<protocol::backup_reply>(*port.reply_to(2));
  EXPECT_EQ(done.segments, 7u);
  EXPECT_EQ(done.bytes, 6u);
  EXPECT_EQ(done.kept, 5u);
  EXPECT_EQ(done.linked, 4u);
  EXPECT_EQ(done.copied, 3u);
  EXPECT_EQ(done.copied_bytes, 2u);
  EXPECT_EQ(done.version, 1u);
}

TEST_F(RequestRouterTest, RefusesAForgedCursor) {
  protocol::scan request;
  request.cursor = 1'000'000;
  submit(1, request);
  turn();
  ASSERT_NE(port.reply_to(1), nullptr);
  EXPECT_EQ(std::get<protocol::error_reply>(*port.reply_to(1)).code,
            protocol::status::bad_argument);
  EXPECT_TRUE(port.scans.empty());
}

// Goal: nothing is lost or answered twice, whatever the mix.
// Method: random requests and random answers; every request gets one reply,
// and per key the writes are sent in the order of submission.
TEST_F(RequestRouterTest, RepliesOnceToEveryRequestOfARandomMix) {
  std::mt19937 random{7};
  const std::array<std::string, 3> keys{"x", "y", "z"};
  std::uint64_t id = 0;
  std::vector<request_ref> open;
  auto collect = [&] {
    for (auto* list : {&port.reads, &port.blind, &port.evaluations}) {
      for (const auto& op : *list)
        open.push_back(op.ref);
      list->clear();
    }
    for (const auto& each : port.atomics)
      open.push_back(each.ref);
    for (const auto& each : port.flushes)
      open.push_back(each.ref);
    port.atomics.clear();
    port.flushes.clear();
  };
  auto answer_one = [&] {
    auto at = random() % open.size();
    auto ref = open[at];
    open.erase(open.begin() + static_cast<long>(at));
    answer_to(ref);
    collect();
  };
  for (int step = 0; step < 3000; ++step) {
    const auto& key = keys[random() % keys.size()];
    switch (random() % 8) {
      case 0:
      case 1:
        get(++id, key);
        break;
      case 2:
      case 3:
        set(++id, key);
        break;
      case 4:
        increment(++id, key);
        break;
      case 5: {
        protocol::batch batch;
        batch.operations = {{protocol::operation_kind::put, "x", 0, "1"},
                            {protocol::operation_kind::put, key, 0, "2"}};
        submit(++id, batch);
        break;
      }
      case 6:
        if (random() % 10 == 0)
          submit(++id, protocol::flush{});
        break;
      default:
        turn();
        collect();
        if (!open.empty())
          answer_one();
    }
  }
  turn();
  collect();
  while (!open.empty())
    answer_one();
  EXPECT_EQ(port.replies.size(), id);
  EXPECT_EQ(router.in_flight(), 0u);
}

} // namespace
} // namespace kvs::actors
