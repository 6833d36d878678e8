// The whole store, its actors stepped by a test scheduler.

#include "tests/actors/store_fixture.hpp"
#include "tests/simulation/world.hpp"

#include <algorithm>
#include <deque>

namespace kvs::simulation {
namespace {

using namespace std::chrono_literals;

actors::sync_mode mode_of(promise mode) {
  switch (mode) {
    case promise::always:
      return actors::sync_mode::always;
    case promise::interval:
      return actors::sync_mode::interval;
    case promise::none:
      break;
  }
  return actors::sync_mode::none;
}

class actor_world final : public world, private actors::store_fixture {
public:
  actor_world(const profile& how, promise mode)
    : how_{how}, mode_{mode_of(mode)} {
    hash_bits = how.hash_bits;
    uses_stand_ins = false;
  }
  ~actor_world() override {
    files->before_each_change({});
    files->stop_failing();
    TearDown();
  }

  std::optional<storage::error>
  open(const disk_ptr& on, storage::timestamp_ms wall_clock) override {
    files = on;
    clock->time = wall_clock;
    *failure_told = {};
    auto opened = try_open(mode_, how_.shard_count, how_.segment_bytes);
    if (!opened)
      return opened.error();
    return std::nullopt;
  }

  step_result run(const step& what, oracle& expected) override {
    switch (what.what) {
      case step_kind::put:
      case step_kind::put_expiring:
      case step_kind::batch:
        write(what, expected);
        return what.is_hurried ? step_result::done : catch_up(expected);
      case step_kind::erase:
      case step_kind::flush:
        catch_up(expected);
        write(what, expected);
        return catch_up(expected);
      case step_kind::sync:
        ask(expected.newest_number(), true);
        caf_compat::tell_anon(writer, actors::sync_now{session, {last_id_, 0}});
        return catch_up(expected);
      case step_kind::rotate:
        caf::anon_send(writer, actors::seal_active{});
        return catch_up(expected);
      case step_kind::rest:
        advance_time(600ms);
        return catch_up(expected);
      case step_kind::compact:
        caf_compat::tell_anon(compactor,
                              actors::compact_store{session, {++last_id_, 0}});
        return catch_up(expected);
      case step_kind::wait:
        clock->time += static_cast<storage::timestamp_ms>(what.clock_step_ms);
        advance_time(std::chrono::milliseconds{what.clock_step_ms});
        return catch_up(expected);
      default:
        return step_result::done;
    }
  }

  step_result catch_up(oracle& expected) override {
    run_actors();
    listen(expected);
    // Writes may have been slowed down, or wait for space for ten seconds.
    for (int i = 0; i < 40 && !asked_.empty(); ++i) {
      advance_time(300ms);
      listen(expected);
    }
    const auto worst = worst_;
    // After that nobody knows what there is.
    if (worst != step_result::unknown)
      worst_ = step_result::done;
    EXPECT_TRUE(asked_.empty()) << "a request is not answered: state "
                                << (asked_.empty() ? 0 : asked_.front().state)
                                << " of " << expected.newest_number();
    forget_answers();
    return worst;
  }

  void listen(oracle& expected) override {
    std::erase_if(asked_, [&](const request& each) {
      const auto* const reply = told->find(each.id);
      if (reply == nullptr)
        return false;
      note(each, *reply, expected);
      return true;
    });
    while (!versions_.empty()
           && versions_.front().first <= told->durable_version) {
      expected.is_durable(versions_.front().second);
      versions_.pop_front();
    }
  }

  step_result stop() override {
    close();
    return stop_failure.code == actors::outcome::ok ? step_result::done
                                                    : step_result::unknown;
  }

  void die() override {
    files->before_each_change({});
    close();
    asked_.clear();
    versions_.clear();
    *told = {};
    worst_ = step_result::done;
  }

  storage::result<std::optional<std::string>>
  get(const std::string& key) override {
    auto text = value_of(key);
    if (asked_.empty())
      forget_answers();
    EXPECT_NE(text, "<no answer>") << key;
    if (text == "<failed>" || text == "<no answer>")
      return storage::error{storage::errc::io_failed, 0, text};
    if (text == "<absent>")
      return std::optional<std::string>{};
    return std::optional{std::move(text)};
  }

  storage::timestamp_ms now() const override {
    return clock->time;
  }

  bool is_read_only() const override {
    return !failure_told->empty();
  }

  live_shares live() override {
    // Until the shards have persisted the time and swept what has expired.
    for (int tick = 0; tick < 4; ++tick)
      advance_time(600ms);
    auto sum = std::make_shared<live_shares>();
    for (const auto& shard : shards)
      system.spawn([sum, shard](caf::event_based_actor* self) {
        caf_compat::ask(self, shard, actors::count_live{})
          .then([sum](const actors::live_counted& counted) {
            for (const auto& [segment, share] : counted.segments) {
              (*sum)[segment].records += share.records;
              (*sum)[segment].bytes += share.bytes;
            }
          });
      });
    run_actors();
    return *sum;
  }

private:
  /// A request that is not answered yet.
  struct request {
    std::uint64_t id = 0;
    /// The state that it makes, or that it makes durable.
    std::size_t state = 0;
    bool is_sync = false;
  };

  void TestBody() override {
  }

  void forget_answers() {
    told->answers.clear();
    told->values.clear();
    told->evaluated_of.clear();
  }

  void ask(std::size_t state, bool is_sync) {
    asked_.push_back({++last_id_, state, is_sync});
  }

  void note(const request& each, const actors::answer& reply,
            oracle& expected) {
    if (reply.code == actors::outcome::outcome_unknown) {
      worst_ = step_result::unknown;
      return;
    }
    if (reply.code != actors::outcome::ok) {
      worst_ = std::max(worst_, step_result::refused);
      if (!each.is_sync)
        expected.withdraw(each.state);
      return;
    }
    // An erase of an absent key writes nothing, so it says nothing of writes
    // before it.
    if (!each.is_sync && reply.version == 0)
      return;
    if (each.is_sync || mode_ == actors::sync_mode::always)
      return expected.is_durable(each.state);
    expected.is_acknowledged(each.state);
    versions_.emplace_back(reply.version, each.state);
  }

  void write(const step& what, oracle& expected) {
    expected.attempt(change_of(what, now()));
    ask(expected.newest_number(), false);
    send(what, expiry_of(what, now()));
  }

  void send(const step& what, storage::timestamp_ms expires_at) {
    if (what.what == step_kind::flush)
      return caf_compat::tell_anon(writer,
                                   actors::flush_store{session, {last_id_, 0}});
    std::vector<actors::operation> operations;
    for (const auto& [key, value] : what.changes) {
      operations.push_back(make(value ? actors::operation_kind::put
                                      : actors::operation_kind::erase,
                                last_id_, key, value.value_or("")));
      operations.back().expires_at = expires_at;
    }
    if (what.what == step_kind::batch)
      append_batch_of(session, last_id_, std::move(operations));
    else if (what.what == step_kind::erase)
      evaluate(session, operations.front());
    else
      caf_compat::tell_anon(writer,
                            actors::append_batch{session, operations, {}});
  }

  const profile& how_;
  actors::sync_mode mode_;
  std::uint64_t last_id_ = 0;
  std::vector<request> asked_;
  /// Of what is acknowledged and not known to be durable.
  std::deque<std::pair<storage::sequence_number, std::size_t>> versions_;
  step_result worst_ = step_result::done;
};

} // namespace

std::unique_ptr<world> make_actor_world(const profile& how, promise mode) {
  return std::make_unique<actor_world>(how, mode);
}

} // namespace kvs::simulation
