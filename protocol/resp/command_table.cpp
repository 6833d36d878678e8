// All commands in one table, and an index of their names.

#include "protocol/resp/command_table.hpp"

#include "protocol/resp/commands.hpp"
#include "protocol/resp/numbers.hpp"
#include "protocol/resp/tables/bitmap_table.hpp"
#include "protocol/resp/tables/connection_table.hpp"
#include "protocol/resp/tables/diagnosis_table.hpp"
#include "protocol/resp/tables/expiry_table.hpp"
#include "protocol/resp/tables/key_table.hpp"
#include "protocol/resp/tables/server_table.hpp"
#include "protocol/resp/tables/session_table.hpp"
#include "protocol/resp/tables/string_table.hpp"

#include <array>
#include <cstdint>

namespace kvs::protocol::resp {

namespace {

template <std::size_t... Sizes>
constexpr auto join(const std::array<command_spec, Sizes>&... arrays) {
  std::array<command_spec, (Sizes + ...)> all{};
  std::size_t count = 0;
  const auto add = [&](const auto& array) {
    for (const auto& each : array)
      all[count++] = each;
  };
  (add(arrays), ...);
  return all;
}

constexpr auto table
  = join(tables::string_commands, tables::bitmap_commands, tables::key_commands,
         tables::expiry_commands, tables::connection_commands,
         tables::session_commands, tables::server_commands,
         tables::diagnosis_commands);

// FNV-1a of the lower-case name.
constexpr std::uint32_t hash_of(std::string_view name) {
  std::uint32_t hash = 2166136261;
  for (const char each : name)
    hash = (hash ^ static_cast<unsigned char>(to_lower(each))) * 16777619;
  return hash ^ hash >> 15;
}

// Four slots per command: hardly any name shares its slot.
constexpr std::size_t slot_count = 512;
constexpr std::uint8_t no_command = 0xFF;
static_assert(table.size() < no_command && table.size() * 4 <= slot_count);

constexpr auto slots = [] {
  std::array<std::uint8_t, slot_count> made{};
  made.fill(no_command);
  for (std::size_t i = 0; i < table.size(); ++i) {
    std::size_t slot = hash_of(table[i].name) % slot_count;
    while (made[slot] != no_command)
      slot = (slot + 1) % slot_count;
    made[slot] = static_cast<std::uint8_t>(i);
  }
  return made;
}();

// No name is longer: what a client sends is not hashed without a bound.
constexpr std::size_t name_bytes_max = 32;

} // namespace

const command_spec* find_in_table(std::string_view name) {
  if (name.size() > name_bytes_max)
    return nullptr;
  for (std::size_t slot = hash_of(name) % slot_count; slots[slot] != no_command;
       slot = (slot + 1) % slot_count) {
    const auto& spec = table[slots[slot]];
    if (equals_ignoring_case(spec.name, name))
      return &spec;
  }
  return nullptr;
}

std::span<const command_spec> all_commands() {
  return table;
}

} // namespace kvs::protocol::resp
