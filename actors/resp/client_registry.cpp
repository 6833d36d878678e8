#include "actors/resp/client_registry.hpp"

#include "actors/resp/parameters.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace kvs::actors::resp {
namespace {

/// More than any clock here can add to now.
constexpr std::chrono::hours duration_of_centuries{24 * 365 * 200};

/// Answers that are being gathered from all sessions.
struct census {
  std::function<void(clients_described)> then;
  std::map<std::uint64_t, client_described> clients;
  std::size_t missing = 0;
};

/// A session that has joined and not left.
struct joined_client {
  client_actor client;
  /// It was told to close; nobody sees it any more.
  bool is_closing = false;
};

/// Note to self: the pause may be over.
struct pause_check_due {
  /// Which pause.
  std::uint64_t number = 0;
};

} // namespace
} // namespace kvs::actors::resp

KVS_MESSAGE(kvs::actors::resp::pause_check_due)

namespace kvs::actors::resp {
namespace {

using client_registry_impl
  = client_registry_actor::extend<caf_compat::takes<pause_check_due>>;

class client_registry final
  : public caf_compat::pinnable<client_registry_impl::base> {
public:
  client_registry(caf::actor_config& config, caf_compat::execution_base* loop,
                  settings initial, publisher_actor publisher)
    : pinnable{config, loop}, publisher_{std::move(publisher)},
      settings_{std::make_shared<const settings>(std::move(initial))} {
  }

  const char* name() const override {
    return "kvs.client-registry";
  }

  behavior_type make_behavior() override {
    caf_compat::tell(this, publisher_, settings_changed{settings_});
    measured_ = this->clock().now();
    return {
      [this](const client_joined& message) {
        clients_[message.id] = {message.client, false};
        ++joined_;
        caf_compat::tell(this, message.client, settings_changed{settings_});
      },
      [this](const client_left& message) {
        gone_.add(message.counted);
        clients_.erase(message.id);
        watch(message.id, false);
      },
      [this](
        const describe_clients& request) -> caf::result<clients_described> {
        auto promise
          = this->template make_response_promise<clients_described>();
        auto measures = request.measures_rates;
        gather([this, promise, measures](clients_described all) mutable {
          if (measures)
            measure(all);
          all.counted.subtract(forgotten_);
          promise.deliver(std::move(all));
        });
        return promise;
      },
      [this](const close_clients& request) { return close(request); },
      [this](const pause_clients& request) {
        pause(request);
        return clients_paused{};
      },
      [this](const change_settings& request) {
        return settings_set{change(request)};
      },
      [this](const watch_commands& request) {
        watch(request.id, request.watch);
        return commands_watched{};
      },
      [this](const monitored_command& message) {
        for (auto id : watchers_)
          if (auto it = clients_.find(id); it != clients_.end())
            caf_compat::tell(this, it->second.client, message);
      },
      [this](slow_command& message) {
        message.number = slow_count_++;
        slow_.push_front(std::move(message));
        trim_slow();
      },
      [this](const list_slow_commands& request) {
        slow_commands_listed found;
        found.length = slow_.size();
        auto count = request.count < 0
                       ? slow_.size()
                       : std::min<std::size_t>(
                         slow_.size(), static_cast<std::size_t>(request.count));
        found.commands.assign(
          slow_.begin(), slow_.begin() + static_cast<std::ptrdiff_t>(count));
        return found;
      },
      [this](const clear_slow_commands&) {
        slow_.clear();
        return counters_reset{};
      },
      [this](const reset_counters&) -> caf::result<counters_reset> {
        auto promise = this->template make_response_promise<counters_reset>();
        gather([this, promise](const clients_described& all) mutable {
          forgotten_ = all.counted;
          joined_ = 0;
          promise.deliver(counters_reset{});
        });
        return promise;
      },
      [this](const pause_check_due& message) {
        if (message.number == pause_number_)
          check_pause();
      },
    };
  }

  void on_exit() override {
    clients_.clear();
    publisher_ = nullptr;
  }

private:
  void gather(std::function<void(clients_described)> then) {
    auto under_way = std::make_shared<census>();
    under_way->then = std::move(then);
    under_way->missing = clients_.size();
    for (const auto& [id, joined] : clients_)
      caf_compat::ask(this, joined.client, describe_client{})
        .then(
          [this, under_way](const client_described& found) {
            under_way->clients[found.client.id] = found;
            one_less(*under_way);
          },
          // It has left meanwhile.
          [this, under_way](const caf::error&) { one_less(*under_way); });
    if (clients_.empty())
      finish(*under_way);
  }

  void one_less(census& under_way) {
    if (--under_way.missing == 0)
      finish(under_way);
  }

  void finish(census& under_way) {
    clients_described all;
    all.counted = gone_;
    for (auto& [id, found] : under_way.clients) {
      auto it = clients_.find(id);
      // What has left since has told its last counts.
      if (it == clients_.end())
        continue;
      all.counted.add(found.counted);
      if (!it->second.is_closing)
        all.clients.push_back(std::move(found.client));
    }
    all.joined = joined_;
    under_way.then(std::move(all));
  }

  /// How fast commands and bytes have come lately.
  void measure(clients_described& all) {
    auto now = this->clock().now();
    auto seconds = std::chrono::duration<double>(now - measured_).count();
    if (seconds >= 1) {
      auto rate = [seconds](std::uint64_t after, std::uint64_t before) {
        return after < before ? 0
                              : static_cast<double>(after - before) / seconds;
      };
      const auto& [before, after] = std::tie(last_counted_, all.counted);
      commands_per_second_ = rate(after.commands, before.commands);
      input_per_second_ = rate(after.input_bytes, before.input_bytes);
      output_per_second_ = rate(after.output_bytes, before.output_bytes);
      last_counted_ = all.counted;
      measured_ = now;
    }
    all.commands_per_second = commands_per_second_;
    all.input_bytes_per_second = input_per_second_;
    all.output_bytes_per_second = output_per_second_;
  }

  caf::result<clients_closed> close(const close_clients& request) {
    auto promise = this->template make_response_promise<clients_closed>();
    auto missing = std::make_shared<std::size_t>(1);
    auto one_less = [promise, missing]() mutable {
      if (--*missing == 0)
        promise.deliver(clients_closed{});
    };
    for (auto id : request.ids) {
      auto it = clients_.find(id);
      if (it == clients_.end() || it->second.is_closing)
        continue;
      ++*missing;
      it->second.is_closing = true;
      caf_compat::ask(this, it->second.client, close_client{})
        .then([one_less](const client_closed&) mutable { one_less(); },
              // It has left meanwhile.
              [one_less](const caf::error&) mutable { one_less(); });
      watch(id, false);
    }
    one_less();
    return promise;
  }

  void pause(const pause_clients& request) {
    ++pause_number_;
    auto changed = *settings_;
    if (request.mode == pause_mode::none) {
      changed.paused = pause_mode::none;
      return publish(std::move(changed));
    }
    auto now = this->clock().now();
    // What overflows the clock has an end that is past, as in Redis.
    auto is_possible = request.duration < duration_of_centuries;
    auto end = is_possible ? now + request.duration : now;
    pause_end_
      = settings_->paused == pause_mode::none ? end : std::max(pause_end_, end);
    changed.paused = std::max(changed.paused, request.mode);
    publish(std::move(changed));
    check_pause();
  }

  void check_pause() {
    if (settings_->paused == pause_mode::none)
      return;
    auto now = this->clock().now();
    if (now >= pause_end_)
      return pause({});
    // A pause may take longer than a timer can, and one that was replaced must
    // not keep its timer for long.
    caf_compat::tell_after(this, this,
                           std::min<caf::actor_clock::duration_type>(
                             pause_end_ - now, std::chrono::seconds{10}),
                           pause_check_due{pause_number_});
  }

  void watch(std::uint64_t id, bool on) {
    if (on)
      watchers_.insert(id);
    else
      watchers_.erase(id);
    if (settings_->is_monitored == !watchers_.empty())
      return;
    auto changed = *settings_;
    changed.is_monitored = !watchers_.empty();
    publish(std::move(changed));
  }

  std::string change(const change_settings& request) {
    auto changed = *settings_;
    auto error = set_parameters(changed, request.changes);
    if (!error.empty())
      return error;
    publish(std::move(changed));
    trim_slow();
    return {};
  }

  void publish(settings changed) {
    settings_ = std::make_shared<const settings>(std::move(changed));
    caf_compat::tell(this, publisher_, settings_changed{settings_});
    for (const auto& [id, joined] : clients_)
      caf_compat::tell(this, joined.client, settings_changed{settings_});
  }

  void trim_slow() {
    auto most = static_cast<std::size_t>(settings_->slowlog_length_max);
    if (slow_.size() > most)
      slow_.resize(most);
  }

  publisher_actor publisher_;
  settings_ptr settings_;
  std::map<std::uint64_t, joined_client> clients_;
  std::set<std::uint64_t> watchers_;
  client_counters gone_;
  /// What had been counted when the counters were reset.
  client_counters forgotten_;
  std::uint64_t joined_ = 0;
  /// What was counted when the rates were measured last, and the rates.
  client_counters last_counted_;
  caf::actor_clock::time_point measured_{};
  double commands_per_second_ = 0;
  double input_per_second_ = 0;
  double output_per_second_ = 0;
  std::deque<slow_command> slow_;
  std::uint64_t slow_count_ = 0;
  std::uint64_t pause_number_ = 0;
  /// While there is a pause.
  caf::actor_clock::time_point pause_end_;
};

} // namespace

client_registry_actor spawn_client_registry(caf::actor_system& system,
                                            settings initial,
                                            publisher_actor publisher) {
  return system.spawn<client_registry>(
    caf_compat::on_scheduler, std::move(initial), std::move(publisher));
}

} // namespace kvs::actors::resp
