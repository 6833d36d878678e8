// The commands on keys.

#include "apps/client/commands.hpp"
#include "apps/client/file_input.hpp"
#include "apps/client/output.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cmath>
#include <cstdio>

namespace kvs::apps {

using namespace kvs::protocol;

namespace {

constexpr const char* not_found = "Key not found";

// The contract of `rm`, and what the other commands that need a key do too.
int report_absent(session& node) {
  if (node.json())
    print_json({{"found", false}});
  std::fprintf(stderr, "%s\n", not_found);
  return exit_failed;
}

std::optional<std::int64_t> to_milliseconds(double seconds, bool zero_is_fine) {
  const double ms = std::ceil(seconds * 1000);
  // Written so that NaN fails too.
  if (!(ms >= (zero_is_fine ? 0 : 1) && ms <= 3e14)) {
    print_error("a time to live must be a positive number of seconds, at "
                "most 10,000 years; nothing was written");
    return std::nullopt;
  }
  return static_cast<std::int64_t>(ms);
}

std::optional<std::string> value_of(const set_options& options) {
  if (options.value.has_value() == options.value_file.has_value()) {
    print_error("give a value, '-' for stdin or --value-file, one of them");
    return std::nullopt;
  }
  if (options.value && *options.value != "-")
    return *options.value;
  return read_whole(options.value ? "-" : *options.value_file);
}

json_value json_of(const write_reply& reply) {
  return {{"applied", reply.applied},
          {"version", reply.version},
          {"durable_version", reply.durable_version}};
}

int finish_write(session& node, const write_reply& reply,
                 const std::string& why_not) {
  if (node.json())
    print_json(json_of(reply));
  if (reply.applied)
    return exit_ok;
  print_error(why_not + "; nothing was written");
  return exit_failed;
}

json_value json_of(std::string_view key, const value_reply& reply) {
  json_value object{{"found", reply.found}};
  add_bytes(object, "key", key);
  if (!reply.found)
    return object;
  add_bytes(object, "value", reply.value);
  object["version"] = reply.version;
  if (reply.ttl_ms != ttl_none)
    object["ttl_ms"] = reply.ttl_ms;
  return object;
}

} // namespace

int run_set(session& node, const set_options& options) {
  const auto value = value_of(options);
  if (!value)
    return exit_usage;
  const auto expiry_ms = to_milliseconds(options.ttl_seconds, true);
  if (!expiry_ms)
    return exit_usage;
  auto condition = write_condition::none;
  if (options.if_absent)
    condition = write_condition::if_absent;
  if (options.if_present)
    condition = write_condition::if_present;
  const auto reply
    = node.ask(put{options.key, condition, 0, *expiry_ms, *value});
  if (!reply)
    return node.failure();
  return finish_write(node, reply->message,
                      options.if_absent ? "the key exists already"
                                        : "the key does not exist");
}

int run_get(session& node, const get_options& options) {
  const auto reply = node.ask(get{options.key});
  if (!reply)
    return node.failure();
  const value_reply& found = reply->message;
  if (node.json())
    print_json(json_of(options.key, found));
  else if (!found.found && options.raw)
    return report_absent(node);
  else if (!found.found)
    print_line(not_found);
  else if (options.raw)
    print_bytes(found.value);
  else
    print_line(found.value);
  return exit_ok;
}

int run_mget(session& node, const std::vector<std::string>& keys) {
  const auto reply = node.ask(multi_get{{keys.begin(), keys.end()}});
  if (!reply)
    return node.failure();
  const auto& values = reply->message.values;
  for (std::size_t i = 0; i < values.size() && i < keys.size(); ++i) {
    if (node.json())
      print_json(json_of(keys[i], values[i]));
    else
      print_line(values[i].found ? values[i].value : not_found);
  }
  return exit_ok;
}

int run_rm(session& node, const std::string& key) {
  const auto reply = node.ask(erase{key, std::nullopt});
  if (!reply)
    return node.failure();
  const erase_reply& done = reply->message;
  if (!done.existed)
    return report_absent(node);
  if (node.json())
    print_json({{"found", true},
                {"version", done.version},
                {"durable_version", done.durable_version}});
  return exit_ok;
}

int run_exists(session& node, const std::string& key) {
  const auto reply = node.ask(exists{key});
  if (!reply)
    return node.failure();
  const exists_reply& now = reply->message;
  if (!node.json()) {
    print_line(now.found ? "yes" : "no");
    return exit_ok;
  }
  json_value object{{"found", now.found}};
  if (now.found)
    object["version"] = now.version;
  if (now.found && now.ttl_ms != ttl_none)
    object["ttl_ms"] = now.ttl_ms;
  print_json(object);
  return exit_ok;
}

int run_incr(session& node, const increment_options& options) {
  const auto reply = node.ask(increment{options.key, options.delta});
  if (!reply)
    return node.failure();
  const increment_reply& done = reply->message;
  if (node.json())
    print_json({{"value", done.value},
                {"version", done.version},
                {"durable_version", done.durable_version}});
  else
    print_line(std::to_string(done.value));
  return exit_ok;
}

int run_append(session& node, const append_options& options) {
  const auto reply = node.ask(append{options.key, options.value});
  if (!reply)
    return node.failure();
  const append_reply& done = reply->message;
  if (node.json())
    print_json({{"value_bytes", done.value_bytes},
                {"version", done.version},
                {"durable_version", done.durable_version}});
  else
    print_line(std::to_string(done.value_bytes));
  return exit_ok;
}

int run_ttl(session& node, const std::string& key) {
  const auto reply = node.ask(exists{key});
  if (!reply)
    return node.failure();
  const exists_reply& now = reply->message;
  if (!now.found)
    return report_absent(node);
  if (node.json()) {
    json_value object{{"found", true}};
    if (now.ttl_ms != ttl_none)
      object["ttl_ms"] = now.ttl_ms;
    print_json(object);
  } else if (now.ttl_ms == ttl_none) {
    print_line("never expires");
  } else {
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), "%.3f s",
                  static_cast<double>(now.ttl_ms) / 1000);
    print_line(text.data());
  }
  return exit_ok;
}

int run_expire(session& node, const expire_options& options) {
  const auto ttl_ms = to_milliseconds(options.ttl_seconds, false);
  if (!ttl_ms)
    return exit_usage;
  const auto reply = node.ask(touch{options.key, *ttl_ms});
  if (!reply)
    return node.failure();
  if (!reply->message.applied)
    return report_absent(node);
  return finish_write(node, reply->message, "");
}

int run_persist(session& node, const std::string& key) {
  const auto reply = node.ask(persist{key});
  if (!reply)
    return node.failure();
  if (!reply->message.applied && reply->message.version == 0)
    return report_absent(node);
  if (node.json())
    print_json(json_of(reply->message));
  return exit_ok;
}

int run_cas(session& node, const compare_options& options) {
  const auto reply = node.ask(put{options.key, write_condition::if_version,
                                  options.version, 0, options.value});
  if (!reply)
    return node.failure();
  const std::uint64_t now = reply->message.version;
  return finish_write(node, reply->message,
                      now == 0 ? "the key does not exist"
                               : "the key has version " + std::to_string(now));
}

} // namespace kvs::apps
