// Stand-ins for the actors that wait for the disk.

#include "actors/record_search.hpp"
#include "storage/record.hpp"
#include "tests/actors/store_fixture.hpp"

namespace kvs::actors {
namespace {

class holding_syncer final : public holding_syncer_actor::base {
public:
  holding_syncer(caf::actor_config& config, std::shared_ptr<held_disk> disk)
    : holding_syncer_actor::base{config}, disk_{std::move(disk)} {
  }
  behavior_type make_behavior() override {
    return {[this](const sync_up_to& request) -> caf::result<log_synced> {
              auto promise = make_response_promise<log_synced>();
              disk_->syncs.emplace_back(request, promise);
              if (!disk_->hold_syncs)
                sync_oldest(*disk_);
              return promise;
            },
            [this](const release_oldest&) { sync_oldest(*disk_); }};
  }

private:
  static void sync_oldest(held_disk& disk) {
    auto [request, promise] = disk.syncs.front();
    disk.syncs.pop_front();
    failure error;
    for (const auto& each : request.segments)
      if (auto done = each->shared_file()->sync(); !done)
        error = to_failure(done.error());
    promise.deliver(log_synced{error, request.end, request.sequence});
  }

  std::shared_ptr<held_disk> disk_;
};

class holding_reader final : public holding_reader_actor::base {
public:
  holding_reader(caf::actor_config& config, std::shared_ptr<held_disk> disk)
    : holding_reader_actor::base{config}, disk_{std::move(disk)} {
  }
  behavior_type make_behavior() override {
    return {
      [this](const read_record& request) {
        return hold<record_read>(request, request.tail.size(), read);
      },
      [this](const find_record& request) {
        return hold<record_found>(request, 0, search_record);
      },
      // Lists of keys are never held: a test that stops values wants them.
      [](const read_heads& request) { return search_heads(request); },
      [this](const do_work& request) -> caf::result<work_done> {
        auto promise = make_response_promise<work_done>();
        disk_->works.emplace_back(request, promise);
        if (!disk_->hold_works)
          work_oldest(*disk_);
        return promise;
      },
      [this](const release_oldest&) { read_oldest(); },
      [this](const release_oldest_work&) { work_oldest(*disk_); },
    };
  }

private:
  static void work_oldest(held_disk& disk) {
    auto [request, promise] = disk.works.front();
    disk.works.pop_front();
    while (!request.what->step())
      ++disk.work_pauses;
    promise.deliver(work_done{});
  }

  template <class Reply, class Request, class Work>
  caf::result<Reply> hold(const Request& request, std::size_t tail_bytes,
                          Work work) {
    auto promise = make_response_promise<Reply>();
    disk_->reads.push_back({tail_bytes, [request, promise, work]() mutable {
                              promise.deliver(work(request));
                            }});
    if (!disk_->hold_reads)
      read_oldest();
    return promise;
  }

  void read_oldest() {
    auto oldest = std::move(disk_->reads.front());
    disk_->reads.pop_front();
    oldest.finish();
  }

  static record_read read(const read_record& request) {
    auto size = request.record.location.size_bytes;
    auto tail = request.tail;
    auto memory = std::make_shared_for_overwrite<std::byte[]>(
      size + tail.size() + request.spare_bytes);
    std::span record{memory.get(), size};
    auto got = request.record.segment->bytes().read_at(
      request.record.location.offset_bytes, record);
    auto value = storage::verify_record(*request.record.segment,
                                        request.record.location.offset_bytes,
                                        record, request.record.key);
    EXPECT_TRUE(got && value);
    if (!got || !value)
      return {make_failure(outcome::corrupt, "the test expects a value")};
    auto* value_end
      = memory.get() + (value->data() - record.data()) + value->size();
    std::copy(tail.begin(), tail.end(), value_end);
    return {{},
            memory,
            *value,
            storage::value_checksum(*value),
            {value_end + tail.size(), request.spare_bytes},
            !tail.empty()};
  }

  std::shared_ptr<held_disk> disk_;
};

} // namespace

holding_syncer_actor spawn_holding_syncer(caf::actor_system& system,
                                          std::shared_ptr<held_disk> disk) {
  return system.spawn<holding_syncer>(std::move(disk));
}

holding_reader_actor spawn_holding_reader(caf::actor_system& system,
                                          std::shared_ptr<held_disk> disk) {
  return system.spawn<holding_reader>(std::move(disk));
}

} // namespace kvs::actors
