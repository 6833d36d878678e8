// Goal: large values are read, checked and changed piece by piece, within the
// MEMORY BUDGET.

#include "actors/key_state.hpp"
#include "storage/record.hpp"
#include "tests/actors/store_fixture.hpp"

#include <algorithm>
#include <vector>

namespace kvs::actors {
namespace {

class LargeValueTest : public store_fixture {
protected:
  static constexpr auto segment_bytes = 64 * storage::mebibyte;

  /// A value that no two places of look alike.
  static std::string value_of_size(std::size_t size_bytes, char salt) {
    std::string value(size_bytes, salt);
    for (std::size_t at = 0; at < size_bytes; at += 509)
      value[at] = static_cast<char>('a' + at / 509 % 26);
    return value;
  }

  /// Where the value of `key` lies.
  std::shared_ptr<const stored_value> place_of(std::string_view key) {
    auto id = next_id_++;
    read(session, id, key);
    run_actors();
    const auto* found = told->find(id);
    return found == nullptr ? nullptr : found->stored;
  }

  record_read read_with(const reader_actor& from, read_record request) {
    record_read result;
    caf::scoped_actor self{system};
    auto reply = self->request(from, caf::infinite, std::move(request));
    run_actors();
    reply.receive([&](const record_read& found) { result = found; },
                  [](const caf::error&) { ADD_FAILURE() << "no reply"; });
    return result;
  }

  std::string large_value_of(std::string_view key) {
    auto place = place_of(key);
    if (place == nullptr)
      return "<not large>";
    auto found = read_with(reader, read_record{*place});
    return {reinterpret_cast<const char*>(found.value.data()),
            found.value.size()};
  }

  void put_large(std::string_view key, std::string_view value) {
    put(session, next_id_++, key, value);
    run_actors();
  }

  void flip_bit_at(std::uint64_t offset_bytes) {
    auto names = files->list("/store");
    ASSERT_TRUE(names);
    for (const auto& name : *names)
      if (name.ends_with(".log")
          && files->content("/store/" + name).size() > offset_bytes)
        files->flip_bit("/store/" + name, offset_bytes, 3);
  }

  static std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span{text.data(), text.size()});
  }

  /// Doubles the value, and remembers how often it was asked to.
  class doubling_update final : public value_update {
  public:
    bool needs_value() const override {
      return true;
    }
    std::uint64_t growth_bytes() const override {
      return growth;
    }
    bool copies_value() const override {
      return true;
    }
    update_outcome apply(const key_state& before, storage::timestamp_ms,
                         protocol::pacer& pace) const override {
      ++applied;
      pace.in_pieces(before.value.size(), [](std::size_t, std::size_t) {});
      auto bytes = std::make_shared<std::vector<std::byte>>(
        before.value.begin(), before.value.end());
      bytes->insert(bytes->end(), before.value.begin(), before.value.end());
      bytes->resize(bytes->size() + growth);
      update_outcome done;
      done.what = update_outcome::change::put_value;
      done.value = *bytes;
      done.memory = bytes;
      return done;
    }
    std::uint64_t growth = 0;
    mutable int applied = 0;
  };

  void update(std::uint64_t id, std::string_view key, const value_update& how) {
    auto op = make(operation_kind::update, id, key);
    op.update = &how;
    evaluate(session, op);
    run_actors();
  }

  std::uint64_t next_id_ = 100;
};

TEST_F(LargeValueTest, TheReaderChecksAndReadsOneMebibyteATurn) {
  open(sync_mode::none, 1, segment_bytes);
  auto value = value_of_size(5'000'000, 'x');
  put_large("key", value);
  auto real = spawn_reader(system, caf_compat::on_scheduler);
  auto place = place_of("key");
  ASSERT_NE(place, nullptr);
  auto before = files->calls(test_support::disk_call::read);
  auto found = read_with(real, read_record{*place});
  EXPECT_EQ(found.error.code, outcome::ok);
  EXPECT_TRUE(std::ranges::equal(found.value, bytes_of(value)));
  EXPECT_EQ(found.value_crc, storage::value_checksum(bytes_of(value)));
  EXPECT_EQ(files->calls(test_support::disk_call::read) - before, 5u);
  caf::anon_send_exit(real, caf::exit_reason::user_shutdown);
}

