// Goal: what conditional writes do to a value, edge by edge.

#include "actors/key_state.hpp"

#include "storage/record.hpp"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <memory>

namespace kvs::actors {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text.data(), text.size()});
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

key_state present(std::string_view value, storage::sequence_number version) {
  key_state state;
  state.present = true;
  state.version = version;
  state.value = bytes_of(value);
  state.value_crc = storage::value_checksum(state.value);
  return state;
}

operation make(operation_kind kind, std::string_view value = {}) {
  operation op;
  op.kind = kind;
  op.value = bytes_of(value);
  op.value_crc = storage::value_checksum(op.value);
  return op;
}

operation add(std::int64_t delta) {
  auto op = make(operation_kind::increment);
  op.delta = delta;
  return op;
}

TEST(KeyStateTest, CountsFromZeroWhenTheKeyIsAbsent) {
  key_evaluation evaluation{{}, 100};
  EXPECT_EQ(evaluation.apply(add(-5)).number, -5);
  EXPECT_EQ(text_of(evaluation.state().value), "-5");
}

// Goal: the sum lies in the memory that was given for it, and stays owned when
// a put comes between two increments.
TEST(KeyStateTest, AddsUpInTheMemoryItIsGiven) {
  auto memory = std::make_shared<std::array<std::byte, digits_max>>();
  auto start = present("41", 1);
  start.digits = *memory;
  start.digits_memory = memory;
  key_evaluation evaluation{std::move(start), 100};
  evaluation.apply(add(1));
  evaluation.apply(make(operation_kind::put, "7"));
  EXPECT_EQ(evaluation.apply(add(1)).number, 8);
  EXPECT_EQ(text_of(evaluation.state().value), "8");
  EXPECT_EQ(evaluation.state().value.data(), memory->data());
  EXPECT_EQ(evaluation.state().memory, memory);
}

TEST(KeyStateTest, RefusesWhatIsNoCanonicalInteger) {
  for (const auto* text :
       {"", " 1", "1 ", "+1", "01", "-0", "1.0", "x", "9223372036854775808"}) {
    key_evaluation evaluation{present(text, 1), 100};
    EXPECT_EQ(evaluation.apply(add(1)).code, outcome::wrong_type) << text;
    EXPECT_EQ(evaluation.change_count(), 0u);
  }
}

TEST(KeyStateTest, RemembersThatTheKeyCameAndWent) {
  key_evaluation evaluation{{}, 100};
  evaluation.apply(make(operation_kind::erase));
  EXPECT_FALSE(evaluation.was_made());
  evaluation.apply(add(1));
  evaluation.apply(make(operation_kind::erase));
  EXPECT_FALSE(evaluation.state().present);
  EXPECT_TRUE(evaluation.was_made());
  key_evaluation of_present{present("1", 1), 100};
  of_present.apply(add(1));
  EXPECT_FALSE(of_present.was_made());
}

TEST(KeyStateTest, RefusesToLeave64Bits) {
  key_evaluation up{present("9223372036854775807", 1), 100};
  EXPECT_EQ(up.apply(add(1)).code, outcome::out_of_range);
  EXPECT_EQ(up.apply(add(0)).number, std::numeric_limits<std::int64_t>::max());
  key_evaluation down{present("-9223372036854775808", 1), 100};
  EXPECT_EQ(down.apply(add(-1)).code, outcome::out_of_range);
}

TEST(KeyStateTest, AppendsAndKeepsTheChecksumRight) {
  key_evaluation evaluation{present("ab", 1), 5};
  auto reply = evaluation.apply(make(operation_kind::append, "cd"));
  EXPECT_EQ(reply.number, 4);
  EXPECT_EQ(text_of(evaluation.state().value), "abcd");
  EXPECT_EQ(evaluation.state().value_crc,
            storage::value_checksum(bytes_of("abcd")));
  EXPECT_EQ(evaluation.apply(make(operation_kind::append, "ef")).code,
            outcome::value_too_large);
}

// Goal: an append to a large value copies only what is new.
TEST(KeyStateTest, AppendsInPlaceWhereThereIsRoom) {
  std::string memory = "ab......";
  auto start = present(std::string_view{memory}.substr(0, 2), 1);
  start.spare = std::as_writable_bytes(std::span{memory.data(), memory.size()})
                  .subspan(2, 5);
  key_evaluation evaluation{start, 100};
  evaluation.apply(make(operation_kind::append, "cd"));
  EXPECT_EQ(static_cast<const void*>(evaluation.state().value.data()),
            memory.data());
  evaluation.apply(make(operation_kind::append, "efg"));
  EXPECT_EQ(text_of(evaluation.state().value), "abcdefg");
  EXPECT_EQ(evaluation.state().value_crc,
            storage::value_checksum(bytes_of("abcdefg")));
  EXPECT_EQ(memory, "abcdefg.") << "nothing beyond the spare bytes";
}

