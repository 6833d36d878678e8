/// PUBLISHER: who listens to which channel.
#pragma once

#include "actors/caf_compat.hpp"
#include "actors/resp/settings.hpp"
#include "actors/shard.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kvs::actors::resp {

/// A message on its way to a subscriber.
struct channel_message {
  /// Empty and unused unless `by_pattern`.
  std::string pattern;
  bool by_pattern = false;
  std::string channel;
  std::shared_ptr<const std::string> payload;
  /// `publish_and_tell::publisher`; 0: somebody who does not ask.
  std::uint64_t publisher = 0;
};

/// What a PUBLISHER needs of a subscriber.
using subscriber_actor = caf::typed_actor<caf_compat::takes<channel_message>>;

/// Listen, or do not listen any more, to channels or patterns.
struct change_subscriptions {
  subscriber_actor from;
  bool subscribe = true;
  bool patterns = false;
  std::vector<std::string> names;
};

/// Every later `publish_message` sees the change.
struct subscriptions_changed {};

/// The subscriber is gone.
struct drop_subscriber {
  subscriber_actor from;
};

/// One thing that happened to a key.
struct key_event {
  char kind = 'g';
  std::string event;
  std::string key;
};

/// Keyspace notifications.
struct publish_key_events {
  std::vector<key_event> events;
};

/// A message or keyspace notifications of a client that wants to know when
/// they have been sent: those that go to itself come before the answer.
struct publish_and_tell {
  std::uint64_t publisher = 0;
  std::string channel;
  /// Null: only `events`.
  std::shared_ptr<const std::string> payload;
  std::vector<key_event> events;
};

struct message_published {
  std::uint64_t receivers = 0;
};

/// Which channels (that match `pattern`, if there is one) have subscribers.
struct list_channels {
  std::string pattern;
  bool has_pattern = false;
};

struct channels_listed {
  std::vector<std::string> channels;
};

struct count_subscribers {
  std::vector<std::string> channels;
};

struct subscribers_counted {
  /// As asked for.
  std::vector<std::uint64_t> counts;
  /// Of all that have any.
  std::uint64_t channels = 0;
  std::uint64_t patterns = 0;
};

struct settings_changed {
  settings_ptr now;
};

/// PUBLISHER: owns the subscriptions of all sessions and passes messages on.
///
/// Order: a subscriber sees messages in the order in which they were
/// published.
/// Durability: none, as in Redis: who does not listen misses it.
/// Failure: a subscriber that reads too slowly is dropped by its own
/// CONNECTION.
using publisher_actor = expiry_listener_actor::extend<
  // A change may be answered before or after its subscriber's own mail.
  caf_compat::rpc<change_subscriptions>::returns<subscriptions_changed>,
  caf_compat::takes<drop_subscriber>, caf_compat::takes<publish_key_events>,
  caf_compat::rpc<publish_and_tell>::returns<message_published>,
  caf_compat::rpc<list_channels>::returns<channels_listed>,
  caf_compat::rpc<count_subscribers>::returns<subscribers_counted>,
  caf_compat::takes<settings_changed>>;

publisher_actor spawn_publisher(caf::actor_system& system);

} // namespace kvs::actors::resp

KVS_MESSAGE(kvs::actors::resp::channel_message)
KVS_MESSAGE(kvs::actors::resp::change_subscriptions)
KVS_MESSAGE(kvs::actors::resp::subscriptions_changed)
KVS_MESSAGE(kvs::actors::resp::drop_subscriber)
KVS_MESSAGE(kvs::actors::resp::publish_key_events)
KVS_MESSAGE(kvs::actors::resp::publish_and_tell)
KVS_MESSAGE(kvs::actors::resp::message_published)
KVS_MESSAGE(kvs::actors::resp::list_channels)
KVS_MESSAGE(kvs::actors::resp::channels_listed)
KVS_MESSAGE(kvs::actors::resp::count_subscribers)
KVS_MESSAGE(kvs::actors::resp::subscribers_counted)
KVS_MESSAGE(kvs::actors::resp::settings_changed)