// Goal: the COMPACTOR handles at most 1 MiB of a large value in one turn, so
// a stop never waits for all of it.
TEST_F(LargeValueTest, TheCompactorCopiesALargeValueInManyTurns) {
  open(sync_mode::none, 1, segment_bytes);
  auto value = value_of_size(8'000'000, 'x');
  put_large("key", value);
  put_large("other", "old");
  put_large("other", "new");
  caf_compat::tell_anon(compactor, compact_store{session, {1, 0}});
  std::uint64_t most = 0;
  auto before = files->calls(test_support::disk_call::read);
  while (run_one_actor()) {
    auto after = files->calls(test_support::disk_call::read);
    most = std::max(most, after - before);
    before = after;
  }
  EXPECT_FALSE(told->figures.empty());
  EXPECT_GT(most, 0u);
  EXPECT_LT(most, 5u) << "reads of up to 1 MiB in one turn";
  EXPECT_EQ(place_of("key")->location.size_bytes,
            storage::record_bytes(3, value.size(), false));
}

TEST_F(LargeValueTest, TheReaderJoinsATailAndLeavesSpareMemory) {
  open(sync_mode::none, 1, segment_bytes);
  auto value = value_of_size(1'500'000, 'x');
  auto tail = value_of_size(2'500'000, 'y');
  put_large("key", value);
  auto real = spawn_reader(system, caf_compat::on_scheduler);
  read_record request{*place_of("key"), 10, bytes_of(tail)};
  auto found = read_with(real, std::move(request));
  ASSERT_EQ(found.error.code, outcome::ok);
  EXPECT_TRUE(found.joined);
  EXPECT_TRUE(std::ranges::equal(found.value, bytes_of(value)));
  std::span both{found.value.data(), value.size() + tail.size()};
  EXPECT_TRUE(std::ranges::equal(both, bytes_of(value + tail)));
  EXPECT_EQ(found.spare.data(), both.data() + both.size());
  EXPECT_EQ(found.spare.size(), 10u);
  caf::anon_send_exit(real, caf::exit_reason::user_shutdown);
}

TEST_F(LargeValueTest, TheReaderRefusesDamageInAnyPiece) {
  open(sync_mode::none, 1, segment_bytes);
  put_large("key", value_of_size(3'000'000, 'x'));
  auto real = spawn_reader(system, caf_compat::on_scheduler);
  auto place = place_of("key");
  ASSERT_NE(place, nullptr);
  auto begin = place->location.offset_bytes;
  for (std::uint64_t at : {begin + 5, begin + 25, begin + 100,
                           begin + 1'500'000, begin + 2'999'999}) {
    flip_bit_at(at);
    auto found = read_with(real, read_record{*place});
    EXPECT_EQ(found.error.code, outcome::corrupt) << at - begin;
    EXPECT_TRUE(found.value.empty());
    flip_bit_at(at);
  }
  EXPECT_EQ(read_with(real, read_record{*place}).error.code, outcome::ok);
  caf::anon_send_exit(real, caf::exit_reason::user_shutdown);
}

TEST_F(LargeValueTest, LargeAppendsToOneKeyGiveOneRecordEachInOrder) {
  open(sync_mode::none, 1, segment_bytes);
  auto value = value_of_size(1'200'000, 'x');
  auto second = value_of_size(1'300'000, 'y');
  auto third = value_of_size(1'400'000, 'z');
  put_large("key", value);
  disk->hold_reads = true;
  evaluate(session, make(operation_kind::append, 1, "key", second));
  evaluate(session, make(operation_kind::append, 2, "key", third));
  evaluate(session, make(operation_kind::append, 3, "key", "tail"));
  run_actors();
  // Whatever came first is alone in its round.
  ASSERT_EQ(disk->reads.size(), 1u);
  EXPECT_GT(disk->reads.front().tail_bytes, storage::mebibyte);
  disk->hold_reads = false;
  finish_read();
  run_actors();
  for (std::uint64_t id : {1u, 2u, 3u}) {
    ASSERT_NE(told->find(id), nullptr) << id;
    EXPECT_TRUE(told->find(id)->applied) << id;
  }
  auto all = large_value_of("key");
  EXPECT_EQ(all.size(), value.size() + second.size() + third.size() + 4);
  EXPECT_TRUE(all.starts_with(value));
}

