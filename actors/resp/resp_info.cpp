// INFO: gathers what the actors know.

#include "actors/resp/info_text.hpp"
#include "actors/resp/resp_connection.hpp"
#include "protocol/resp/numbers.hpp"

#include <algorithm>

namespace kvs::actors::resp {

using protocol::resp::reply_writer;

void resp_connection::info(reply_place place, const arguments& args) {
  std::vector<std::string> wanted;
  for (std::size_t at = 1; at < args.size(); ++at) {
    wanted.emplace_back(args[at]);
    std::ranges::transform(wanted.back(), wanted.back().begin(),
                           protocol::resp::to_lower);
  }
  auto facts = std::make_shared<info_facts>();
  auto add_store = [this, place, wanted, facts](const protocol::reply& reply) {
    if (has_failed(place, reply))
      return;
    for (const auto& each : std::get<protocol::stats_reply>(reply).figures)
      facts->store.emplace(each.name, each.value);
    facts->services = services_;
    facts->clients_max = settings_->parameters.at("maxclients");
    facts->process = services_.process();
    facts->now_us = std::chrono::duration_cast<std::chrono::microseconds>(
                      std::chrono::system_clock::now().time_since_epoch())
                      .count();
    finish_with(place, [&](reply_writer& out) {
      out.verbatim("txt", info_text(wanted, *facts));
    });
    drain();
  };
  auto ask_publisher = [this, facts, add_store] {
    caf_compat::ask(this, services_.publisher, count_subscribers{})
      .then(
        [this, facts, add_store](const subscribers_counted& found) {
          facts->channels = found.channels;
          facts->patterns = found.patterns;
          ask_store(protocol::stats{}, add_store);
          end_turn();
        },
        [this](const caf::error&) { close(nullptr); });
  };
  caf_compat::ask(this, services_.registry, describe_clients{true})
    .then(
      [facts, ask_publisher](const clients_described& clients) {
        facts->clients = clients;
        ask_publisher();
      },
      [this](const caf::error&) { close(nullptr); });
}

} // namespace kvs::actors::resp
