// Goal: with the hash cut to 8 bits, so that 400 keys share each value of it,
// 100,000 keys go through all operations, restarts and compactions, and none is
// lost or taken for another.

#include "tests/actors/store_fixture.hpp"

#include <map>
#include <random>

namespace kvs::actors {
namespace {

constexpr std::size_t key_count = 100'000;

class TruncatedHashTest : public store_fixture {
protected:
  void begin() {
    hash_bits = 8;
    resident_bytes_max = 64 * storage::mebibyte;
    open(sync_mode::none, 2, storage::mebibyte);
  }

  static std::string key_of(std::size_t number) {
    return "key" + std::to_string(number);
  }

  void put_all(const std::vector<std::size_t>& numbers,
               std::string_view prefix) {
    append_batch batch{session, {}, {}};
    for (auto number : numbers) {
      auto value = std::string{prefix} + std::to_string(number);
      batch.operations.push_back(
        make(operation_kind::put, next_id++, key_of(number), value));
      model[key_of(number)] = value;
      if (batch.operations.size() == 500)
        send(std::exchange(batch, {session, {}, {}}));
    }
    send(std::move(batch));
  }

  void send(append_batch batch) {
    caf_compat::tell_anon(writer, std::move(batch));
    end_step();
  }

  /// Conditional writes, and atomic batches, whose keys nobody looks up before.
  void change_at_random(std::mt19937_64& random, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      auto key = key_of(random() % key_count);
      auto text = std::to_string(random());
      switch (random() % 5) {
        case 0:
          evaluate(session, make(operation_kind::erase, next_id++, key));
          model.erase(key);
          break;
        case 1:
          evaluate(session, make(operation_kind::append, next_id++, key, text));
          model[key] += text;
          break;
        case 2: {
          auto op = make(operation_kind::put, next_id++, key, text);
          op.condition = write_condition::if_absent;
          evaluate(session, op);
          model.emplace(key, text);
          break;
        }
        case 3:
          append_batch_of(session, next_id,
                          {make(operation_kind::erase, next_id, key)});
          ++next_id;
          model.erase(key);
          break;
        default: {
          auto other = key_of(random() % key_count);
          append_batch_of(
            session, next_id,
            {make(operation_kind::put, next_id, key, text),
             make(operation_kind::put, next_id, other, text + "b")});
          ++next_id;
          model[key] = text;
          model[other] = text + "b";
        }
      }
      // One after the other: the model knows no concurrency.
      end_step();
    }
  }

  void end_step() {
    run_actors();
    told->answers.clear();
    told->values.clear();
    told->evaluated_of.clear();
  }

  void compact() {
    caf_compat::tell_anon(compactor, compact_store{session, {next_id++, 0}});
    run_actors();
  }

  void restart(bool is_kill) {
    auto left = files->restart();
    close();
    if (is_kill)
      files = left;
    forget_operations();
    open(sync_mode::none, 2, storage::mebibyte);
    EXPECT_EQ(report.from_checkpoint, !is_kill);
    EXPECT_EQ(report.keys, model.size());
  }

  void check() {
    auto id = next_id++;
    caf_compat::tell_anon(writer, count_at_cut{session, {id, 0}});
    run_actors();
    std::int64_t count = 0;
    for (const auto& each : told->answers)
      if (each.ref.id == id)
        count += each.number;
    ASSERT_EQ(count, static_cast<std::int64_t>(model.size()));
    for (std::size_t begin = 0; begin < key_count; begin += 500) {
      auto first = next_id;
      for (auto at = begin; at < begin + 500; ++at)
        read(session, next_id++, key_of(at));
      run_actors();
      for (auto at = begin; at < begin + 500; ++at) {
        const auto* found = told->find(first + at - begin);
        ASSERT_NE(found, nullptr);
        auto expected = model.find(key_of(at));
        ASSERT_EQ(found->applied, expected != model.end()) << key_of(at);
        if (found->applied) {
          auto value = found->stored == nullptr ? told->values[found->ref.id]
                                                : value_at(*found->stored);
          ASSERT_EQ(value, expected->second);
        }
      }
      end_step();
    }
  }

  std::map<std::string, std::string> model;
  std::uint64_t next_id = 1;
};

TEST_F(TruncatedHashTest, LosesAndConfusesNoneOfAHundredThousandKeys) {
  begin();
  std::vector<std::size_t> all(key_count);
  for (std::size_t number = 0; number < key_count; ++number)
    all[number] = number;
  put_all(all, "first");
  ASSERT_NO_FATAL_FAILURE(check());
  std::mt19937_64 random{8};
  for (const bool is_kill : {false, true}) {
    change_at_random(random, 10'000);
    std::shuffle(all.begin(), all.end(), random);
    put_all({all.begin(), all.begin() + 10'000}, "again");
    compact();
    restart(is_kill);
    ASSERT_NO_FATAL_FAILURE(check());
  }
}

} // namespace
} // namespace kvs::actors
