"""Scripts: CONFIG, and what COMMAND tells of commands."""

from harness.odd import DATA

# Those that have the same value in both.
COMMON = ["maxmemory", "maxmemory-policy", "timeout", "databases",
          "notify-keyspace-events", "proto-max-bulk-len",
          "latency-monitor-threshold", "slowlog-max-len",
          "slowlog-log-slower-than", "requirepass", "tcp-keepalive"]


def parameters():
    yield "parameters", "\n".join(
        [f"a CONFIG GET {name}" for name in COMMON]
        + [f"a CONFIG GET {name.upper()}" for name in COMMON[:3]]
        + ["a CONFIG GET nope", "a CONFIG GET timeout nope databases",
           "a CONFIG GET databas[a-f]s", "a CONFIG SET nope 1",
           "a CONFIG SET timeout", "a CONFIG SET timeout x",
           "a CONFIG SET timeout -1", "a CONFIG SET timeout 1 timeout 2",
           "a CONFIG SET databases 3", "a CONFIG SET nope",
           "a CONFIG SET TIMEOUT x", "a CONFIG SET nope 1 timeout x",
           "a CONFIG SET timeout 7 databases 1", "a CONFIG GET timeout",
           "a CONFIG SET timeout 300", "a CONFIG GET timeout",
           "a CONFIG SET timeout 0", "a CONFIG SET timeout 2147483648",
           "a CONFIG SET dir /nope", "a CONFIG SET maxmemory x",
           "a CONFIG SET maxmemory -1", "a CONFIG SET maxmemory 0gb",
           "a CONFIG SET maxmemory 0tb", "a CONFIG SET maxmemory-policy x",
           "a CONFIG SET maxmemory-policy NOEVICTION",
           "a CONFIG SET appendonly x", "a CONFIG SET appendfsync x",
           "a CONFIG SET slowlog-max-len x", "a CONFIG SET slowlog-max-len -1",
           "a CONFIG SET slowlog-max-len 99999999999999999999",
           "a CONFIG SET slowlog-log-slower-than -2",
           "a CONFIG SET maxclients x", "a CONFIG SET maxclients 0",
           "a CONFIG SET port x", "a CONFIG SET port 99999",
           "a CONFIG SET tcp-keepalive x", "a CONFIG SET tcp-keepalive 300",
           "a CONFIG SET latency-monitor-threshold x",
           "a CONFIG SET latency-monitor-threshold 0",
           "a CONFIG SET proto-max-bulk-len 1",
           "a CONFIG SET proto-max-bulk-len 512mb",
           "a CONFIG SET proto-max-bulk-len 99999999999999999999",
           "a CONFIG SET requirepass \"\"",
           "a CONFIG GET TIMEOUT timeout time*",
           "a CONFIG GET slowlog-max-len SLOWLOG-*",
           "a CONFIG SET notify-keyspace-events Q",
           "a CONFIG GET notify-keyspace-events", "a CONFIG RESETSTAT",
           "a CONFIG RESETSTAT x"])
    for flags in ("KEA", "AKE", "K$", "Ex", "KEg$xm", "An", "Km", "E", "KEAmn",
                  "g$lshzxetdnmKE", '""'):
        yield f"notify-keyspace-events {flags}", f"""
            a CONFIG SET notify-keyspace-events {flags}
            a CONFIG GET notify-keyspace-events
            a CONFIG SET notify-keyspace-events ""
            a CONFIG GET notify-keyspace-events"""


def described():
    names = [name.decode() for name in DATA
             if name not in (b"OBJECT", b"MEMORY")]
    others = """MULTI EXEC DISCARD WATCH UNWATCH HELLO RESET QUIT SUBSCRIBE
        PSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE PUBLISH MONITOR WAIT INFO TIME
        LASTSAVE SAVE BGSAVE BGREWRITEAOF SHUTDOWN ROLE DEBUG client|id
        client|kill config|get config|set command|info command|getkeys
        object|encoding memory|usage pubsub|channels slowlog|get
        acl|whoami object|nope get|x nope""".split()
    for version in (2, 3):
        yield f"commands in RESP{version}", "\n".join(
            [f"a HELLO {version}"]
            + [f"a COMMAND INFO {name}" for name in names + others])
    keys = ["GET k", "SET k v", "SET k v GET", "SET k v EX 5", "MSET a 1 b 2",
            "MGET a b c", "MSETNX a 1", "BITOP AND d a b", "COPY a b",
            "RENAME a b", "OBJECT ENCODING k", "MEMORY USAGE k", "PING",
            "LCS a b", "BITFIELD k GET u8 0", "BITFIELD k SET u8 0 1",
            "RESTORE k 0 x", "WATCH a b", "DEL a b", "GETEX k", "SCAN 0",
            "NOPE x", "GET", "MSET a", "SUBSCRIBE c", "TOUCH a", "MULTI",
            "BITFIELD_RO k GET u8 0", "GETDEL k", "SETRANGE k 0 v"]
    yield "keys of commands", "\n".join(
        [f"a COMMAND {word} {line}" for line in keys
         for word in ("GETKEYS", "GETKEYSANDFLAGS")])
