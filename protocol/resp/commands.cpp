// Finding, checking and running commands.

#include "protocol/resp/commands.hpp"

#include "protocol/resp/command_table.hpp"
#include "protocol/resp/expiry_options.hpp"
#include "protocol/resp/handler_support.hpp"
#include "protocol/resp/numbers.hpp"

#include <algorithm>

namespace kvs::protocol::resp {

namespace {

// How much of what the client has sent an error repeats.
constexpr std::size_t shown_bytes_max = 128;

std::string_view shown(std::string_view text, std::size_t bytes_max) {
  return text.substr(0, std::min(text.find('\0'), bytes_max));
}

resolved_call unknown_command(std::span<const std::string_view> args) {
  std::string rest;
  for (std::size_t i = 1; i < args.size() && rest.size() < shown_bytes_max;
       ++i) {
    const auto part = shown(args[i], shown_bytes_max - rest.size());
    rest.append("'").append(part).append("' ");
  }
  std::string error = "ERR unknown command '";
  error += shown(args[0], shown_bytes_max);
  error += "', with args beginning with: ";
  error += rest;
  return {nullptr, std::move(error)};
}

resolved_call unknown_subcommand(std::span<const std::string_view> args) {
  std::string error = "ERR unknown subcommand '";
  error += shown(args[1], shown_bytes_max);
  error += "'. Try ";
  for (const char each : args[0])
    error += each >= 'a' && each <= 'z' ? static_cast<char>(each - 32) : each;
  error += " HELP.";
  return {nullptr, std::move(error)};
}

bool has_right_size(const command_spec& spec, std::size_t size) {
  const auto count = static_cast<std::int64_t>(size);
  return spec.arity > 0 ? count == spec.arity : count >= -spec.arity;
}

const command_spec* find_subcommand(const command_spec& container,
                                    std::string_view name) {
  const std::size_t prefix_bytes = container.name.size() + 1;
  const auto found
    = std::ranges::find_if(container.subcommands, [&](const auto& each) {
        return equals_ignoring_case(each.name.substr(prefix_bytes), name);
      });
  return found == container.subcommands.end() ? nullptr : &*found;
}

bool is_key(const command_spec& spec, std::size_t index, std::size_t size) {
  if (spec.first_key == 0)
    return false;
  const auto at = static_cast<std::int64_t>(index);
  const std::int64_t last = spec.last_key < 0
                              ? static_cast<std::int64_t>(size) + spec.last_key
                              : spec.last_key;
  return at >= spec.first_key && at <= last
         && (at - spec.first_key) % spec.key_step == 0;
}

/// Why an argument is too long to be stored; empty if none is.
std::string_view find_oversize(const command_spec& spec,
                               std::span<const std::string_view> args,
                               const execution_limits& limits) {
  for (std::size_t i = 1; i < args.size(); ++i) {
    if (is_key(spec, i, args.size())) {
      if (args[i].size() > limits.key_bytes_max)
        return "ERR key exceeds maximum allowed size";
    } else if (args[i].size() > limits.value_bytes_max) {
      return handlers::too_long;
    }
  }
  return {};
}

bool may_add(const command_spec& spec) {
  return spec.is(command_flag::denyoom)
         || spec.key_uses.find("OW") != spec.key_uses.npos;
}

} // namespace

const command_spec* find_command(std::string_view name) {
  const auto bar = name.find('|');
  const auto* found = find_in_table(name.substr(0, bar));
  if (found == nullptr || bar == name.npos)
    return found;
  return find_subcommand(*found, name.substr(bar + 1));
}

resolved_call resolve(std::span<const std::string_view> args) {
  const auto* spec = find_in_table(args[0]);
  if (spec == nullptr) [[unlikely]]
    return unknown_command(args);
  if (!spec->subcommands.empty() && args.size() > 1) {
    spec = find_subcommand(*spec, args[1]);
    if (spec == nullptr)
      return unknown_subcommand(args);
  }
  if (!has_right_size(*spec, args.size())) [[unlikely]]
    return {nullptr,
            "ERR wrong number of arguments for '" + std::string{spec->name}
              + "' command",
            spec};
  return {spec, {}};
}

std::vector<std::string_view> keys_of(const command_spec& spec,
                                      std::span<const std::string_view> args) {
  std::vector<std::string_view> keys;
  for (std::size_t i = 1; i < args.size(); ++i) {
    if (is_key(spec, i, args.size()))
      keys.push_back(args[i]);
  }
  return keys;
}

value_use value_use_of(const command_spec& spec,
                       std::span<const std::string_view> args) {
  // SET only looks at the old value if the client wants to have it.
  if (spec.name != "set")
    return spec.use;
  const auto options
    = handlers::parse_string_options(args, 3, handlers::option_set::of_set);
  return options && options->wants_old ? value_use::reads : value_use::none;
}

void execute(const command_spec& spec, std::span<const std::string_view> args,
             keyspace& keys, reply_writer& reply,
             const execution_limits& limits, pacer& pace) {
  if (may_add(spec)) {
    if (const auto error = find_oversize(spec, args, limits); !error.empty())
      return reply.error(error);
  }
  spec.handler({args, keys, reply, limits, pace});
}

} // namespace kvs::protocol::resp
