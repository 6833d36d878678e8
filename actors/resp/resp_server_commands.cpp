// What a client asks of the node: settings, times, logs, syncs.

#include "actors/resp/resp_connection.hpp"
#include "protocol/resp/glob.hpp"
#include "protocol/resp/numbers.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace kvs::actors::resp {
namespace {

using protocol::resp::equals_ignoring_case;
using protocol::resp::reply_writer;
using protocol::resp::to_integer;

std::string lower(std::string_view text) {
  std::string result{text};
  std::ranges::transform(result, result.begin(), protocol::resp::to_lower);
  return result;
}

} // namespace

void resp_connection::server_command(reply_place place,
                                     const command_spec& spec,
                                     const arguments& args) {
  auto name = spec.name;
  auto sync_then = [this, place](std::string_view whole) {
    ask_store(protocol::sync{}, [this, place, whole](const auto& reply) {
      if (!has_failed(place, reply))
        finish_text(place, whole);
    });
  };
  if (name == "info")
    return info(place, args);
  if (name.starts_with("config|"))
    return config_command(place, spec, args);
  if (name.starts_with("slowlog|"))
    return slowlog_command(place, spec, args);
  if (name == "time") {
    auto us = std::chrono::duration_cast<std::chrono::microseconds>(
                std::chrono::system_clock::now().time_since_epoch())
                .count();
    return finish_with(place, [&](reply_writer& out) {
      out.array(2);
      out.bulk(std::to_string(us / 1'000'000));
      out.bulk(std::to_string(us % 1'000'000));
    });
  }
  if (name == "lastsave")
    return finish_with(place, [&](reply_writer& out) {
      out.integer(std::chrono::duration_cast<std::chrono::seconds>(
                    std::chrono::system_clock::now().time_since_epoch())
                    .count());
    });
  if (name == "save")
    return sync_then("+OK\r\n");
  if (name == "bgsave") {
    if (args.size() > 2
        || (args.size() == 2 && !equals_ignoring_case(args[1], "schedule")))
      return finish_error(place, "ERR syntax error");
    return sync_then(place.element < 0 ? "+Background saving started\r\n"
                                       : "+Background saving scheduled\r\n");
  }
  if (name == "bgrewriteaof") {
    // The reply does not wait for the compaction, as that of Redis does not.
    ask_store(protocol::compact{}, [](const auto&) {});
    return finish_text(
      place, place.element < 0
               ? "+Background append only file rewriting started\r\n"
               : "+Background append only file rewriting scheduled\r\n");
  }
  if (name == "wait") {
    auto replicas = to_integer(args[1]);
    auto timeout = to_integer(args[2]);
    if (!replicas)
      return finish_error(place, "ERR value is not an integer or out of range");
    if (!timeout)
      return finish_error(place,
                          "ERR timeout is not an integer or out of range");
    if (*timeout < 0)
      return finish_error(place, "ERR timeout is negative");
    return finish_with(place, [](reply_writer& out) { out.integer(0); });
  }
  if (name == "role")
    return finish_with(place, [](reply_writer& out) {
      out.array(3);
      out.bulk("master");
      out.integer(0);
      out.array(0);
    });
  if (name == "acl|whoami")
    return finish_with(place, [](reply_writer& out) { out.bulk("default"); });
  if (name == "module|list" || name == "latency|latest")
    return finish_with(place, [](reply_writer& out) { out.array(0); });
  if (name == "latency|history")
    return finish_with(place, [](reply_writer& out) { out.array(0); });
  if (name == "latency|histogram")
    return finish_with(place, [](reply_writer& out) { out.map(0); });
  if (name == "latency|reset")
    return finish_with(place, [](reply_writer& out) { out.integer(0); });
  if (name == "latency|doctor")
    return finish_with(place, [](reply_writer& out) {
      out.verbatim("txt", "kvs keeps no latency events. SLOWLOG GET shows slow "
                          "commands.\n");
    });
  if (name == "latency|graph")
    return finish_error(place, "ERR No samples available for event '"
                                 + std::string{args[2]} + "'");
  if (name == "monitor") {
    if (place.element >= 0)
      return finish_error(place,
                          "ERR MONITOR isn't allowed for DENY BLOCKING client");
    if (std::exchange(is_monitor_, true))
      return finish_silent(place);
    return ask_registry<commands_watched>(
      watch_commands{services_.client_id, true},
      [this, place](const commands_watched&) {
        finish_text(place, "+OK\r\n");
      });
  }
  if (name == "shutdown") {
    std::set<std::string> words;
    for (std::size_t at = 1; at < args.size(); ++at)
      words.insert(lower(args[at]));
    auto has_unknown = std::ranges::any_of(words, [](const auto& word) {
      return word != "nosave" && word != "save" && word != "now"
             && word != "force" && word != "abort";
    });
    if (has_unknown || (words.contains("abort") && words.size() > 1)
        || (words.contains("save") && words.contains("nosave")))
      return finish_error(place, "ERR syntax error");
    if (words.contains("abort"))
      return finish_error(place, "ERR No shutdown in progress.");
    // As in Redis there is no reply: the connection ends.
    if (services_.on_shutdown)
      services_.on_shutdown();
    finish_silent(place);
    return end_input(false);
  }
  finish_error(place, "ERR " + std::string{args[0]}
                        + " is not offered by kvs; nothing was done");
}

