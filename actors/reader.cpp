#include "actors/reader.hpp"

#include <deque>
#include <utility>

namespace kvs::actors {
namespace {

/// Note to self: there is a read to go on with.
struct read_step_due {};

} // namespace
} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::read_step_due)

namespace kvs::actors {
namespace {

using reader_impl = reader_actor::extend<caf_compat::takes<read_step_due>>;

/// A read under way. Its head is checked first, then the value piece by piece.
struct pending_read {
  read_record request;
  caf::typed_response_promise<record_read> promise;
  std::shared_ptr<std::byte[]> memory;
  std::uint64_t read_bytes = 0;
};

class reader final : public caf_compat::pinnable<reader_impl::base> {
public:
  using pinnable::pinnable;

  const char* name() const override {
    return "kvs.reader";
  }

  behavior_type make_behavior() override {
    return {
      [this](read_record& request) -> caf::result<record_read> {
        auto promise = this->make_response_promise<record_read>();
        queue_.push_back({std::move(request), promise, nullptr, 0});
        if (queue_.size() == 1)
          caf_compat::tell(this, this, read_step_due{});
        return promise;
      },
      [this](const read_step_due&) {
        step();
        if (!queue_.empty())
          caf_compat::tell(this, this, read_step_due{});
      },
    };
  }

  void on_exit() override {
    auto why = make_failure(outcome::shutting_down,
                            "the node is closing; nothing was read");
    for (auto& each : queue_)
      refuse(each, why);
    queue_.clear();
  }

private:
  /// Reads the next piece of the read in front and puts it at the back.
  void step() {
    auto current = std::move(queue_.front());
    queue_.pop_front();
    const auto& place = current.request.record.location;
    if (current.memory == nullptr)
      current.memory = std::make_shared_for_overwrite<std::byte[]>(
        place.size_bytes + current.request.spare_bytes);
    auto count = std::min<std::uint64_t>(place.size_bytes - current.read_bytes,
                                         storage::turn_value_bytes_max);
    auto got = current.request.record.segment->bytes().read_at(
      place.offset_bytes + current.read_bytes,
      {current.memory.get() + current.read_bytes, count});
    if (!got)
      return refuse(current, to_failure(got.error()));
    current.read_bytes += *got;
    if (*got < count || current.read_bytes == place.size_bytes)
      return finish(current);
    queue_.push_back(std::move(current));
  }

  static void refuse(pending_read& current, const failure& why) {
    current.promise.deliver(record_read{why, nullptr, {}, 0, {}});
  }

  static void finish(pending_read& current) {
    // A record cut short by the end of the file fails its checksum here.
    std::span record{current.memory.get(), current.read_bytes};
    auto value
      = storage::verify_record(*current.request.record.segment,
                               current.request.record.location.offset_bytes,
                               record, current.request.record.key);
    if (!value)
      return refuse(current, to_failure(value.error()));
    auto* value_end
      = current.memory.get() + (value->data() - record.data()) + value->size();
    current.promise.deliver(
      record_read{{},
                  current.memory,
                  *value,
                  storage::value_checksum(*value),
                  {value_end, current.request.spare_bytes}});
  }

  std::deque<pending_read> queue_;
};

} // namespace

reader_actor spawn_reader(caf::actor_system& system,
                          caf_compat::execution_base* thread) {
  return system.spawn<reader>(thread);
}

} // namespace kvs::actors
