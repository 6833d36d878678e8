#include "actors/residency.hpp"

#include "actors/logging.hpp"

#include <algorithm>
#include <deque>
#include <utility>

namespace kvs::actors {
namespace {

class residency final : public caf_compat::pinnable<residency_actor::base> {
public:
  residency(caf::actor_config& config, caf_compat::execution_base* thread,
            std::uint64_t bytes_max)
    : pinnable{config, thread}, bytes_max_{bytes_max} {
  }

  const char* name() const override {
    return "kvs.residency";
  }

  behavior_type make_behavior() override {
    return {
      [this](const use_residency& message) {
        users_.push_back(message.from);
        for (const auto& each : kept_)
          if (!each.is_leaving)
            caf_compat::tell(this, message.from, shown(each));
      },
      [this](keep_resident& message) {
        if (message.size_bytes > bytes_max_)
          return;
        waiting_.push_back(std::move(message));
        go_on();
      },
      [this](const extend_resident& message) { extend(message); },
      [this](const drop_resident& message) { return drop_all(message); },
    };
  }

private:
  struct kept_segment {
    storage::segment_id id{};
    std::shared_ptr<storage::mapped_bytes> memory;
    std::uint64_t readable_bytes = 0;
    bool is_leaving = false;
    /// Users that may be looking at it.
    std::size_t users_left = 0;
  };

  /// Whoever waits until none of these is kept.
  struct segments_to_drop {
    std::vector<storage::segment_id> segments;
    caf::typed_response_promise<resident_dropped> promise;
  };

  std::uint64_t kept_bytes() const {
    std::uint64_t sum = 0;
    for (const auto& each : kept_)
      sum += each.memory->bytes().size();
    return sum;
  }

  static segment_resident shown(const kept_segment& which) {
    return {which.id, which.memory, which.readable_bytes};
  }

  /// Keeps the next one, or makes room for it first.
  void go_on() {
    while (!waiting_.empty()) {
      auto bytes = kept_bytes();
      if (waiting_.front().size_bytes > bytes_max_)
        waiting_.pop_front();
      else if (bytes + waiting_.front().size_bytes <= bytes_max_)
        keep_next();
      else if (leaving_ > 0)
        return;
      else
        release(kept_.front());
    }
  }

  void keep_next() {
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    auto memory = next.segment->bytes().map(next.size_bytes);
    if (!memory)
      return note_failure(memory.error());
    auto& fresh = kept_.emplace_back();
    fresh.id = next.segment->id();
    fresh.memory = *memory;
    show_more(fresh, next.written_bytes);
  }

  void extend(const extend_resident& message) {
    for (auto& each : waiting_)
      if (each.segment->id() == message.segment)
        each.written_bytes = message.written_bytes;
    for (auto& each : kept_)
      if (each.id == message.segment && !each.is_leaving)
        return show_more(each, message.written_bytes);
  }

  /// `which` may be gone afterwards.
  void show_more(kept_segment& which, std::uint64_t written_bytes) {
    auto end
      = std::min<std::uint64_t>(written_bytes, which.memory->bytes().size());
    if (end <= which.readable_bytes)
      return;
    if (auto done = which.memory->lock(end); !done) {
      release(which);
      return note_failure(done.error());
    }
    which.readable_bytes = end;
    for (const auto& each : users_)
      caf_compat::tell(this, each, shown(which));
  }

  /// What could not be locked now will not be lockable later.
  void note_failure(const storage::error& why) {
    if (why.code != storage::errc::no_memory)
      return logging::warn("residency.failed error=\"{}\"",
                           storage::to_string(why));
    bytes_max_ = 0;
    for (const auto& each : kept_)
      if (!each.is_leaving)
        bytes_max_ += each.memory->bytes().size();
    logging::warn("residency.limited bytes={} error=\"{}\"", bytes_max_,
                  storage::to_string(why));
  }

  void drop(storage::segment_id id) {
    std::erase_if(waiting_, [id](const keep_resident& each) {
      return each.segment->id() == id;
    });
    for (auto& each : kept_)
      if (each.id == id && !each.is_leaving)
        return release(each);
  }

  caf::result<resident_dropped> drop_all(const drop_resident& message) {
    auto promise = this->make_response_promise<resident_dropped>();
    dropping_.push_back({message.segments, promise});
    for (auto id : message.segments)
      drop(id);
    settle_drops();
    go_on();
    return promise;
  }

  void settle_drops() {
    std::erase_if(dropping_, [this](segments_to_drop& each) {
      auto is_wanted = [&each](const kept_segment& kept) {
        return std::find(each.segments.begin(), each.segments.end(), kept.id)
               != each.segments.end();
      };
      if (std::any_of(kept_.begin(), kept_.end(), is_wanted))
        return false;
      each.promise.deliver(resident_dropped{});
      return true;
    });
  }

  /// Unmaps it when no user looks at it any more.
  void release(kept_segment& which) {
    which.is_leaving = true;
    which.users_left = users_.size();
    ++leaving_;
    auto id = which.id;
    if (users_.empty())
      return forget(id);
    for (const auto& each : users_)
      caf_compat::ask(this, each, release_segment{id})
        .then([this, id](const segment_released&) { was_released(id); },
              [this, id](const caf::error&) { was_released(id); });
  }

  void was_released(storage::segment_id id) {
    for (auto& each : kept_)
      if (each.id == id && --each.users_left == 0)
        return forget(id);
  }

  void forget(storage::segment_id id) {
    std::erase_if(kept_,
                  [id](const kept_segment& each) { return each.id == id; });
    --leaving_;
    settle_drops();
    go_on();
  }

  std::uint64_t bytes_max_;
  std::vector<residency_user_actor> users_;
  /// Oldest first.
  std::deque<kept_segment> kept_;
  std::deque<keep_resident> waiting_;
  std::size_t leaving_ = 0;
  std::vector<segments_to_drop> dropping_;
};

} // namespace

residency_actor spawn_residency(caf::actor_system& system,
                                std::uint64_t bytes_max,
                                caf_compat::execution_base* thread) {
  return system.spawn<residency>(thread, bytes_max);
}

} // namespace kvs::actors
