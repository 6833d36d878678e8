"""What a connection remembers, and what the server tells of itself."""

from harness.scripts import run_scripts

from .settings import described, parameters

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
        a CLIENT UNBLOCK 999999 ERROR x
        a CLIENT LIST ID 999999
        a CLIENT LIST ID
        a CLIENT LIST TYPE
        a CLIENT TRACKINGINFO x
        a CLIENT GETREDIR x
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
    ("pausing", """
        a CLIENT PAUSE
        a CLIENT PAUSE x
        a CLIENT PAUSE -1
        a CLIENT PAUSE 9223372036854775808
        a CLIENT PAUSE 9223372036854775807
        a CLIENT PAUSE 1 NOPE
        a CLIENT PAUSE x NOPE
        a CLIENT PAUSE 1 ALL x
        a CLIENT PAUSE 0
        a CLIENT UNPAUSE
        a CLIENT UNPAUSE x
        a CLIENT PAUSE 10000 WRITE
        b GET k
        b NOPE
        b SET k
        b PING
        b SET k 1
        b GET k
        c PUBLISH x 1
        d MULTI
        d GET k
        d INCR k
        d EXEC
        a CLIENT UNPAUSE
        d PING
        e MULTI
        e SET k 1
        a CLIENT PAUSE 10000 WRITE
        e EXEC
        f WATCH k
        f MULTI
        f GET k
        f EXEC
        a CLIENT UNPAUSE
        a CLIENT PAUSE 200 ALL
        b NOPE
        b PING
        c QUIT
        a CLIENT UNPAUSE
        a PING
        sleep 0.3
        b PING
        a CLIENT PAUSE 300 WRITE
        a CLIENT PAUSE 1 WRITE
        sleep 0.05
        b SET k 2
        sleep 0.35
        b PING
        a MULTI
        a CLIENT PAUSE 200 WRITE
        a SET k 3
        a EXEC
        a SET k 4
        sleep 0.3
        a GET k"""),
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

def session(context):
    """HELLO, CLIENT, CONFIG, COMMAND, MULTI, RESET and what they leave."""
    run_scripts(context, [*STORIES, *parameters(), *described()])
