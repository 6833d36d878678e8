#include "actors/resp/publisher.hpp"

#include "protocol/resp/glob.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

namespace kvs::actors::resp {
namespace {

class publisher final : public caf_compat::pinnable<publisher_actor::base> {
public:
  using pinnable::pinnable;

  const char* name() const override {
    return "kvs.publisher";
  }

  behavior_type make_behavior() override {
    return {
      [this](const keys_expired& message) {
        for (const auto& key : message.keys)
          tell_event({'x', "expired", key});
      },
      [this](const change_subscriptions& request) {
        auto& table = request.patterns ? patterns_ : channels_;
        for (const auto& each : request.names)
          change(table, each, request);
        return subscriptions_changed{};
      },
      [this](const drop_subscriber& message) {
        for (auto* table : {&channels_, &patterns_})
          for (auto it = table->begin(); it != table->end();) {
            std::erase(it->second, message.from);
            it = it->second.empty() ? table->erase(it) : std::next(it);
          }
      },
      [this](const publish_key_events& message) {
        for (const auto& each : message.events)
          tell_event(each);
      },
      [this](const publish_and_tell& request) {
        publisher_ = request.publisher;
        message_published done;
        if (request.payload != nullptr)
          done.receivers = publish(request.channel, request.payload);
        for (const auto& each : request.events)
          tell_event(each);
        publisher_ = 0;
        return done;
      },
      [this](const list_channels& request) {
        channels_listed found;
        for (const auto& [name, who] : channels_)
          if (!request.has_pattern
              || protocol::resp::glob_match(request.pattern, name))
            found.channels.push_back(name);
        return found;
      },
      [this](const count_subscribers& request) {
        subscribers_counted found;
        for (const auto& each : request.channels) {
          auto it = channels_.find(each);
          found.counts.push_back(it == channels_.end() ? 0 : it->second.size());
        }
        found.channels = channels_.size();
        found.patterns = patterns_.size();
        return found;
      },
      [this](const settings_changed& message) { settings_ = message.now; },
    };
  }

  void on_exit() override {
    channels_.clear();
    patterns_.clear();
  }

private:
  using table = std::map<std::string, std::vector<subscriber_actor>>;

  static void change(table& all, const std::string& name,
                     const change_subscriptions& request) {
    if (request.subscribe) {
      auto& who = all[name];
      if (std::ranges::find(who, request.from) == who.end())
        who.push_back(request.from);
      return;
    }
    auto it = all.find(name);
    if (it == all.end())
      return;
    std::erase(it->second, request.from);
    if (it->second.empty())
      all.erase(it);
  }

  std::uint64_t publish(const std::string& channel,
                        const std::shared_ptr<const std::string>& payload) {
    std::uint64_t receivers = 0;
    if (auto it = channels_.find(channel); it != channels_.end())
      for (const auto& each : it->second) {
        caf_compat::tell(
          this, each, channel_message{{}, false, channel, payload, publisher_});
        ++receivers;
      }
    for (const auto& [pattern, who] : patterns_) {
      if (!protocol::resp::glob_match(pattern, channel))
        continue;
      for (const auto& each : who) {
        caf_compat::tell(
          this, each,
          channel_message{pattern, true, channel, payload, publisher_});
        ++receivers;
      }
    }
    return receivers;
  }

  void tell_event(const key_event& what) {
    auto flags = settings_ == nullptr ? 0 : settings_->notify;
    if ((flags & event_flag(what.kind)) == 0
        || (channels_.empty() && patterns_.empty()))
      return;
    if ((flags & event_flag('K')) != 0)
      publish("__keyspace@0__:" + what.key,
              std::make_shared<const std::string>(what.event));
    if ((flags & event_flag('E')) != 0)
      publish("__keyevent@0__:" + what.event,
              std::make_shared<const std::string>(what.key));
  }

  table channels_;
  table patterns_;
  /// Whose messages are being sent.
  std::uint64_t publisher_ = 0;
  settings_ptr settings_;
};

} // namespace

publisher_actor spawn_publisher(caf::actor_system& system) {
  return system.spawn<publisher>(caf_compat::on_scheduler);
}

} // namespace kvs::actors::resp
