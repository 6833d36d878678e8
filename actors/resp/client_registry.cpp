#include "actors/resp/client_registry.hpp"

#include "protocol/resp/numbers.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <utility>

namespace kvs::actors::resp {
namespace {

/// Answers that are being gathered from all sessions.
struct census {
  caf::typed_response_promise<clients_described> promise;
  std::map<std::uint64_t, client_description> clients;
  client_counters counted;
  std::size_t missing = 0;
};

class client_registry final
  : public caf_compat::pinnable<client_registry_actor::base> {
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
    return {
      [this](const client_joined& message) {
        clients_[message.id] = message.client;
        ++joined_;
        caf_compat::tell(this, message.client, settings_changed{settings_});
      },
      [this](const client_left& message) {
        gone_.add(message.counted);
        clients_.erase(message.id);
        watch(message.id, false);
      },
      [this](const describe_clients&) { return gather(); },
      [this](const close_clients& message) {
        for (auto id : message.ids)
          if (auto it = clients_.find(id); it != clients_.end())
            caf_compat::tell(this, it->second, close_client{});
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
            caf_compat::tell(this, it->second, message);
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
      [this](const reset_counters&) {
        gone_ = {};
        joined_ = 0;
        return counters_reset{};
      },
    };
  }

  void on_exit() override {
    clients_.clear();
    publisher_ = nullptr;
  }

private:
  caf::result<clients_described> gather() {
    auto under_way = std::make_shared<census>();
    under_way->promise = this->make_response_promise<clients_described>();
    under_way->counted = gone_;
    under_way->missing = clients_.size();
    for (const auto& [id, client] : clients_)
      caf_compat::ask(this, client, describe_client{})
        .then(
          [this, under_way](const client_described& found) {
            under_way->clients[found.client.id] = found.client;
            under_way->counted.add(found.counted);
            one_less(*under_way);
          },
          // It has left meanwhile.
          [this, under_way](const caf::error&) { one_less(*under_way); });
    if (clients_.empty())
      finish(*under_way);
    return under_way->promise;
  }

  void one_less(census& under_way) {
    if (--under_way.missing == 0)
      finish(under_way);
  }

  void finish(census& under_way) {
    clients_described all;
    for (auto& [id, client] : under_way.clients)
      all.clients.push_back(std::move(client));
    all.counted = under_way.counted;
    all.joined = joined_;
    under_way.promise.deliver(std::move(all));
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
    for (const auto& [name, value] : request.changes)
      if (auto error = set(changed, name, value); !error.empty())
        return "ERR CONFIG SET failed (possibly related to argument '" + name
               + "') - " + error;
    publish(std::move(changed));
    trim_slow();
    return {};
  }

  static std::string set(settings& changed, const std::string& name,
                         const std::string& value) {
    auto as_number = [&](std::int64_t least) -> std::optional<std::int64_t> {
      auto number = protocol::resp::to_integer(value);
      return number && *number >= least ? number : std::nullopt;
    };
    auto text = value;
    if (name == "notify-keyspace-events") {
      auto flags = parse_event_flags(value);
      if (flags == unknown_event_flags)
        return "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";
      changed.notify = flags;
      text = to_letters(flags);
    } else if (name == "slowlog-log-slower-than") {
      auto number = as_number(-1);
      if (!number)
        return "argument must be between -1 and 9223372036854775807 inclusive";
      changed.slowlog_slower_than_us = *number;
    } else if (name == "slowlog-max-len") {
      auto number = as_number(0);
      if (!number)
        return "argument must be between 0 and 9223372036854775807 inclusive";
      changed.slowlog_length_max = *number;
    } else {
      return "can't set immutable config";
    }
    changed.parameters[name] = text;
    return {};
  }

  void publish(settings changed) {
    settings_ = std::make_shared<const settings>(std::move(changed));
    caf_compat::tell(this, publisher_, settings_changed{settings_});
    for (const auto& [id, client] : clients_)
      caf_compat::tell(this, client, settings_changed{settings_});
  }

  void trim_slow() {
    auto most = static_cast<std::size_t>(settings_->slowlog_length_max);
    if (slow_.size() > most)
      slow_.resize(most);
  }

  publisher_actor publisher_;
  settings_ptr settings_;
  std::map<std::uint64_t, client_actor> clients_;
  std::set<std::uint64_t> watchers_;
  client_counters gone_;
  std::uint64_t joined_ = 0;
  std::deque<slow_command> slow_;
  std::uint64_t slow_count_ = 0;
};

} // namespace

client_registry_actor spawn_client_registry(caf::actor_system& system,
                                            settings initial,
                                            publisher_actor publisher) {
  return system.spawn<client_registry>(
    caf_compat::on_scheduler, std::move(initial), std::move(publisher));
}

} // namespace kvs::actors::resp
