// Goal: what a CONNECTION does with bytes, windows and deadlines.
// Method: a scripted stream in place of the socket; the store behind it is
// the real one on a disk in memory.

#include "tests/actors/connection_fixture.hpp"

#include <map>
#include <variant>

namespace kvs::actors {
namespace {

using namespace std::chrono_literals;
namespace native = protocol::native;

class ConnectionTest : public connection_fixture {};

TEST_F(ConnectionTest, AnswersFramesThatArriveByteByByte) {
  connect();
  auto bytes = frame(7, put_of("key", "value"));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    EXPECT_TRUE(stream->sent.empty());
    stream->push(bytes.bytes().subspan(at, 1));
    run_actors();
  }
  auto got = replies();
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].first, 7u);
  EXPECT_TRUE(std::get<protocol::write_reply>(got[0].second).applied);
}

TEST_F(ConnectionTest, AnswersAThousandFramesOfOneRead) {
  connect();
  protocol::byte_buffer all;
  for (std::uint64_t id = 0; id < 1000; ++id)
    native::encode_request(all, native::request_id{id},
                           put_of("key" + std::to_string(id), "value"));
  stream->push(all.bytes());
  run_actors();
  EXPECT_EQ(replies().size(), 1000u);
}

TEST_F(ConnectionTest, StoresAndReturnsAValueLargerThanItsBuffer) {
  connect();
  std::string value(3'000'000, 'x');
  value[1'234'567] = 'y';
  send(1, put_of("large", value));
  ASSERT_EQ(replies().size(), 1u);
  send(2, protocol::get{"large"});
  auto got = replies();
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(std::get<protocol::value_reply>(got[0].second).value, value);
}