TEST_F(LargeValueTest, ALargeAppendToAnAbsentKeyCopiesNothing) {
  open(sync_mode::none, 1, segment_bytes);
  auto value = value_of_size(2'000'000, 'x');
  evaluate(session, make(operation_kind::append, 1, "key", value));
  run_actors();
  EXPECT_EQ(large_value_of("key"), value);
}

TEST_F(LargeValueTest, EvaluationsGiveTheirMemoryBack) {
  memory_bytes_max = 4 * storage::mebibyte;
  open(sync_mode::none, 1, segment_bytes);
  put_large("key", value_of_size(3'000'000, 'x'));
  for (std::uint64_t id = 1; id <= 5; ++id) {
    auto op = make(operation_kind::touch, id, "key");
    op.expires_at = clock->time + 1000 * id;
    evaluate(session, op);
    run_actors();
    ASSERT_NE(told->find(id), nullptr) << id;
    EXPECT_TRUE(told->find(id)->applied) << id;
  }
}

TEST_F(LargeValueTest, AnEvaluationThatIsRejectedHoldsItsMemoryOnce) {
  memory_bytes_max = 4 * storage::mebibyte;
  open(sync_mode::none, 1, segment_bytes);
  put_large("key", value_of_size(3'000'000, 'x'));
  disk->hold_reads = true;
  evaluate(session, make(operation_kind::append, 1, "key", "tail"));
  run_actors();
  // Beaten by a blind write while its value is being read.
  auto newer = value_of_size(3'000'000, 'y');
  put_large("key", newer);
  disk->hold_reads = false;
  finish_read();
  run_actors();
  ASSERT_NE(told->find(1), nullptr);
  EXPECT_TRUE(told->find(1)->applied);
  EXPECT_EQ(large_value_of("key"), newer + "tail");
}

TEST_F(LargeValueTest, AnEvaluationThatCanNeverFitIsRefusedAtOnce) {
  memory_bytes_max = 2 * storage::mebibyte;
  open(sync_mode::none, 1, segment_bytes);
  auto value = value_of_size(3'000'000, 'x');
  put_large("key", value);
  evaluate(session, make(operation_kind::append, 1, "key", "tail"));
  evaluate(session, make(operation_kind::append, 2, "other", "small"));
  run_actors();
  ASSERT_NE(told->find(1), nullptr);
  EXPECT_EQ(told->find(1)->code, outcome::overloaded);
  EXPECT_EQ(large_value_of("key"), value) << "nothing changed";
  EXPECT_EQ(value_of("other"), "small") << "others are not held up";
}

// Goal: no shard copies or scans a large value: whatever it is, a READER does.
TEST_F(LargeValueTest, AnUpdateOfALargeValueIsAppliedByTheReader) {
  open(sync_mode::none, 1, segment_bytes);
  auto value = value_of_size(1'200'000, 'x');
  put_large("key", value);
  disk->hold_works = true;
  doubling_update how;
  update(1, "key", how);
  update(2, "key", how);
  ASSERT_EQ(disk->works.size(), 1u);
  EXPECT_EQ(how.applied, 0);
  // Others go on meanwhile, also with what is written to the key.
  put(session, 3, "other", "small");
  run_actors();
  EXPECT_EQ(value_of("other"), "small");
  finish_work();
  run_actors();
  EXPECT_GE(disk->work_pauses, 3u) << "1 MiB was doubled and checked";
  // The second one has its turn behind the first.
  ASSERT_EQ(disk->works.size(), 1u);
  EXPECT_EQ(told->find(1)->code, outcome::ok);
  EXPECT_EQ(told->find(2), nullptr);
  finish_work();
  run_actors();
  ASSERT_NE(told->find(2), nullptr);
  EXPECT_EQ(how.applied, 2);
  EXPECT_EQ(large_value_of("key"), value + value + value + value);
}

