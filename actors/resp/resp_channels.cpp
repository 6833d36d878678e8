// SUBSCRIBE and its relatives.

#include "actors/resp/resp_connection.hpp"

#include <algorithm>

namespace kvs::actors::resp {

using protocol::resp::reply_writer;

void resp_connection::handle(const channel_message& message) {
  auto wanted = message.by_pattern ? patterns_.contains(message.pattern)
                                   : channels_.contains(message.channel);
  if (!wanted) // It was on its way when the client unsubscribed.
    return;
  byte_buffer bytes;
  reply_writer out{bytes, version_};
  out.push(message.by_pattern ? 4 : 3);
  out.bulk(message.by_pattern ? "pmessage" : "message");
  if (message.by_pattern)
    out.bulk(message.pattern);
  out.bulk(message.channel);
  out.bulk(*message.payload);
  push(std::move(bytes));
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
        finish(place, std::move(*kept));
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
  finish(place, std::move(bytes));
  caf_compat::ask(this, services_.publisher, std::move(request))
    .then([](const subscriptions_changed&) {}, [](const caf::error&) {});
}

void resp_connection::publish_command(reply_place place,
                                      const arguments& args) {
  if (place.element < 0)
    publishing_ = place.number;
  publish_message request;
  request.channel = args[1];
  request.payload = std::make_shared<const std::string>(args[2]);
  caf_compat::ask(this, services_.publisher, std::move(request))
    .then(
      [this, place](const message_published& done) {
        finish_with(place, [&](reply_writer& out) {
          out.integer(static_cast<std::int64_t>(done.receivers));
        });
        drain();
        end_turn();
      },
      [this](const caf::error&) { close(nullptr); });
}

void resp_connection::pubsub_command(reply_place place,
                                     const command_spec& spec,
                                     const arguments& args) {
  if ((spec.name == "pubsub|channels" && args.size() > 3)
      || (spec.name == "pubsub|numpat" && args.size() > 2)) {
    std::string error
      = "ERR unknown subcommand or wrong number of arguments for '";
    error.append(args[1]).append("'. Try PUBSUB HELP.");
    return finish_error(place, error);
  }
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