TEST_F(ConnectionTest, RefusesTooLargeAFrameBeforeItsBody) {
  limits.decode.frame_bytes_max = 1000;
  connect();
  native::frame_header header;
  header.type = static_cast<std::uint8_t>(protocol::request_type::get);
  header.body_bytes = ~std::uint64_t{0};
  std::array<std::byte, native::header_bytes> bytes;
  native::write_header(bytes.data(), header);
  stream->push(bytes);
  run_actors();
  auto got = replies();
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(error_of(got[0].second), protocol::status::too_big);
  EXPECT_TRUE(stream->output_ended);
  // What the client still sends is dropped for a moment, so that the error
  // reaches it instead of a reset.
  stream->push(std::vector<std::byte>(100'000));
  run_actors();
  EXPECT_TRUE(stream->sent.empty());
  advance_time(1s);
  advance_time(1s);
  EXPECT_TRUE(stream->closed);
}

/// Answers a put like the WRITER and a shard, but keeps its bytes after that.
class keeping_writer final : public caf::event_based_actor {
public:
  keeping_writer(caf::actor_config& config,
                 std::shared_ptr<std::vector<append_batch>> kept)
    : event_based_actor{config}, kept_{std::move(kept)} {
  }
  caf::behavior make_behavior() override {
    return {[this](const append_batch& batch) {
      kept_->push_back(batch);
      operations_answered reply;
      reply.answers.emplace_back().ref = batch.operations[0].ref;
      reply.answers.back().applied = true;
      caf_compat::tell(this, batch.from, std::move(reply));
    }};
  }

private:
  std::shared_ptr<std::vector<append_batch>> kept_;
};

// Goal: what a refused client still sends never lands in the bytes of its
// earlier requests, which the store may go on using, and ends in time.
TEST_F(ConnectionTest, DropsWhatFollowsARefusalWithoutTouchingRequests) {
  auto batches = std::make_shared<std::vector<append_batch>>();
  auto keeping = system.spawn<keeping_writer>(batches);
  clients_writer = caf::actor_cast<writer_actor>(
    caf::actor_cast<caf::strong_actor_ptr>(keeping));
  connect();
  auto bytes = frame(1, put_of("key", "value"));
  bytes.append(std::vector<std::byte>(native::header_bytes));
  stream->push(bytes.bytes());
  run_actors();
  EXPECT_EQ(replies().size(), 2u);
  EXPECT_TRUE(stream->output_ended);
  EXPECT_TRUE(stream->is_read_from());
  stream->push(std::vector<std::byte>(100'000, std::byte{0xee}));
  run_actors();
  EXPECT_EQ(stream->unread_bytes(), 0u);
  EXPECT_EQ(batches->at(0).operations.at(0).key, "key");
  advance_time(1000ms);
  EXPECT_FALSE(stream->closed);
  advance_time(1000ms);
  EXPECT_TRUE(stream->closed);
  batches->clear();
  caf::anon_send_exit(keeping, caf::exit_reason::user_shutdown);
}

// Goal: a refused client that is done is not waited for.
TEST_F(ConnectionTest, ClosesARefusedClientThatHasEnded) {
  connect();
  stream->push(std::vector<std::byte>(native::header_bytes));
  run_actors();
  EXPECT_FALSE(stream->closed);
  stream->end();
  run_actors();
  EXPECT_TRUE(stream->closed);
}

TEST_F(ConnectionTest, SkipsAnUnknownRequestAndGoesOn) {
  connect();
  native::frame_header header;
  header.type = 100;
  header.id = native::request_id{5};
  header.body_bytes = 200'000;
  std::vector<std::byte> bytes(native::header_bytes + header.body_bytes);
  native::write_header(bytes.data(), header);
  stream->push(bytes);
  run_actors();
  auto got = replies();
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(error_of(got[0].second), protocol::status::bad_type);
  EXPECT_FALSE(stream->closed);
  send(6, protocol::ping{"hi"});
  got = replies();
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(std::get<protocol::pong>(got[0].second).payload, "hi");
}

TEST_F(ConnectionTest, ClosesWhenAFrameTakesTooLong) {
  limits.frame_timeout = 1000ms;
  connect();
  auto bytes = frame(1, put_of("key", "value"));
  stream->push(bytes.bytes().first(10));
  run_actors();
  advance_time(900ms);
  EXPECT_FALSE(stream->closed);
  stream->push(bytes.bytes().subspan(10, 1));
  run_actors();
  advance_time(400ms);
  EXPECT_TRUE(stream->output_ended) << "a byte now and then does not count";
  auto got = replies();
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(error_of(got[0].second), protocol::status::too_slow);
}

// Goal: thousands of idle clients cost nothing; one that owes the rest of a
// frame has one timer, however often it sends a byte.
TEST_F(ConnectionTest, HasATimerOnlyWhileItsClientOwesSomething) {
  connect();
  send(1, put_of("key", "value"));
  ASSERT_EQ(replies().size(), 1u);
  auto idle_count = timer_count();
  auto bytes = frame(2, put_of("key", "value"));
  for (std::size_t at = 0; at < 10; ++at) {
    stream->push(bytes.bytes().subspan(at, 1));
    run_actors();
    EXPECT_EQ(timer_count(), idle_count + 1);
  }
  stream->push(bytes.bytes().subspan(10));
  run_actors();
  EXPECT_EQ(replies().size(), 1u);
  advance_time(2s);
  EXPECT_EQ(timer_count(), idle_count);
}

TEST_F(ConnectionTest, ClosesAClientThatIsIdleTooLongButNoOther) {
  limits.idle_timeout = 60s;
  connect();
  advance_time(40s);
  send(1, put_of("key", "value"));
  ASSERT_EQ(replies().size(), 1u);
  advance_time(59s);
  EXPECT_FALSE(stream->closed);
  advance_time(2s);
  EXPECT_TRUE(stream->closed);
}

// Goal: the wait of an idle client does not hide the deadline of its frame.
TEST_F(ConnectionTest, LooksAtAFrameInTimeThoughItMayBeIdleForLong) {
  limits.idle_timeout = 3600s;
  limits.frame_timeout = 1000ms;
  connect();
  advance_time(10s);
  stream->push(frame(1, put_of("key", "value")).bytes().first(10));
  run_actors();
  for (int step = 0; step < 12; ++step)
    advance_time(100ms);
  auto got = replies();
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(error_of(got[0].second), protocol::status::too_slow);
}

TEST_F(ConnectionTest, StopsReadingWhenItsWindowIsUsedUp) {
  limits.requests_in_flight_max = 10;
  connect(sync_mode::always);
  disk->hold_syncs = true;
  protocol::byte_buffer all;
  for (std::uint64_t id = 0; id < 5000; ++id)
    native::encode_request(all, native::request_id{id},
                           put_of("key" + std::to_string(id), "value"));
  stream->push(all.bytes());
  run_actors();
  EXPECT_GT(stream->unread_bytes(), all.size() / 2);
  EXPECT_FALSE(stream->is_read_from());
  disk->hold_syncs = false;
  finish_sync();
  EXPECT_EQ(replies().size(), 5000u);
}

TEST_F(ConnectionTest, StopsReadingWhenItsBytesInFlightAreUsedUp) {
  limits.request_bytes_max = 50'000;
  connect(sync_mode::always);
  disk->hold_syncs = true;
  std::string value(10'000, 'v');
  for (std::uint64_t id = 0; id < 100; ++id)
    stream->push(frame(id, put_of("key" + std::to_string(id), value)).bytes());
  run_actors();
  EXPECT_GT(stream->unread_bytes(), 500'000u);
  disk->hold_syncs = false;
  finish_sync();
  EXPECT_EQ(replies().size(), 100u);
}

TEST_F(ConnectionTest, StopsReadingForAReaderThatTakesNothing) {
  limits.reply_bytes_max = 100'000;
  connect();
  send(1, put_of("key", std::string(10'000, 'v')));
  replies();
  stream->writable_bytes = 0;
  for (std::uint64_t id = 2; id < 2000; ++id)
    stream->push(frame(id, protocol::get{"key"}).bytes());
  run_actors();
  EXPECT_GT(stream->unread_bytes(), 0u);
  advance_time(10s);
  EXPECT_FALSE(stream->closed);
  advance_time(30s);
  EXPECT_TRUE(stream->closed) << "dropped at last";
}

// Goal: values of a batch are checksummed over several turns, in order.
TEST_F(ConnectionTest, StoresABatchOfLargeValuesBeforeWhatFollowsIt) {
  connect();
  std::string first(2'500'000, 'x');
  std::string second(1'100'000, 'y');
  protocol::batch both;
  using enum protocol::operation_kind;
  both.operations = {{put, "one", 0, first},
                     {put, "empty", 0, ""},
                     {erase, "none", 0, ""},
                     {put, "two", 0, second}};
  auto all = frame(1, both);
  all.append(frame(2, protocol::get{"two"}).bytes());
  all.append(frame(3, protocol::get{"one"}).bytes());
  all.append(frame(4, protocol::get{"empty"}).bytes());
  stream->push(all.bytes());
  run_actors();
  std::map<std::uint64_t, protocol::reply> got;
  for (auto& [id, reply] : replies())
    got.emplace(id, reply);
  ASSERT_EQ(got.size(), 4u);
  EXPECT_EQ(std::get<protocol::value_reply>(got[2]).value, second);
  EXPECT_EQ(std::get<protocol::value_reply>(got[3]).value, first);
  EXPECT_EQ(std::get<protocol::value_reply>(got[4]).value, "");
}

// Goal: large requests wait for the budget and give way when nothing moves.
TEST_F(ConnectionTest, GivesUpALargeRequestThatTheBudgetRefuses) {
  connect(sync_mode::none, 2 * storage::mebibyte);
  std::string value(8'000'000, 'x');
  send(1, put_of("large", value));
  EXPECT_TRUE(stream->sent.empty());
  advance_time(1100ms);
  auto got = replies();
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(error_of(got[0].second), protocol::status::overloaded);
  EXPECT_TRUE(stream->output_ended);
}

TEST_F(ConnectionTest, GivesItsMemoryBackAfterALargeRequest) {
  connect(sync_mode::none, 4 * storage::mebibyte);
  std::string value(3'000'000, 'x');
  for (std::uint64_t id = 1; id <= 5; ++id) {
    send(id, put_of("large", value));
    EXPECT_EQ(replies().size(), 1u) << id;
  }
}

TEST_F(ConnectionTest, FinishesItsRepliesAfterAHalfClose) {
  connect(sync_mode::always);
  disk->hold_syncs = true;
  stream->push(frame(1, put_of("key", "value")).bytes());
  stream->end();
  run_actors();
  EXPECT_FALSE(stream->closed);
  disk->hold_syncs = false;
  finish_sync();
  EXPECT_EQ(replies().size(), 1u);
  EXPECT_TRUE(stream->closed);
}

TEST_F(ConnectionTest, AnswersWhatIsInFlightWhenDrained) {
  connect(sync_mode::always);
  disk->hold_syncs = true;
  send(1, put_of("key", "value"));
  caf_compat::tell_anon(client, drain_connection{});
  run_actors();
  EXPECT_FALSE(stream->closed);
  disk->hold_syncs = false;
  finish_sync();
  EXPECT_EQ(replies().size(), 1u);
  EXPECT_TRUE(stream->closed);
}

TEST_F(ConnectionTest, TellsItsLimitsInHello) {
  limits.decode.value_bytes_max = 12345;
  connect();
  protocol::hello hello;
  hello.name = "tester";
  send(1, hello);
  auto got = replies();
  ASSERT_EQ(got.size(), 1u);
  auto reply = std::get<protocol::hello_reply>(got[0].second);
  EXPECT_EQ(reply.node_name, "test");
  EXPECT_EQ(reply.value_bytes_max, 12345u);
}

} // namespace
} // namespace kvs::actors
