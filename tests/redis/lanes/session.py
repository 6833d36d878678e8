"""What a connection remembers, and what the server tells of itself."""

from harness.odd import DATA
from harness.scripts import run_scripts

STORIES = [
    ("hello", """
        a HELLO
        a HELLO 3
        a HELLO 2
        a HELLO 3 SETNAME me
        a CLIENT GETNAME
        a HELLO 1
        a HELLO 4
        a HELLO x
        a HELLO 3 AUTH default
        a HELLO 3 AUTH default ""
        a HELLO 3 AUTH nobody x
        a HELLO 3 SETNAME
        a HELLO 3 SETNAME "a b"
        a HELLO 3 NOPE
        a HELLO 9223372036854775808
        a GET nokey
        a HELLO
        a HELLO 2 AUTH default x SETNAME you
        a CLIENT GETNAME
        a GET nokey"""),
    ("nulls, maps and sets in both versions", """
        a GET nokey
        a MGET nokey nokey
        a COMMAND INFO nope get
        a HELLO 3
        a GET nokey
        a MGET nokey nokey
        a COMMAND INFO nope get
        a COMMAND INFO set object
        a LCS a b IDX
        a SET a ohmytext
        a SET b mynewtext
        a LCS a b IDX WITHMATCHLEN
        a RANDOMKEY
        a CONFIG GET databases
        a CLIENT TRACKINGINFO
        a CLIENT GETREDIR
        a SUBSCRIBE x
        a PING
        a GET a
        a UNSUBSCRIBE x
        a MULTI
        a GET nokey
        a HELLO 2
        a GET nokey
        a EXEC
        a GET nokey
        a WATCH w
        b SET w 1
        a MULTI
        a EXEC
        a HELLO 3
        a WATCH w
        b SET w 1
        a MULTI
        a EXEC"""),
    ("without a password", """
        a AUTH
        a AUTH x
        a AUTH default x
        a AUTH nobody x
        a AUTH a b c
        a AUTH "" ""
        a PING"""),
    ("databases", """
        a SELECT 0
        a SELECT 1
        a SELECT -1
        a SELECT x
        a SELECT 99999999999999999999
        a SELECT
        a COPY a b DB 1
        a COPY a b DB -1
        a COPY a a
        a COPY a a DB 0
        a RENAME a a
        a SET a 1
        a RENAME a a
        a RENAMENX a a
        a COPY a a"""),
    ("names", """
        a CLIENT GETNAME
        a CLIENT SETNAME me
        a CLIENT GETNAME
        a CLIENT SETNAME "with space"
        a CLIENT SETNAME "new\\nline"
        a CLIENT SETNAME "\\xff"
        a CLIENT GETNAME
        a CLIENT SETNAME ""
        a CLIENT GETNAME
        a CLIENT SETNAME x
        a RESET
        a CLIENT GETNAME"""),
    ("subcommands that are wrong", """
        a CLIENT
        a CLIENT NOPE
        a CLIENT GETNAME x
        a CLIENT SETNAME
        a CLIENT REPLY
        a CLIENT REPLY NOPE
        a CLIENT KILL
        a CLIENT KILL nope:1
        a CLIENT KILL ID x
        a CLIENT KILL ID 0
        a CLIENT KILL TYPE nope
        a CLIENT KILL NOPE 1
        a CLIENT KILL ID 999999 SKIPME maybe
        a CLIENT KILL ADDR 1.2.3.4:5
        a CLIENT LIST TYPE nope
        a CLIENT LIST ID x
        a CLIENT LIST NOPE
        a CLIENT UNBLOCK x
        a CLIENT UNBLOCK 999999
        a CLIENT UNBLOCK 999999 NOPE
        a CLIENT NO-EVICT
        a CLIENT NO-EVICT on
        a CLIENT NO-EVICT OFF
        a CLIENT NO-EVICT maybe
        a CONFIG
        a CONFIG NOPE
        a CONFIG GET
        a CONFIG SET
        a CONFIG SET maxmemory
        a COMMAND NOPE
        a COMMAND COUNT x
        a COMMAND GETKEYS
        a OBJECT
        a OBJECT ENCODING
        a PUBSUB
        a PUBSUB NOPE
        a SLOWLOG
        a SLOWLOG GET x
        a SLOWLOG GET -2
        a SLOWLOG LEN x
        a LATENCY
        a LATENCY RESET
        a LATENCY LATEST
        a LATENCY HISTORY command
        a LATENCY GRAPH command
        a ACL
        a MEMORY
        a MEMORY NOPE
        a MODULE
        a DEBUG
        a DEBUG SLEEP 0"""),
    ("killing", """
        a CLIENT KILL ID {b.id}
        c PING
        a CLIENT KILL {c.addr}
        a CLIENT KILL ADDR {a.addr}
        a CLIENT KILL ADDR {d.addr} SKIPME no
        a CLIENT KILL ID {a.id}
        a CLIENT KILL ID {a.id} SKIPME no
        e PING
        e CLIENT KILL {e.addr}"""),
    ("replies off", """
        a CLIENT REPLY OFF
        a SET k 1
        a GET k
        a NOPE
        a CLIENT REPLY ON
        a GET k
        a CLIENT REPLY SKIP
        a GET k
        a GET k
        a CLIENT REPLY SKIP
        a CLIENT REPLY SKIP
        a GET k
        a GET k
        a CLIENT REPLY OFF
        a SUBSCRIBE c
        b PUBLISH c hello
        a UNSUBSCRIBE c
        a CLIENT REPLY ON
        a PING
        a CLIENT REPLY OFF
        a RESET
        a PING"""),
    ("reset", """
        a HELLO 3
        a MULTI
        a SET k 1
        a RESET
        a GET k
        a EXEC
        a SUBSCRIBE x
        a RESET
        a GET k
        a PSUBSCRIBE x*
        a RESET
        a WATCH k
        b SET k 2
        a RESET
        a MULTI
        a GET k
        a EXEC
        a RESET x"""),
    ("quit", """
        a QUIT
        b MULTI
        b SET k 1
        b QUIT
        c QUIT x y
        d GET k"""),
    ("transactions", """
        a EXEC
        a DISCARD
        a MULTI
        a MULTI
        a WATCH k
        a EXEC
        a MULTI x
        a MULTI
        a GET
        a SET k 1
        a EXEC
        a GET k
        a MULTI
        a NOPE
        a DISCARD
        a MULTI
        a SET k x
        a INCR k
        a GET k
        a EXEC
        a MULTI
        a EXEC
        a MULTI
        a PING
        a ECHO x
        a SELECT 0
        a SELECT 1
        a CLIENT SETNAME n
        a CLIENT GETNAME
        a CONFIG SET nope 1
        a COMMAND GETKEYS GET k
        a OBJECT ENCODING k
        a EXEC
        a WATCH
        a UNWATCH x
        a WATCH k
        a WATCH k k
        a UNWATCH
        b SET k 1
        a MULTI
        a GET k
        a EXEC
        a MULTI
        a SHUTDOWN
        a SAVE
        a EXEC"""),
    ("waiting", """
        a WAIT 0 0
        a WAIT 0 10
        a WAIT 1 10
        a WAIT x 1
        a WAIT 1 x
        a WAIT 1 -1
        a WAIT -1 1
        a ROLE
        a LASTSAVE
        a TIME
        a TIME x
        a LASTSAVE x"""),
    ("cursors of an empty database", """
        a SCAN 0
        a SCAN 0 COUNT 0
        a SCAN 0 COUNT -1
        a SCAN 0 COUNT 9223372036854775807
        a SCAN 0 MATCH
        a SCAN 0 TYPE nope
        a SCAN 18446744073709551615
        a SCAN 18446744073709551616
        a SCAN -1
        a SCAN "0 "
        a SCAN
        a RANDOMKEY
        a KEYS *
        a DBSIZE"""),
    ("help", """
        a OBJECT HELP
        a PUBSUB HELP
        a CLIENT HELP
        a CONFIG HELP
        a COMMAND HELP
        a MEMORY HELP
        a OBJECT HELP x
        a MEMORY USAGE k SAMPLES 5
        a MEMORY USAGE k SAMPLES -1
        a MEMORY USAGE k SAMPLES x
        a MEMORY USAGE k NOPE 1
        a MODULE LIST
        a ACL WHOAMI
        a ACL WHOAMI x"""),
]

PARAMETERS = """maxmemory maxmemory-policy timeout tcp-keepalive databases
notify-keyspace-events proto-max-bulk-len hz maxclients slowlog-log-slower-than
slowlog-max-len latency-monitor-threshold lua-time-limit appendonly appendfsync
save port bind dir dbfilename requirepass""".split()
# Which of them have the same value in both depends on how they were started.
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


def session(context):
    """HELLO, CLIENT, CONFIG, COMMAND, MULTI, RESET and what they leave."""
    run_scripts(context, [*STORIES, *parameters(), *described()])
