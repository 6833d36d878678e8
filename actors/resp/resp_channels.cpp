// SUBSCRIBE and its relatives.

#include "actors/resp/resp_connection.hpp"

#include <algorithm>
#include <utility>

namespace kvs::actors::resp {

using protocol::resp::reply_writer;

void resp_connection::handle(const channel_message& message) {
  // What this client publishes follows its own changes in their order; what
  // comes from others may have been on its way when it unsubscribed.
  auto is_own = publications_ > 0 && message.publisher == services_.client_id;
  auto is_wanted = message.by_pattern ? patterns_.contains(message.pattern)
                                      : channels_.contains(message.channel);
  if (!is_own && !is_wanted)
    return;
  byte_buffer bytes;
  reply_writer out{bytes, version_};
  out.push(message.by_pattern ? 4 : 3);
  out.bulk(message.by_pattern ? "pmessage" : "message");
  if (message.by_pattern)
    out.bulk(message.pattern);
  out.bulk(message.channel);
  out.bulk(*message.payload);
  if (!is_own)
    return push(std::move(bytes));
  own_messages_.append(bytes.bytes());
  if (own_messages_.size() > pushed_bytes_max)
    close("connection.subscriber-too-slow");
}

void resp_connection::subscribe(reply_place place, const arguments& args,
                                bool patterns) {
  change_subscriptions request;
  request.from = connection_impl{this};
  request.patterns = patterns;
  byte_buffer bytes;
  reply_writer out{bytes, version_};
  for (std::size_t at = 1; at < args.size(); ++at) {
    request.names.emplace_back(args[at]);
    (patterns ? patterns_ : channels_).emplace(args[at]);
    out.push(3);
    out.bulk(patterns ? "psubscribe" : "subscribe");
    out.bulk(args[at]);
    out.integer(static_cast<std::int64_t>(channels_.size() + patterns_.size()));
  }
  auto kept = std::make_shared<byte_buffer>(std::move(bytes));
  // Who has read the reply may rely on later messages.
  caf_compat::ask(this, services_.publisher, std::move(request))
    .then(
      [this, place, kept](const subscriptions_changed&) {
        finish(place, command_output{std::move(*kept), {}, {}});
        drain();
        end_turn();
      },
      [this](const caf::error&) { close(nullptr); });
}

void resp_connection::unsubscribe(reply_place place, const arguments& args,
                                  bool patterns) {
  auto& own = patterns ? patterns_ : channels_;
  change_subscriptions request;
  request.from = connection_impl{this};
  request.subscribe = false;
  request.patterns = patterns;
  if (args.size() > 1)
    request.names.assign(args.begin() + 1, args.end());
  else
    request.names.assign(own.begin(), own.end());
  byte_buffer bytes;
  reply_writer out{bytes, version_};
  auto tell = [&](const std::string* name) {
    out.push(3);
    out.bulk(patterns ? "punsubscribe" : "unsubscribe");
    if (name != nullptr)
      out.bulk(*name);
    else
      out.null();
    out.integer(static_cast<std::int64_t>(channels_.size() + patterns_.size()));
  };
  for (const auto& name : request.names) {
    own.erase(name);
    tell(&name);
  }
  if (request.names.empty())
    tell(nullptr);
  finish(place, command_output{std::move(bytes), {}, {}});
  caf_compat::ask(this, services_.publisher, std::move(request))
    .then([](const subscriptions_changed&) {}, [](const caf::error&) {});
}

void resp_connection::drop_subscriptions() {
  if (is_subscribed())
    caf_compat::tell(this, services_.publisher,
                     drop_subscriber{connection_impl{this}});
  channels_.clear();
  patterns_.clear();
}

void resp_connection::publish_then(
  publish_and_tell request,
  std::function<void(std::uint64_t, byte_buffer)> then) {
  ++publications_;
  request.publisher = services_.client_id;
  caf_compat::ask(this, services_.publisher, std::move(request))
    .then(
      [this, then](const message_published& done) {
        --publications_;
        then(done.receivers, std::exchange(own_messages_, {}));
        drain();
        end_turn();
      },
      [this](const caf::error&) { close(nullptr); });
}

void resp_connection::publish_to_itself(reply_place place, const call& what,
                                        std::vector<key_event> events,
                                        byte_buffer reply) {
  auto output = std::make_shared<command_output>();
  output->reply = std::move(reply);
  auto late = std::ranges::stable_partition(
    events, [&](const auto& each) { return !comes_after_reply(what, each); });
  publish_and_tell behind;
  behind.events.assign(late.begin(), late.end());
  publish_and_tell before;
  before.events.assign(events.begin(), late.begin());
  publish_then(std::move(before), [output](std::uint64_t, byte_buffer pushed) {
    output->pushed = std::move(pushed);
  });
  publish_then(std::move(behind),
               [this, place, output](std::uint64_t, byte_buffer pushed) {
                 output->pushed_late = std::move(pushed);
                 finish(place, std::move(*output));
               });
}

void resp_connection::publish_command(reply_place place,
                                      const arguments& args) {
  publish_and_tell request;
  request.channel = args[1];
  request.payload = std::make_shared<const std::string>(args[2]);
  publish_then(std::move(request), [this, place](std::uint64_t receivers,
                                                 byte_buffer pushed) {
    command_output output;
    output.pushed = std::move(pushed);
    reply_writer{output.reply, replies_.at(place.number).version}.integer(
      static_cast<std::int64_t>(receivers));
    finish(place, std::move(output));
  });
}

void resp_connection::pubsub_command(reply_place place,
                                     const command_spec& spec,
                                     const arguments& args) {
  if ((spec.name == "pubsub|channels" && args.size() > 3)
      || (spec.name == "pubsub|numpat" && args.size() > 2))
    return finish_error(place, wrong_subcommand("PUBSUB", args[1]));
  if (spec.name == "pubsub|channels") {
    list_channels request;
    request.has_pattern = args.size() > 2;
    if (request.has_pattern)
      request.pattern = args[2];
    return caf_compat::ask(this, services_.publisher, std::move(request))
      .then(
        [this, place](const channels_listed& found) {
          finish_with(place, [&](reply_writer& out) {
            out.array(found.channels.size());
            for (const auto& each : found.channels)
              out.bulk(each);
          });
          drain();
          end_turn();
        },
        [this](const caf::error&) { close(nullptr); });
  }
  count_subscribers request;
  if (args.size() > 2)
    request.channels.assign(args.begin() + 2, args.end());
  auto names = request.channels;
  auto wants_patterns = spec.name == "pubsub|numpat";
  caf_compat::ask(this, services_.publisher, std::move(request))
    .then(
      [this, place, names, wants_patterns](const subscribers_counted& found) {
        finish_with(place, [&](reply_writer& out) {
          if (wants_patterns)
            return out.integer(static_cast<std::int64_t>(found.patterns));
          out.array(2 * names.size());
          for (std::size_t at = 0; at < names.size(); ++at) {
            out.bulk(names[at]);
            out.integer(static_cast<std::int64_t>(found.counts[at]));
          }
        });
        drain();
        end_turn();
      },
      [this](const caf::error&) { close(nullptr); });
}

} // namespace kvs::actors::resp
