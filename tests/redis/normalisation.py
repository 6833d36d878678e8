"""All that may differ between redis-server and kvs, and why.

Every reply that is no error of a command without a row here must be equal to
the byte, and so must every error. The differential test reads this table.
"""

from collections import namedtuple

from harness.rules import (any_order, any_order_of_pairs, near, same_commands,
                           same_keys_as_map, same_kind, same_length)

Row = namedtuple("Row", "command differs why rule")

TABLE = [Row(*row) for row in (
    ("KEYS", "order", "follows from the hash table", any_order),
    ("SCAN", "page", "cursors are private; the lane `cursors` compares what"
     " whole iterations return", same_kind),
    ("RANDOMKEY", "key", "it is random", same_kind),
    ("TTL", "seconds", "the servers are asked one after the other", near(2)),
    ("PTTL", "milliseconds", "as TTL", near(2000)),
    ("EXPIRETIME", "seconds", "a relative deadline counts from now", near(2)),
    ("PEXPIRETIME", "milliseconds", "as EXPIRETIME", near(2000)),
    ("DUMP", "payload", "compression is free; the lane `cursors` restores"
     " each payload on the other server", same_kind),
    ("OBJECT ENCODING", "embstr, raw, int", "depends on history; the lane"
     " `exact` compares it after a SET", same_kind),
    ("OBJECT REFCOUNT", "number", "depends on history, as the encoding",
     same_kind),
    ("OBJECT IDLETIME", "seconds", "kvs keeps no time of use", same_kind),
    ("MEMORY USAGE", "bytes", "the memory of another program", same_kind),
    ("HELLO", "id", "numbers of connections", same_keys_as_map),
    ("TIME", "time", "time", same_length),
    ("LASTSAVE", "time", "time", same_kind),
    ("INFO", "text", "describes another program", same_kind),
    ("CLIENT ID", "id", "numbers of connections", same_kind),
    ("CLIENT INFO", "text", "addresses, ids, memory", same_kind),
    ("CLIENT LIST", "text", "as CLIENT INFO", same_kind),
    ("CONFIG GET", "order", "follows from the hash table",
     any_order_of_pairs),
    ("COMMAND COUNT", "number", "kvs offers fewer", same_kind),
    ("COMMAND LIST", "names", "kvs offers fewer", same_kind),
    ("COMMAND INFO", "subcommands, notes", "kvs offers fewer subcommands, in"
     " another order, and has no notes; all else is equal", same_commands),
    ("COMMAND DOCS", "texts", "kvs has its own words", same_kind),
    ("PUBSUB CHANNELS", "order", "follows from the hash table; so does the"
     " order of the messages of one PUBLISH by several patterns", any_order),
    ("SLOWLOG GET", "entries", "times", same_kind),
)] + [Row(f"{name} HELP", "text", "kvs has its own words", same_kind)
      for name in ("ACL", "CLIENT", "COMMAND", "CONFIG", "LATENCY", "MEMORY",
                   "MODULE", "OBJECT", "PUBSUB", "SLOWLOG")]

# Malformed input that kvs answers in its own way.
OWN_ANSWERS = {
    b"*1048577\r\n": "kvs bounds the memory that an unfinished command takes",
    b"*2147483647\r\n": "as above",
    b"\0PING\r\n": "Redis looks for the end of a line as C does",
    b"PING\0\r\n": "as above",
    b"x" * 70000 + b"\n*1\r\n$4\r\nPING\r\n":
        "a line above 64 KiB is refused however it is cut",
    b"CLIENT REPLY OFF\r\n*x\r\n":
        "Redis never closes a connection whose error is not wanted",
    b"CLIENT REPLY SKIP\r\n*x\r\n": "as above",
}

RULES = {row.command.encode(): row.rule for row in TABLE}
