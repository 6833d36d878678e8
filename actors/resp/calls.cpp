#include "actors/resp/calls.hpp"

#include "actors/resp/data_views.hpp"
#include "protocol/resp/numbers.hpp"

#include <algorithm>
#include <array>

namespace kvs::actors::resp {
namespace {

using protocol::resp::command_flag;
using protocol::resp::reply_writer;
using protocol::resp::value_use;
using clock_type = std::chrono::steady_clock;

/// Commands that only write: what their keys hold does not matter, unless who
/// listens wants to hear that one had expired.
bool needs_nothing(const call& what) {
  return what.spec->name == "mset" && !what.wants_events;
}

bool is_whole_store(const command_spec& spec) {
  return spec.handler != nullptr && spec.first_key == 0
         && spec.name != "object|help" && !spec.name.ends_with("|help")
         && spec.name != "object|freq";
}

/// Which of its keys a command only overwrites; none: ~0.
std::size_t target_of(const command_spec& spec) {
  if (spec.name == "bitop")
    return 0;
  if (spec.name == "rename" || spec.name == "renamenx" || spec.name == "copy")
    return 1;
  return ~std::size_t{0};
}

/// "u8" or "i16": an offset follows.
bool is_field_type(std::string_view word) {
  return word.size() > 1 && (word[0] == 'u' || word[0] == 'i') && word[1] >= '0'
         && word[1] <= '9';
}

/// The bytes that a number in the arguments may stretch a value to.
std::uint64_t stretch_of(const call& what) {
  auto number = [&](std::size_t at) -> std::uint64_t {
    if (at >= what.args.size())
      return 0;
    auto text = what.args[at];
    if (text.starts_with('#'))
      text.remove_prefix(1);
    auto found = protocol::resp::to_integer(text);
    return found && *found > 0 ? static_cast<std::uint64_t>(*found) : 0;
  };
  std::uint64_t bytes = 0;
  if (what.spec->name == "setrange") {
    bytes = number(2) + what.args[3].size();
  } else if (what.spec->name == "setbit") {
    bytes = number(2) / 8 + 1;
  } else if (what.spec->name == "bitfield") {
    for (std::size_t at = 3; at < what.args.size(); ++at)
      if (is_field_type(what.args[at - 1]))
        bytes = std::max(bytes, what.args[at].starts_with('#')
                                  ? number(at) * 8
                                  : number(at) / 8 + 1);
  } else {
    for (auto arg : what.args)
      bytes += arg.size();
  }
  // What is larger is refused before it takes memory.
  return bytes > what.limits.value_bytes_max ? 0 : bytes;
}

} // namespace

bool rewrites_value(const call& what) {
  constexpr auto names = std::to_array<std::string_view>(
    {"expire", "pexpire", "expireat", "pexpireat", "persist", "getex", "rename",
     "renamenx", "copy"});
  return std::ranges::find(names, what.spec->name) != names.end();
}

bool comes_after_reply(const call& what, const key_event& event) {
  auto name = what.spec->name;
  if (name == "bitfield")
    return event.event == "setbit";
  if (name.find("expire") != name.npos)
    return event.event == "expire";
  // Those that reply the old value do so as soon as they have it.
  auto replies_old
    = name == "getset" || name == "getdel" || name == "getex"
      || (name == "set"
          && value_use_of(*what.spec, what.args) == value_use::reads);
  return replies_old && event.kind != 'm' && event.kind != 'x';
}

// -- one key, by its shard
// ---------------------------------------------------------

call_update::call_update(call what) : what_{std::move(what)} {
}

bool call_update::needs_value() const {
  return rewrites_value(what_)
         || value_use_of(*what_.spec, what_.args) == value_use::reads;
}

std::uint64_t call_update::growth_bytes() const {
  return stretch_of(what_);
}

bool call_update::copies_value() const {
  return value_use_of(*what_.spec, what_.args) == value_use::reads;
}

update_outcome call_update::apply(const key_state& before,
                                  storage::timestamp_ms now,
                                  protocol::pacer& pace) const {
  auto result = std::make_shared<call_result>();
  single_key_view view{
    what_.args[static_cast<std::size_t>(what_.spec->first_key)], before, now,
    what_.wants_events ? &result->events : nullptr};
  reply_writer reply{result->reply, what_.version};
  protocol::resp::execute(*what_.spec, what_.args, view, reply, what_.limits,
                          pace);
  auto outcome = view.outcome();
  outcome.result = std::move(result);
  return outcome;
}

call_result read_with(const call& what, const answer& found,
                      const memory_owners& memory, storage::timestamp_ms now,
                      protocol::pacer& pace) {
  call_result result;
  key_state state;
  state.present = found.applied;
  state.value = found.value;
  state.expires_at = found.expires_at;
  state.memory = std::make_shared<const memory_owners>(memory);
  single_key_view view{
    what.args[static_cast<std::size_t>(what.spec->first_key)], state, now,
    what.wants_events ? &result.events : nullptr};
  reply_writer reply{result.reply, what.version};
  protocol::resp::execute(*what.spec, what.args, view, reply, what.limits,
                          pace);
  return result;
}

// -- several keys, by the session
// ----------------------------------------------------

call_program::call_program(
  std::vector<call> calls, std::vector<watch> watches,
  const std::shared_ptr<const storage::key_hasher>& hash,
  std::shared_ptr<const storage::clock> clock, finished tell)
  : calls_{std::move(calls)}, watches_{std::move(watches)}, hash_{hash},
    clock_{std::move(clock)}, tell_{std::move(tell)} {
  writes = !watches_.empty();
  for (const auto& each : calls_)
    add_keys(each);
  for (const auto& each : watches_)
    keys.push_back({each.key, each.hash, key_use::watched});
  // Who counts keys must know which of them there are.
  if (whole_store)
    for (auto& each : keys)
      each.use = std::max(each.use, key_use::exists);
  auto owners = std::make_shared<memory_owners>();
  for (const auto& each : calls_)
    owners->add(each.memory);
  memory = std::move(owners);
}

void call_program::add_keys(const call& what) {
  if (what.spec->handler == nullptr)
    return;
  writes = writes || what.spec->is(command_flag::write);
  whole_store = whole_store || is_whole_store(*what.spec);
  auto use = key_use::exists;
  if (needs_nothing(what))
    use = key_use::none;
  else if (rewrites_value(what)
           || value_use_of(*what.spec, what.args) == value_use::reads)
    use = key_use::value;
  auto named = keys_of(*what.spec, what.args);
  auto target = target_of(*what.spec);
  for (std::size_t at = 0; at < named.size(); ++at)
    add_key(named[at], at == target ? key_use::exists : use);
}

void call_program::add_key(std::string_view key, key_use use) {
  auto it = std::ranges::find_if(
    keys, [&](const auto& each) { return each.key == key; });
  // Looking for doubles is worth it only where keys are read: a key that is
  // read twice costs more than a glance at the others, up to a point.
  constexpr std::size_t compared_keys_max = 64;
  if (keys.size() <= compared_keys_max && it != keys.end()) {
    if (use == key_use::value || it->use == key_use::none)
      it->use = std::max(it->use, use);
    return;
  }
  keys.push_back({key, (*hash_)(key), use});
}

bool call_program::watches_hold() const {
  // They are the last of the keys, in the same order.
  auto first = keys.size() - watches_.size();
  for (std::size_t at = 0; at < watches_.size(); ++at) {
    const auto& now = keys[first + at];
    const auto& then = watches_[at];
    auto version = now.present ? now.version : 0;
    if (version != then.version || now.made_at > then.evaluated_at)
      return false;
  }
  return true;
}

std::vector<operation> call_program::run(protocol::pacer& pace) {
  replies_.clear();
  replies_.resize(calls_.size());
  events_.assign(calls_.size(), {});
  took_.assign(is_measured_ ? calls_.size() : 0, {});
  written_memory_.clear();
  aborted_ = !watches_hold();
  if (aborted_)
    return {};
  program_view view{*this, clock_->now()};
  too_large_ = false;
  for (std::size_t at = 0; at < calls_.size(); ++at) {
    const auto& each = calls_[at];
    if (each.spec->handler == nullptr)
      continue;
    view.collect(each.wants_events ? &events_[at] : nullptr);
    reply_writer reply{replies_[at], each.version};
    auto began = is_measured_ ? clock_type::now() : clock_type::time_point{};
    protocol::resp::execute(*each.spec, each.args, view, reply, each.limits,
                            pace);
    if (is_measured_)
      took_[at] = clock_type::now() - began;
    // Few commands can make many large values of small ones.
    too_large_
      = calls_.size() > 1 && view.written_bytes() > storage::segment_bytes_max;
    if (too_large_)
      return {};
  }
  auto& owners = written_memory_.emplace_back();
  return view.writes(*hash_, owners, pace);
}

void call_program::done(const failure& error, storage::sequence_number) {
  if (too_large_ && error.code == outcome::ok)
    return std::exchange(tell_, {})(
      make_failure(outcome::value_too_large,
                   "what the transaction writes is more than 128 MiB; nothing "
                   "changed"),
      *this);
  std::exchange(tell_, {})(error, *this);
}

// -- watches
// --------------------------------------------------------------------------

watch_program::watch_program(std::vector<std::string> names,
                             const storage::key_hasher& hash, finished tell)
  : names_{std::move(names)}, tell_{std::move(tell)} {
  writes = false;
  in_one_cut = false;
  for (const auto& each : names_)
    keys.push_back({each, hash(each), key_use::watch});
  memory = nullptr;
}

std::vector<operation> watch_program::run(protocol::pacer&) {
  return {};
}

void watch_program::done(const failure& error, storage::sequence_number) {
  std::vector<watch> found;
  for (const auto& key : keys)
    found.push_back({std::string{key.key}, key.hash,
                     key.present ? key.version : 0, key.evaluated_at});
  std::exchange(tell_, {})(error, std::move(found));
}

} // namespace kvs::actors::resp
