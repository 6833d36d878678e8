#include "actors/resp/data_views.hpp"

#include "actors/byte_views.hpp"
#include "storage/record.hpp"

#include <algorithm>
#include <utility>

namespace kvs::actors::resp {
namespace {

using protocol::resp::found_value;
using protocol::resp::shared_bytes;

found_value to_found(std::span<const std::byte> value, memory_owner memory,
                     storage::timestamp_ms expires_at) {
  found_value found;
  found.value = {std::move(memory), as_text(value)};
  found.expires_at_ms = static_cast<std::int64_t>(expires_at);
  return found;
}

} // namespace

// -- any keys ---------------------------------------------------------------

const found_value* key_view::find(std::string_view key) {
  const auto* known = find_entry(key);
  return known != nullptr && known->present ? &known->found : nullptr;
}

void key_view::put(std::string_view key, shared_bytes value,
                   std::int64_t expires_at_ms) {
  auto& known = make_entry(key);
  known.noticed = true;
  known.made = known.made || !known.present;
  put_unnoticed(key, std::move(value), expires_at_ms);
}

void key_view::put_unnoticed(std::string_view key, shared_bytes value,
                             std::int64_t expires_at_ms) {
  auto& known = make_entry(key);
  if (known.replaced)
    written_bytes_ -= known.found.value.bytes.size();
  written_bytes_ += value.bytes.size();
  known.present = true;
  known.changed = true;
  known.replaced = true;
  known.found = {std::move(value), expires_at_ms};
}

void key_view::expire(std::string_view key, std::int64_t expires_at_ms) {
  auto& known = make_entry(key);
  known.changed = true;
  known.noticed = true;
  known.found.expires_at_ms = expires_at_ms;
}

void key_view::erase(std::string_view key) {
  auto& known = make_entry(key);
  known.present = false;
  known.changed = true;
  known.noticed = true;
}

std::uint64_t key_view::size() {
  std::uint64_t count = 0;
  for_each_key([&](std::string_view) { ++count; });
  return count;
}

std::int64_t key_view::now_ms() {
  return static_cast<std::int64_t>(now_);
}

void key_view::notify(protocol::resp::event_class kind, std::string_view event,
                      std::string_view key) {
  if (events_ != nullptr)
    events_->push_back(
      {static_cast<char>(kind), std::string{event}, std::string{key}});
}

// -- one key ----------------------------------------------------------------

single_key_view::single_key_view(std::string_view key, const key_state& state,
                                 storage::timestamp_ms now,
                                 std::vector<key_event>* events)
  : key_view{now}, key_{key} {
  only_.present = state.present;
  only_.found = to_found(state.value, state.memory, state.expires_at);
  collect(events);
}

void single_key_view::for_each_key(
  const std::function<void(std::string_view)>& visit) {
  if (only_.present)
    visit(key_);
}

void single_key_view::clear() {
  erase(key_);
}

update_outcome single_key_view::outcome() const {
  update_outcome result;
  using enum update_outcome::change;
  if (!only_.changed)
    return result;
  result.what = only_.present ? put_value : erase_key;
  result.keeps_value = !only_.replaced;
  result.is_unnoticed = !only_.noticed;
  result.value = as_bytes(only_.found.value.bytes);
  result.memory = only_.found.value.owner;
  result.expires_at
    = static_cast<storage::timestamp_ms>(only_.found.expires_at_ms);
  return result;
}

// -- the keys of a program --------------------------------------------------

program_view::program_view(const program& from, storage::timestamp_ms now)
  : key_view{now}, from_{from} {
  entries_.reserve(from.keys.size());
  // One owner is enough for all values: whoever copies one keeps all.
  auto owner = std::make_shared<const memory_owners>(from.value_memory);
  for (const auto& key : from.keys) {
    auto& known = entries_[key.key];
    known.hash = key.hash;
    // An erased key that nobody has looked up is erased for certain.
    known.was_present
      = known.was_present || key.present || key.use == key_use::none;
    auto live = key.present && (key.expires_at == 0 || key.expires_at > now);
    known.present = known.present || live;
    known.was_alive = known.was_alive || live;
    if (live && (key.use == key_use::value || known.found.value.bytes.empty()))
      known.found = to_found(key.value, owner, key.expires_at);
  }
}

key_view::entry* program_view::find_entry(std::string_view key) {
  auto it = entries_.find(key);
  return it == entries_.end() ? nullptr : &it->second;
}

key_view::entry& program_view::make_entry(std::string_view key) {
  return entries_[key];
}

void program_view::for_each_key(
  const std::function<void(std::string_view)>& visit) {
  for (const auto& [key, known] : entries_)
    if (known.present)
      visit(key);
  if (cleared_)
    return;
  for (const auto& key : from_.all_keys)
    if (!entries_.contains(key))
      visit(key);
}

void program_view::clear() {
  cleared_ = true;
  for (auto& [key, known] : entries_) {
    known.changed = known.changed || known.present;
    known.noticed = known.noticed || known.present;
    known.present = false;
  }
}

std::vector<operation> program_view::writes(const storage::key_hasher& hash,
                                            memory_owners& owners,
                                            protocol::pacer& pace) const {
  std::vector<operation> all;
  auto add = [&](operation_kind kind, std::string_view key,
                 storage::key_hash key_hash) -> operation& {
    auto& op = all.emplace_back();
    op.kind = kind;
    op.key = key;
    op.hash = key_hash;
    return op;
  };
  for (const auto& [key, known] : entries_) {
    // Who watches an absent key sees that it was there in between.
    auto matters = known.present || known.was_present || known.made;
    if (!known.changed || !matters)
      continue;
    if (!known.present) {
      add(operation_kind::erase, key, known.hash).notes.was_made = known.made;
      continue;
    }
    auto& op = add(operation_kind::put, key, known.hash);
    op.notes.is_unnoticed = !known.noticed;
    op.notes.was_alive = known.was_alive;
    op.value = as_bytes(known.found.value.bytes);
    op.value_crc = paced_checksum(op.value, pace);
    op.expires_at
      = static_cast<storage::timestamp_ms>(known.found.expires_at_ms);
    owners.add(known.found.value.owner);
  }
  if (cleared_)
    for (const auto& key : from_.all_keys)
      if (!entries_.contains(key))
        add(operation_kind::erase, key, hash(key));
  return all;
}

} // namespace kvs::actors::resp
