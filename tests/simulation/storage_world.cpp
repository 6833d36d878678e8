// The storage engine without actors.

#include "tests/simulation/world.hpp"

namespace kvs::simulation {
namespace {

using storage::testing::mini_store;

class storage_world final : public world {
public:
  explicit storage_world(const profile& how) : how_{how} {
  }

  std::optional<storage::error>
  open(const disk_ptr& disk, storage::timestamp_ms wall_clock) override {
    mini_store::options chosen;
    chosen.directory = store_directory;
    chosen.segment_bytes = how_.segment_bytes;
    chosen.shard_count = how_.shard_count;
    chosen.hash_bits = how_.hash_bits;
    chosen.now = wall_clock;
    starts_at_ = wall_clock;
    auto opened = mini_store::open(disk, chosen);
    if (!opened)
      return opened.error();
    store_ = *std::move(opened);
    return std::nullopt;
  }

  step_result run(const step& what, oracle& expected) override {
    switch (what.what) {
      case step_kind::put:
      case step_kind::put_expiring:
      case step_kind::erase:
      case step_kind::batch:
      case step_kind::flush:
        return write(what, expected);
      case step_kind::sync:
        return synced(store_->sync(), expected);
      case step_kind::rotate:
        return finished(store_->rotate());
      case step_kind::rest:
        return finished(store_->mark());
      case step_kind::compact:
        return finished(what.segment_number
                          ? store_->compact_one(*what.segment_number)
                          : store_->compact(true));
      case step_kind::wait:
        store_->advance(static_cast<storage::timestamp_ms>(what.clock_step_ms));
        return step_result::done;
      default:
        return step_result::done;
    }
  }

  step_result stop() override {
    return finished(store_->close());
  }

  void die() override {
    store_.reset();
  }

  storage::result<std::optional<std::string>>
  get(const std::string& key) override {
    return store_->get(key);
  }

  storage::timestamp_ms now() const override {
    return store_ ? store_->now() : starts_at_;
  }

  live_shares live() override {
    live_shares sum;
    for (const storage::recovered_shard& shard : store_->parts().shards) {
      for (const auto& [segment, share] : shard.keys.live_segments()) {
        sum[segment].records += share.records;
        sum[segment].bytes += share.bytes;
      }
      // Here nobody sweeps.
      shard.expiring.visit_expired(now(), [&](const auto& each) {
        if (!shard.keys.contains(each.hash, each.location))
          return;
        --sum[each.location.segment].records;
        sum[each.location.segment].bytes -= each.location.size_bytes;
      });
    }
    return sum;
  }

private:
  template <class Result>
  static step_result finished(const Result& outcome) {
    return outcome ? step_result::done : step_result::unknown;
  }

  step_result synced(const storage::result<storage::ok>& outcome,
                     oracle& expected) {
    if (outcome)
      expected.is_durable(expected.newest_number());
    return finished(outcome);
  }

  step_result write(const step& what, oracle& expected) {
    expected.attempt(change_of(what, now()));
    const auto outcome = append(what, expiry_of(what, now()));
    if (outcome)
      expected.is_acknowledged(expected.newest_number());
    return finished(outcome);
  }

  storage::result<storage::ok> append(const step& what,
                                      storage::timestamp_ms expires_at) {
    if (what.what == step_kind::flush)
      return store_->flush();
    if (what.what == step_kind::batch)
      return store_->batch(what.changes);
    const auto& [key, value] = what.changes.front();
    if (!value)
      return store_->erase(key);
    return store_->put(key, *value, expires_at);
  }

  const profile& how_;
  /// What a crash during a start may take for the time.
  storage::timestamp_ms starts_at_ = 0;
  std::unique_ptr<mini_store> store_;
};

} // namespace

std::unique_ptr<world> make_storage_world(const profile& how) {
  return std::make_unique<storage_world>(how);
}

} // namespace kvs::simulation
