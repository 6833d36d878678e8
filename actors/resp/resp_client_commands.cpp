// CLIENT: what a client says of itself, asks of others and does to them.

#include "actors/resp/resp_connection.hpp"
#include "protocol/resp/numbers.hpp"

#include <algorithm>

namespace kvs::actors::resp {
namespace {

using protocol::resp::equals_ignoring_case;
using protocol::resp::reply_writer;
using protocol::resp::to_integer;

std::int64_t seconds_between(std::chrono::steady_clock::time_point begin,
                             std::chrono::steady_clock::time_point end) {
  return std::chrono::duration_cast<std::chrono::seconds>(end - begin).count();
}

} // namespace

std::string resp_connection::description() const {
  auto now = clock_type::now();
  std::string flags;
  if (is_monitor_)
    flags += 'O';
  if (is_subscribed())
    flags += 'P';
  if (in_transaction_)
    flags += 'x';
  if (no_evict_)
    flags += 'e';
  if (flags.empty())
    flags = "N";
  std::string command{last_command_};
  return "id=" + std::to_string(services_.client_id)
         + " addr=" + args_.stream->peer() + " laddr=" + services_.local_address
         + " fd=8 name=" + name_
         + " age=" + std::to_string(seconds_between(joined_, now))
         + " idle=" + std::to_string(seconds_between(last_command_time_, now))
         + " flags=" + flags + " db=0 sub=" + std::to_string(channels_.size())
         + " psub=" + std::to_string(patterns_.size()) + " ssub=0 multi="
         + std::to_string(in_transaction_ ? static_cast<int>(queued_.size())
                                          : -1)
         + " qbuf=0 qbuf-free=0 argv-mem=0 multi-mem="
         + std::to_string(queued_bytes_)
         + " rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=0 events=r cmd=" + command
         + " user=default redir=-1 resp=" + std::to_string(version_);
}

void resp_connection::client_command(reply_place place,
                                     const command_spec& spec,
                                     const arguments& args) {
  auto name = spec.name.substr(std::string_view{"client|"}.size());
  if ((name == "pause" || name == "unblock") && args.size() > 4)
    return finish_error(place, wrong_subcommand("CLIENT", args[1]));
  if (name == "id")
    return finish_with(place, [&](reply_writer& out) {
      out.integer(static_cast<std::int64_t>(services_.client_id));
    });
  if (name == "getname")
    return finish_with(place, [&](reply_writer& out) {
      if (name_.empty())
        out.null();
      else
        out.bulk(name_);
    });
  if (name == "setname") {
    if (!is_client_name(args[2]))
      return finish_error(place, bad_client_name);
    name_ = args[2];
    return finish_text(place, "+OK\r\n");
  }
  if (name == "info")
    return finish_with(place, [&](reply_writer& out) {
      out.verbatim("txt", description() + "\n");
    });
  if (name == "no-evict") {
    auto on = equals_ignoring_case(args[2], "on");
    if (!on && !equals_ignoring_case(args[2], "off"))
      return finish_error(place, "ERR syntax error");
    no_evict_ = on;
    return finish_text(place, "+OK\r\n");
  }
  if (name == "getredir")
    return finish_with(place, [&](reply_writer& out) { out.integer(-1); });
  if (name == "reply")
    return client_reply(place, args);
  if (name == "kill")
    return client_kill(place, args);
  if (name == "unblock")
    return client_unblock(place, args);
  if (name == "pause")
    return client_pause(place, args);
  if (name == "unpause")
    return set_pause(place, {});
  if (name == "trackinginfo")
    return finish_with(place, [](reply_writer& out) {
      out.map(3);
      out.bulk("flags");
      out.set(1);
      out.bulk("off");
      out.bulk("redirect");
      out.integer(-1);
      out.bulk("prefixes");
      out.array(0);
    });
  if (name == "list")
    return client_list(place, args);
  finish_error(place,
               "ERR CLIENT " + std::string{name} + " is not offered by kvs");
}

void resp_connection::client_unblock(reply_place place, const arguments& args) {
  if (!to_integer(args[2]))
    return finish_error(place, "ERR value is not an integer or out of range");
  if (args.size() > 3 && !equals_ignoring_case(args[3], "timeout")
      && !equals_ignoring_case(args[3], "error"))
    return finish_error(place,
                        "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
  // No command of kvs blocks its client.
  finish_text(place, ":0\r\n");
}

void resp_connection::client_pause(reply_place place, const arguments& args) {
  auto mode = pause_mode::all;
  if (args.size() > 3 && equals_ignoring_case(args[3], "write"))
    mode = pause_mode::writes;
  else if (args.size() > 3 && !equals_ignoring_case(args[3], "all"))
    return finish_error(place, "ERR CLIENT PAUSE mode must be WRITE or ALL");
  auto for_ms = to_integer(args[2]);
  if (!for_ms)
    return finish_error(place, "ERR timeout is not an integer or out of range");
  if (*for_ms < 0)
    return finish_error(place, "ERR timeout is negative");
  set_pause(place, {mode, std::chrono::milliseconds{*for_ms}});
}

void resp_connection::set_pause(reply_place place,
                                const pause_clients& request) {
  ask_registry<clients_paused>(request, [this, place](const clients_paused&) {
    finish_text(place, "+OK\r\n");
  });
}

void resp_connection::client_list(reply_place place, const arguments& args) {
  std::string type;
  std::vector<std::uint64_t> ids;
  if (args.size() == 4 && equals_ignoring_case(args[2], "type")) {
    type = args[3];
    std::ranges::transform(type, type.begin(), protocol::resp::to_lower);
    if (type != "normal" && type != "pubsub" && type != "master"
        && type != "replica" && type != "slave")
      return finish_error(place, "ERR Unknown client type '"
                                   + std::string{args[3]} + "'");
  } else if (args.size() > 3 && equals_ignoring_case(args[2], "id")) {
    for (std::size_t at = 3; at < args.size(); ++at) {
      auto id = to_integer(args[at]);
      if (!id)
        return finish_error(place, "ERR Invalid client ID");
      ids.push_back(static_cast<std::uint64_t>(*id));
    }
  } else if (args.size() != 2) {
    return finish_error(place, "ERR syntax error");
  }
  ask_registry<clients_described>(
    describe_clients{},
    [this, place, type, ids](const clients_described& found) {
      std::string lines;
      for (const auto& each : found.clients)
        if ((type.empty() || each.type == type)
            && (ids.empty() || std::ranges::find(ids, each.id) != ids.end()))
          lines += each.line + "\n";
      finish_with(place,
                  [&](reply_writer& out) { out.verbatim("txt", lines); });
    });
}

void resp_connection::client_reply(reply_place place, const arguments& args) {
  auto& entry = replies_.at(place.number);
  if (equals_ignoring_case(args[2], "on")) {
    replies_off_ = false;
    skips_next_ = false;
    entry.is_unwanted = false;
    return finish_text(place, "+OK\r\n");
  }
  if (equals_ignoring_case(args[2], "off")) {
    replies_off_ = true;
  } else if (equals_ignoring_case(args[2], "skip")) {
    skips_next_ = !replies_off_;
  } else {
    return finish_error(place, "ERR syntax error");
  }
  finish_silent(place);
}

void resp_connection::client_kill(reply_place place, const arguments& args) {
  struct {
    std::optional<std::uint64_t> id;
    std::string address;
    std::string local_address;
    std::string type;
    bool skips_me = true;
  } filter;
  auto by_address = args.size() == 3;
  if (by_address) {
    filter.address = args[2];
    filter.skips_me = false;
  }
  for (std::size_t at = 2; !by_address && at < args.size(); at += 2) {
    if (at + 1 == args.size())
      return finish_error(place, "ERR syntax error");
    auto value = args[at + 1];
    if (equals_ignoring_case(args[at], "id")) {
      auto id = to_integer(value);
      if (!id || *id <= 0)
        return finish_error(place, "ERR client-id should be greater than 0");
      filter.id = static_cast<std::uint64_t>(*id);
    } else if (equals_ignoring_case(args[at], "type")) {
      filter.type = value;
      std::ranges::transform(filter.type, filter.type.begin(),
                             protocol::resp::to_lower);
      if (filter.type != "normal" && filter.type != "pubsub"
          && filter.type != "master" && filter.type != "replica"
          && filter.type != "slave")
        return finish_error(place, "ERR Unknown client type '"
                                     + std::string{value} + "'");
    } else if (equals_ignoring_case(args[at], "addr")) {
      filter.address = value;
    } else if (equals_ignoring_case(args[at], "laddr")) {
      filter.local_address = value;
    } else if (equals_ignoring_case(args[at], "user")) {
      if (value != "default")
        return finish_error(place,
                            "ERR No such user '" + std::string{value} + "'");
    } else if (equals_ignoring_case(args[at], "skipme")) {
      filter.skips_me = equals_ignoring_case(value, "yes");
      if (!filter.skips_me && !equals_ignoring_case(value, "no"))
        return finish_error(place, "ERR syntax error");
    } else {
      return finish_error(place, "ERR syntax error");
    }
  }
  ask_registry<clients_described>(
    describe_clients{},
    [this, place, filter, by_address](const clients_described& found) {
      close_clients doomed;
      auto is_me = false;
      for (const auto& each : found.clients) {
        auto me = each.id == services_.client_id;
        if ((filter.id && *filter.id != each.id)
            || (!filter.address.empty() && filter.address != each.address)
            || (!filter.local_address.empty()
                && filter.local_address != each.local_address)
            || (!filter.type.empty() && filter.type != each.type)
            || (me && filter.skips_me))
          continue;
        is_me = is_me || me;
        doomed.ids.push_back(each.id);
      }
      auto count = doomed.ids.size();
      // Its own end comes after its reply.
      std::erase(doomed.ids, services_.client_id);
      kill(std::move(doomed), is_me, [this, place, count, by_address] {
        if (by_address && count == 0)
          return finish_error(place, "ERR No such client");
        if (by_address)
          return finish_text(place, "+OK\r\n");
        finish_with(place, [&](reply_writer& out) {
          out.integer(static_cast<std::int64_t>(count));
        });
      });
    });
}

void resp_connection::kill(close_clients doomed, bool itself,
                           std::function<void()> reply) {
  ask_registry<clients_closed>(std::move(doomed),
                               [this, itself, reply](const clients_closed&) {
                                 reply();
                                 if (itself) {
                                   drop_subscriptions();
                                   closes_ = true;
                                   end_input(true);
                                 }
                               });
}
} // namespace kvs::actors::resp