// Goal: what somebody else has joined is not copied once more.
TEST(KeyStateTest, TakesOverAnOperandThatFollowsTheValue) {
  const std::string memory = "abcdef";
  auto start = present(std::string_view{memory}.substr(0, 2), 1);
  start.operand_follows = true;
  key_evaluation evaluation{start, 100};
  evaluation.apply(make(operation_kind::append, "cdef"));
  EXPECT_EQ(static_cast<const void*>(evaluation.state().value.data()),
            memory.data());
  EXPECT_EQ(text_of(evaluation.state().value), "abcdef");
  EXPECT_EQ(evaluation.state().value_crc,
            storage::value_checksum(bytes_of("abcdef")));
}

TEST(KeyStateTest, KeepsTheExpiryOfACounterAndDropsItWithAPut) {
  auto start = present("1", 1);
  start.expires_at = 77;
  key_evaluation evaluation{start, 100};
  evaluation.apply(add(1));
  EXPECT_EQ(evaluation.state().expires_at, 77u);
  evaluation.apply(make(operation_kind::put, "x"));
  EXPECT_EQ(evaluation.state().expires_at, 0u);
}

TEST(KeyStateTest, ChecksEveryCondition) {
  auto put_if = [](write_condition condition, std::uint64_t version = 0) {
    auto op = make(operation_kind::put, "x");
    op.condition = condition;
    op.expected_version = version;
    return op;
  };
  auto holds = [](key_state state, const operation& op) {
    key_evaluation evaluation{std::move(state), 100};
    return evaluation.apply(op).applied;
  };
  EXPECT_TRUE(holds({}, put_if(write_condition::if_absent)));
  EXPECT_FALSE(holds(present("v", 5), put_if(write_condition::if_absent)));
  EXPECT_FALSE(holds({}, put_if(write_condition::if_present)));
  EXPECT_TRUE(holds(present("v", 5), put_if(write_condition::if_present)));
  EXPECT_TRUE(holds(present("v", 5), put_if(write_condition::if_version, 5)));
  EXPECT_FALSE(holds(present("v", 5), put_if(write_condition::if_version, 4)));
  EXPECT_TRUE(holds({}, put_if(write_condition::if_version, 0)));
  EXPECT_FALSE(holds(present("v", 5), put_if(write_condition::if_version, 0)));
}

TEST(KeyStateTest, ReportsTheCurrentVersionWhenAConditionFails) {
  key_evaluation evaluation{present("v", 5), 100};
  auto op = make(operation_kind::put, "x");
  op.condition = write_condition::if_absent;
  auto reply = evaluation.apply(op);
  evaluation.settle_version(reply, 99);
  EXPECT_EQ(reply.version, 5u);
}

// Goal: the combined record carries the last number, every reply its own.
TEST(KeyStateTest, GivesEveryChangeOfOneRecordItsOwnVersion) {
  key_evaluation evaluation{present("1", 5), 100};
  auto first = evaluation.apply(add(1));
  auto failed = evaluation.apply([] {
    auto op = make(operation_kind::put, "x");
    op.condition = write_condition::if_absent;
    return op;
  }());
  auto second = evaluation.apply(make(operation_kind::erase));
  auto third = evaluation.apply(add(1));
  ASSERT_EQ(evaluation.change_count(), 3u);
  for (auto* reply : {&first, &failed, &second, &third})
    evaluation.settle_version(*reply, 12);
  EXPECT_EQ(first.version, 10u);
  EXPECT_EQ(failed.version, 10u) << "it saw the first change";
  EXPECT_EQ(second.version, 11u);
  EXPECT_TRUE(second.existed);
  EXPECT_EQ(third.version, 12u);
  EXPECT_EQ(third.number, 1) << "counted from nothing again";
}

TEST(KeyStateTest, ChangesNothingForAnAbsentKey) {
  key_evaluation evaluation{{}, 100};
  for (auto kind :
       {operation_kind::erase, operation_kind::touch, operation_kind::persist})
    EXPECT_FALSE(evaluation.apply(make(kind)).applied);
  EXPECT_EQ(evaluation.change_count(), 0u);
}

TEST(KeyStateTest, SetsAndTakesAwayTheExpiry) {
  key_evaluation evaluation{present("v", 5), 100};
  auto touch = make(operation_kind::touch);
  touch.expires_at = 50;
  EXPECT_TRUE(evaluation.apply(touch).applied);
  EXPECT_EQ(evaluation.state().expires_at, 50u);
  EXPECT_TRUE(evaluation.apply(make(operation_kind::persist)).applied);
  EXPECT_FALSE(evaluation.apply(make(operation_kind::persist)).applied)
    << "there was none any more";
  EXPECT_EQ(text_of(evaluation.state().value), "v");
}

} // namespace
} // namespace kvs::actors
