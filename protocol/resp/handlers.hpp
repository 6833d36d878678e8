// The handlers of the commands, for the table alone.

#pragma once

#include "protocol/resp/command_spec.hpp"

namespace kvs::protocol::resp::handlers {

// Strings: string_commands.cpp, set_commands.cpp, number_commands.cpp,
// range_commands.cpp, lcs_command.cpp.
void get(const command_call& call);
void getset(const command_call& call);
void getdel(const command_call& call);
void getex(const command_call& call);
void mget(const command_call& call);
void mset(const command_call& call);
void msetnx(const command_call& call);
void set(const command_call& call);
void setnx(const command_call& call);
void setex(const command_call& call);
void psetex(const command_call& call);
void incr(const command_call& call);
void decr(const command_call& call);
void incrby(const command_call& call);
void decrby(const command_call& call);
void incrbyfloat(const command_call& call);
void append(const command_call& call);
void strlen(const command_call& call);
void getrange(const command_call& call);
void setrange(const command_call& call);
void lcs(const command_call& call);

// Bits: bit_commands.cpp, bitcount_commands.cpp, bitop_command.cpp,
// bitfield_command.cpp.
void setbit(const command_call& call);
void getbit(const command_call& call);
void bitcount(const command_call& call);
void bitpos(const command_call& call);
void bitop(const command_call& call);
void bitfield(const command_call& call);
void bitfield_ro(const command_call& call);

// Keys of any kind: key_commands.cpp, rename_commands.cpp,
// keyspace_commands.cpp, expire_commands.cpp, object_commands.cpp,
// dump_commands.cpp.
void del(const command_call& call);
void exists(const command_call& call);
void type(const command_call& call);
void rename(const command_call& call);
void renamenx(const command_call& call);
void copy(const command_call& call);
void randomkey(const command_call& call);
void keys(const command_call& call);
void dbsize(const command_call& call);
void scan(const command_call& call);
void flush(const command_call& call);
void expire(const command_call& call);
void pexpire(const command_call& call);
void expireat(const command_call& call);
void pexpireat(const command_call& call);
void ttl(const command_call& call);
void pttl(const command_call& call);
void expiretime(const command_call& call);
void pexpiretime(const command_call& call);
void persist(const command_call& call);
void dump(const command_call& call);
void restore(const command_call& call);
void object_encoding(const command_call& call);
void object_refcount(const command_call& call);
void object_idletime(const command_call& call);
void object_freq(const command_call& call);
void memory_usage(const command_call& call);

/// The subcommand HELP of any container.
void help(const command_call& call);

} // namespace kvs::protocol::resp::handlers
