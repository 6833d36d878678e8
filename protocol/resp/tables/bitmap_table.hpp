// Bits of strings: a part of the table of commands.

#pragma once

#include "protocol/resp/handlers.hpp"
#include "protocol/resp/tables/rows.hpp"

#include <array>

namespace kvs::protocol::resp::tables {

inline constexpr auto bitmap_commands = std::to_array<command_spec>({
  row("setbit", 4, "write denyoom", "bitmap", one_key, value_use::reads,
      handlers::setbit, "RW access update", "",
      {"Sets or clears a bit of a value.", "2.2.0", "bitmap",
       "O(N) in the size of the value", "key offset:integer value:integer"}),
  row("getbit", 3, "readonly fast", "bitmap", one_key, value_use::reads,
      handlers::getbit, "RO access", "",
      {"Replies a bit of a value.", "2.2.0", "bitmap", "O(1)",
       "key offset:integer"}),
  row("bitcount", -2, "readonly", "bitmap", one_key, value_use::reads,
      handlers::bitcount, "RO access", "",
      {"Counts the bits of a value that are set.", "2.6.0", "bitmap",
       "O(N) in the size of the range",
       "key [index=<start:integer end:integer [index_unit=(BYTE|BIT)]>]"}),
  row("bitpos", -3, "readonly", "bitmap", one_key, value_use::reads,
      handlers::bitpos, "RO access", "",
      {"Finds the first bit that is set, or clear.", "2.8.7", "bitmap",
       "O(N) in the size of the range",
       "key bit:integer [index=<start:integer [end_index=<end:integer "
       "[index_unit=(BYTE|BIT)]>]>]"}),
  row("bitop", -4, "write denyoom", "bitmap", later_keys, value_use::reads,
      handlers::bitop, "OW update;RO access", "",
      {"Combines values bit by bit and stores the result.", "2.6.0", "bitmap",
       "O(N) in the size of all values", "operation destkey:key key:key@1..."}),
  row("bitfield", -2, "write denyoom", "bitmap", one_key, value_use::reads,
      handlers::bitfield, "RW access update variable_flags", "",
      {"Reads and changes integers of any width in a value.", "3.2.0", "bitmap",
       "O(N) in the size of the value if it changes, else O(1) for each "
       "operation",
       "key [operation=(GET encoding_offset=<encoding "
       "offset:integer>|write=<[OVERFLOW wrap_sat_fail=(WRAP|SAT|FAIL)] "
       "write_operation=(SET encoding_offset_value=<encoding offset:integer "
       "value:integer>|INCRBY encoding_offset_increment=<encoding "
       "offset:integer increment:integer>)>)...]"}),
  row("bitfield_ro", -2, "readonly fast", "bitmap", one_key, value_use::reads,
      handlers::bitfield_ro, "RO access", "",
      {"Reads integers of any width in a value.", "6.0.0", "bitmap",
       "O(1) for each operation",
       "key [GET encoding_offset=<encoding offset:integer>..+]"}),
});

} // namespace kvs::protocol::resp::tables