TEST_F(LargeValueTest, AnUpdateThatMakesALargeValueIsAppliedByTheReader) {
  open(sync_mode::none, 1, segment_bytes);
  disk->hold_works = true;
  doubling_update how;
  how.growth = 2'000'000;
  update(1, "absent", how);
  EXPECT_EQ(how.applied, 0);
  ASSERT_EQ(disk->works.size(), 1u);
  finish_work();
  run_actors();
  EXPECT_EQ(large_value_of("absent"), std::string(how.growth, '\0'));
}

// Goal: what the READER has applied to an older value is not written.
TEST_F(LargeValueTest, AnUpdateThatWasBeatenIsAppliedAgain) {
  open(sync_mode::none, 1, segment_bytes);
  put_large("key", value_of_size(1'200'000, 'x'));
  disk->hold_works = true;
  doubling_update how;
  update(1, "key", how);
  auto newer = value_of_size(1'300'000, 'y');
  put_large("key", newer);
  disk->hold_works = false;
  finish_work();
  run_actors();
  ASSERT_NE(told->find(1), nullptr);
  EXPECT_EQ(how.applied, 2);
  EXPECT_EQ(large_value_of("key"), newer + newer);
}

TEST_F(LargeValueTest, AWorkThatAStoppedShardHasGivenAwayIsHarmless) {
  open(sync_mode::none, 1, segment_bytes);
  put_large("key", value_of_size(1'200'000, 'x'));
  disk->hold_works = true;
  doubling_update how;
  update(1, "key", how);
  ASSERT_EQ(disk->works.size(), 1u);
  for (const auto& each : shards)
    caf_compat::tell_anon(each, stop_shard{});
  run_actors();
  EXPECT_EQ(told->find(1)->code, outcome::shutting_down);
  finish_work();
  run_actors();
  EXPECT_EQ(how.applied, 1);
}

/// Three steps that say when they were done.
class counted_work final : public long_work {
public:
  counted_work(std::string& log, char name) : log_{log}, name_{name} {
  }
  bool step() override {
    log_ += name_;
    return ++done_ == 3;
  }

private:
  std::string& log_;
  char name_;
  int done_ = 0;
};

TEST_F(LargeValueTest, TheReaderTakesTurnsBetweenWorks) {
  open(sync_mode::none, 1, segment_bytes);
  auto real = spawn_reader(system, caf_compat::on_scheduler);
  std::string log;
  for (char name : {'a', 'b'})
    caf_compat::tell_anon(real,
                          do_work{std::make_shared<counted_work>(log, name)});
  run_actors();
  EXPECT_EQ(log, "ababab");
  caf::anon_send_exit(real, caf::exit_reason::user_shutdown);
}

TEST_F(LargeValueTest, WhoWaitsForMemoryIsToldWhenTheStoreStops) {
  memory_bytes_max = 4 * storage::mebibyte;
  open(sync_mode::none, 1, segment_bytes);
  put_large("one", value_of_size(3'000'000, 'x'));
  put_large("two", value_of_size(3'000'000, 'x'));
  disk->hold_reads = true;
  evaluate(session, make(operation_kind::append, 1, "one", "tail"));
  evaluate(session, make(operation_kind::append, 2, "two", "tail"));
  run_actors();
  EXPECT_EQ(disk->reads.size(), 1u) << "only one fits";
  for (const auto& each : shards)
    caf_compat::tell_anon(each, stop_shard{});
  run_actors();
  for (std::uint64_t id : {1u, 2u}) {
    ASSERT_NE(told->find(id), nullptr) << id;
    EXPECT_EQ(told->find(id)->code, outcome::shutting_down) << id;
  }
}

} // namespace
} // namespace kvs::actors