void resp_connection::config_command(reply_place place,
                                     const command_spec& spec,
                                     const arguments& args) {
  auto name = spec.name.substr(std::string_view{"config|"}.size());
  if (name == "get") {
    // By name in any case, as it was asked for first.
    std::map<std::string, std::pair<std::string_view, std::string_view>> found;
    for (std::size_t at = 2; at < args.size(); ++at) {
      auto is_pattern = args[at].find_first_of("[*?") != std::string_view::npos;
      for (const auto& [key, value] : settings_->parameters)
        if (is_pattern ? protocol::resp::glob_match(
              args[at], key, protocol::resp::letter_case::ignored)
                       : equals_ignoring_case(args[at], key))
          found.try_emplace(key, is_pattern ? key : args[at], value);
    }
    return finish_with(place, [&](reply_writer& out) {
      out.map(found.size());
      for (const auto& [key, shown] : found) {
        out.bulk(shown.first);
        out.bulk(shown.second);
      }
    });
  }
  if (name == "rewrite")
    return finish_error(place,
                        "ERR The server is running without a config file");
  if (name == "resetstat")
    return ask_registry<counters_reset>(
      reset_counters{},
      [this, place](const counters_reset&) { finish_text(place, "+OK\r\n"); });
  if (args.size() % 2 != 0)
    return finish_error(place, "ERR syntax error");
  change_settings request;
  for (std::size_t at = 2; at + 1 < args.size(); at += 2) {
    auto key = lower(args[at]);
    if (!settings_->parameters.contains(key)) {
      std::string error
        = "ERR Unknown option or number of arguments for CONFIG SET - '";
      return finish_error(place, error.append(args[at]).append("'"));
    }
    request.changes.emplace_back(key, args[at + 1]);
  }
  ask_registry<settings_set>(std::move(request),
                             [this, place](const settings_set& done) {
                               if (done.error.empty())
                                 finish_text(place, "+OK\r\n");
                               else
                                 finish_error(place, done.error);
                             });
}

void resp_connection::slowlog_command(reply_place place,
                                      const command_spec& spec,
                                      const arguments& args) {
  auto name = spec.name.substr(std::string_view{"slowlog|"}.size());
  if (name == "reset")
    return ask_registry<counters_reset>(
      clear_slow_commands{},
      [this, place](const counters_reset&) { finish_text(place, "+OK\r\n"); });
  list_slow_commands request;
  request.count = name == "len" ? 0 : 10;
  if (name == "get" && args.size() > 3)
    return finish_error(place, wrong_subcommand("SLOWLOG", args[1]));
  if (name == "get" && args.size() > 2) {
    auto count = to_integer(args[2]);
    if (!count || *count < -1)
      return finish_error(place,
                          "ERR count should be greater than or equal to -1");
    request.count = *count;
  }
  auto wants_length = name == "len";
  ask_registry<slow_commands_listed>(
    request, [this, place, wants_length](const slow_commands_listed& found) {
      finish_with(place, [&](reply_writer& out) {
        if (wants_length)
          return out.integer(static_cast<std::int64_t>(found.length));
        out.array(found.commands.size());
        for (const auto& each : found.commands) {
          out.array(6);
          out.integer(static_cast<std::int64_t>(each.number));
          out.integer(each.began_s);
          out.integer(each.took_us);
          out.array(each.args.size());
          for (const auto& arg : each.args)
            out.bulk(arg);
          out.bulk(each.address);
          out.bulk(each.name);
        }
      });
    });
}

} // namespace kvs::actors::resp
