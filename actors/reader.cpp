#include "actors/reader.hpp"

#include "actors/record_search.hpp"

#include <algorithm>
#include <cstring>
#include <deque>
#include <new>
#include <optional>
#include <utility>
#include <variant>

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

/// A read under way.
struct pending_read {
  read_record request;
  caf::typed_response_promise<record_read> promise;
  std::shared_ptr<std::byte[]> memory;
  std::uint64_t read_bytes = 0;
  /// Known once head and key have proven to be right.
  std::optional<storage::value_place> place;
  /// Of the value and of the tail: checked and copied so far.
  std::uint64_t checked_bytes = 0;
  std::uint32_t crc = 0;
  std::uint64_t joined_bytes = 0;
};

/// Work under way.
struct pending_work {
  std::shared_ptr<long_work> what;
  caf::typed_response_promise<work_done> promise;
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
        pending_read fresh;
        fresh.request = std::move(request);
        fresh.promise = this->make_response_promise<record_read>();
        auto promise = fresh.promise;
        enqueue_job(std::move(fresh));
        return promise;
      },
      [this](do_work& request) -> caf::result<work_done> {
        auto promise = this->make_response_promise<work_done>();
        enqueue_job(pending_work{std::move(request.what), promise});
        return promise;
      },
      [](const find_record& request) { return search_record(request); },
      [](const read_heads& request) { return search_heads(request); },
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
      std::visit([&](auto& job) { refuse(job, why); }, each);
    queue_.clear();
  }

private:
  using job = std::variant<pending_read, pending_work>;

  void enqueue_job(job fresh) {
    queue_.push_back(std::move(fresh));
    if (queue_.size() == 1)
      caf_compat::tell(this, this, read_step_due{});
  }

  /// Does the next piece of the job in front and puts it at the back.
  void step() {
    auto current = std::move(queue_.front());
    queue_.pop_front();
    std::visit([this](auto& each) { step(each); }, current);
  }

  void step(pending_work& current) {
    auto is_done = false;
    try {
      is_done = current.what->step();
    } catch (const std::bad_alloc&) {
      return refuse(current, make_failure(outcome::overloaded,
                                          "there is not enough memory; nothing "
                                          "was done"));
    }
    if (is_done)
      current.promise.deliver(work_done{});
    else
      queue_.push_back(std::move(current));
  }

  void step(pending_read& current) {
    auto size_bytes = current.request.record.location.size_bytes;
    auto error = current.read_bytes < size_bytes ? read_piece(current)
                                                 : join_piece(current);
    if (error.code != outcome::ok)
      return refuse(current, error);
    if (current.read_bytes == size_bytes
        && current.joined_bytes == current.request.tail.size())
      return finish(current);
    queue_.push_back(std::move(current));
  }

  static failure read_piece(pending_read& current) {
    const auto& from = *current.request.record.segment;
    const auto& location = current.request.record.location;
    if (current.memory == nullptr)
      current.memory = std::make_shared_for_overwrite<std::byte[]>(
        location.size_bytes + current.request.tail.size()
        + current.request.spare_bytes);
    auto count = std::min<std::uint64_t>(
      location.size_bytes - current.read_bytes, storage::turn_value_bytes_max);
    auto got = from.bytes().read_at(
      location.offset_bytes + current.read_bytes,
      {current.memory.get() + current.read_bytes, count});
    if (!got)
      return to_failure(got.error());
    current.read_bytes += *got;
    // The file ends inside the record: what is there proves that.
    auto ended = *got < count;
    return check_piece(current, ended);
  }

  /// Checks what has been read and not checked.
  static failure check_piece(pending_read& current, bool ended) {
    const auto& [from, location, key] = current.request.record;
    std::span front{current.memory.get(), current.read_bytes};
    auto complete = front.size() == location.size_bytes;
    auto has_head = front.size() >= storage::key_offset(true) + key.size();
    if (!current.place && (has_head || complete || ended)) {
      auto place = storage::verify_head(*from, location.offset_bytes,
                                        location.size_bytes, front, key);
      if (!place)
        return to_failure(place.error());
      current.place = *place;
    }
    if (!current.place)
      return {};
    auto [offset, size, crc] = *current.place;
    auto until = std::min<std::uint64_t>(front.size(), offset + size);
    auto begin = offset + current.checked_bytes;
    if (until > begin) {
      current.crc = storage::extend_value_checksum(
        current.crc, front.subspan(begin, until - begin));
      current.checked_bytes += until - begin;
    }
    if (ended || (complete && current.crc != crc))
      return to_failure(storage::value_damaged(*from, location.offset_bytes));
    return {};
  }

  static std::byte* value_end(const pending_read& current) {
    return current.memory.get() + current.place->offset_bytes
           + current.place->size_bytes;
  }

  static failure join_piece(pending_read& current) {
    const auto& tail = current.request.tail;
    auto count = std::min<std::uint64_t>(tail.size() - current.joined_bytes,
                                         storage::turn_value_bytes_max);
    std::memcpy(value_end(current) + current.joined_bytes,
                tail.data() + current.joined_bytes, count);
    current.joined_bytes += count;
    return {};
  }

  static void refuse(pending_read& current, const failure& why) {
    record_read refused;
    refused.error = why;
    current.promise.deliver(std::move(refused));
  }

  static void refuse(pending_work& current, const failure& why) {
    current.promise.deliver(work_done{why});
  }

  static void finish(pending_read& current) {
    auto* end = value_end(current);
    auto tail_bytes = current.request.tail.size();
    record_read done;
    done.memory = current.memory;
    done.value = {end - current.place->size_bytes, end};
    done.value_crc = current.crc;
    done.spare = {end + tail_bytes, current.request.spare_bytes};
    done.joined = tail_bytes > 0;
    current.promise.deliver(std::move(done));
  }

  std::deque<job> queue_;
};

} // namespace

reader_actor spawn_reader(caf::actor_system& system,
                          caf_compat::execution_base* thread) {
  return system.spawn<reader>(thread);
}

} // namespace kvs::actors
