#include "actors/resp/parameters.hpp"

#include "protocol/resp/numbers.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace kvs::actors::resp {
namespace {

using protocol::resp::equals_ignoring_case;

enum class parameter_kind : std::uint8_t {
  /// Never changed while Redis runs, either.
  fixed,
  /// Redis lets no client change it.
  guarded,
  text,
  integer,
  bytes,
  yes_or_no,
  /// One of `choices`.
  choice,
  event_letters,
};

struct parameter {
  std::string_view name;
  parameter_kind kind;
  std::int64_t least = 0;
  std::int64_t most = 0;
  std::string_view choices{};
};

constexpr auto int32_max = std::numeric_limits<std::int32_t>::max();
constexpr auto int64_max = std::numeric_limits<std::int64_t>::max();

constexpr auto parameters = std::to_array<parameter>({
  {"appendfsync", parameter_kind::choice, 0, 0, "everysec, always, no"},
  {"appendonly", parameter_kind::yes_or_no},
  {"bind", parameter_kind::text},
  {"client-output-buffer-limit", parameter_kind::text},
  {"databases", parameter_kind::fixed},
  {"dir", parameter_kind::guarded},
  {"latency-monitor-threshold", parameter_kind::integer, 0, int64_max},
  {"maxclients", parameter_kind::integer, 1,
   std::numeric_limits<std::uint32_t>::max()},
  {"maxmemory", parameter_kind::bytes, 0, int64_max},
  {"maxmemory-policy", parameter_kind::choice, 0, 0,
   "volatile-lru, volatile-lfu, volatile-random, volatile-ttl, allkeys-lru, "
   "allkeys-lfu, allkeys-random, noeviction"},
  {"notify-keyspace-events", parameter_kind::event_letters},
  {"port", parameter_kind::integer, 0, 65'535},
  {"proto-max-bulk-len", parameter_kind::bytes, 1'048'576, int64_max},
  {"requirepass", parameter_kind::text},
  {"save", parameter_kind::text},
  {"slowlog-log-slower-than", parameter_kind::integer, -1, int64_max},
  {"slowlog-max-len", parameter_kind::integer, 0, int64_max},
  {"tcp-keepalive", parameter_kind::integer, 0, int32_max},
  {"timeout", parameter_kind::integer, 0, int32_max},
});

/// A value as CONFIG GET shows it, or why it is none.
struct parsed_value {
  std::string text;
  std::int64_t number = 0;
  std::string error;
};

/// "64mb" in bytes; -1: more than a number can hold.
std::optional<std::int64_t> to_bytes(std::string_view text) {
  std::int64_t number = 0;
  auto [end, ec]
    = std::from_chars(text.data(), text.data() + text.size(), number);
  auto is_too_large = ec == std::errc::result_out_of_range;
  if (!is_too_large && (ec != std::errc{} || number < 0))
    return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  constexpr auto units
    = std::to_array<std::pair<std::string_view, int>>({{"", 1},
                                                       {"b", 1},
                                                       {"k", 1000},
                                                       {"kb", 1024},
                                                       {"m", 1'000'000},
                                                       {"mb", 1 << 20},
                                                       {"g", 1'000'000'000},
                                                       {"gb", 1 << 30}});
  for (const auto& [unit, factor] : units)
    if (equals_ignoring_case(text, unit))
      return is_too_large || number > int64_max / factor ? -1 : number * factor;
  return std::nullopt;
}

parsed_value in_range(const parameter& what, std::optional<std::int64_t> number,
                      std::string_view no_number) {
  parsed_value found;
  if (!number) {
    found.error = no_number;
  } else if (*number < what.least || *number > what.most) {
    found.error.append("argument must be between ")
      .append(std::to_string(what.least))
      .append(" and ")
      .append(std::to_string(what.most))
      .append(" inclusive");
  } else {
    found.number = *number;
    found.text = std::to_string(*number);
  }
  return found;
}

parsed_value chosen_of(std::string_view choices, std::string_view value) {
  parsed_value found;
  for (auto rest = choices; !rest.empty();) {
    auto end = rest.find(", ");
    if (equals_ignoring_case(rest.substr(0, end), value))
      found.text = rest.substr(0, end);
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 2);
  }
  if (found.text.empty())
    found.error.append("argument(s) must be one of the following: ")
      .append(choices);
  return found;
}

parsed_value parse(const parameter& what, const std::string& value) {
  parsed_value found;
  switch (what.kind) {
    case parameter_kind::fixed:
    case parameter_kind::guarded:
    case parameter_kind::text:
      found.text = value;
      return found;
    case parameter_kind::integer:
      return in_range(what, protocol::resp::to_integer(value),
                      "argument couldn't be parsed into an integer");
    case parameter_kind::bytes:
      return in_range(what, to_bytes(value), "argument must be a memory value");
    case parameter_kind::yes_or_no:
      if (equals_ignoring_case(value, "yes"))
        found.text = "yes";
      else if (equals_ignoring_case(value, "no"))
        found.text = "no";
      else
        found.error = "argument must be 'yes' or 'no'";
      return found;
    case parameter_kind::choice:
      return chosen_of(what.choices, value);
    case parameter_kind::event_letters: {
      auto flags = parse_event_flags(value);
      if (flags == unknown_event_flags) {
        found.error = "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";
        return found;
      }
      found.number = flags;
      found.text = to_letters(flags);
      return found;
    }
  }
  return found;
}

/// Changes what can be changed. False: it cannot.
bool apply(settings& changed, std::string_view name,
           const parsed_value& value) {
  if (name == "notify-keyspace-events")
    changed.notify = static_cast<event_flags>(value.number);
  else if (name == "slowlog-log-slower-than")
    changed.slowlog_slower_than_us = value.number;
  else if (name == "slowlog-max-len")
    changed.slowlog_length_max = value.number;
  else if (name == "timeout")
    changed.idle_timeout = std::chrono::seconds{value.number};
  else
    return false;
  return true;
}

const parameter* find_parameter(std::string_view name) {
  const auto* found = std::ranges::find(parameters, name, &parameter::name);
  return found == parameters.end() ? nullptr : found;
}

/// Why not even the value matters; empty: it does.
std::string_view refusal_of(const parameter& what, bool is_double) {
  if (what.kind == parameter_kind::fixed)
    return "can't set immutable config";
  if (what.kind == parameter_kind::guarded)
    return "can't set protected config";
  return is_double ? "duplicate parameter" : "";
}

std::string failed(std::string_view name, std::string_view why) {
  std::string error = "ERR CONFIG SET failed (possibly related to argument '";
  return error.append(name).append("') - ").append(why);
}

} // namespace

std::string set_parameters(
  settings& changed,
  const std::vector<std::pair<std::string, std::string>>& changes) {
  for (auto each = changes.begin(); each != changes.end(); ++each) {
    const auto* what = find_parameter(each->first);
    auto is_double
      = std::any_of(changes.begin(), each, [&](const auto& earlier) {
          return earlier.first == each->first;
        });
    if (auto why = refusal_of(*what, is_double); !why.empty())
      return failed(each->first, why);
  }
  for (const auto& [name, text] : changes) {
    auto value = parse(*find_parameter(name), text);
    if (!value.error.empty())
      return failed(name, value.error);
    if (!apply(changed, name, value) && changed.parameters[name] != value.text)
      return failed(name, "can't set immutable config");
    changed.parameters[name] = value.text;
  }
  return {};
}

} // namespace kvs::actors::resp
