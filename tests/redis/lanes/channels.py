"""Channels, patterns and keyspace notifications."""

from harness.scripts import run_scripts

STORIES = [
    ("channels", """
        a SUBSCRIBE x
        a SUBSCRIBE x y ""
        a PSUBSCRIBE x* *
        b PUBLISH x one
        b PUBLISH "" empty
        b PUBLISH nobody two
        b PUBLISH x "\\x00\\r\\n"
        b PUBSUB CHANNELS x*
        b PUBSUB NUMSUB x y nobody
        b PUBSUB NUMSUB
        b PUBSUB NUMPAT
        b PUBSUB NUMPAT x
        b PUBSUB CHANNELS a b
        a PING
        a PING hello
        a PING a b
        a GET k
        a SET k v
        a NOPE
        a MULTI
        a HELLO
        a ECHO x
        a PUBLISH x y
        a CLIENT ID
        a SUBSCRIBE
        a UNSUBSCRIBE nobody
        a UNSUBSCRIBE x ""
        a PUNSUBSCRIBE x*
        a UNSUBSCRIBE
        a PUNSUBSCRIBE
        a UNSUBSCRIBE
        a PUNSUBSCRIBE
        a UNSUBSCRIBE x y
        a GET k
        b PUBLISH x nobody"""),
    ("channels in RESP3", """
        a HELLO 3
        a SUBSCRIBE x y
        a PSUBSCRIBE x*
        a PUBLISH x self
        b PUBLISH x one
        a GET k
        a SET k v
        a MULTI
        a PUBLISH x queued
        a SUBSCRIBE z
        a GET k
        b PUBLISH x between
        a EXEC
        b PUBLISH z late
        a PING
        a PING hello
        a UNSUBSCRIBE x z
        a UNSUBSCRIBE
        a PUNSUBSCRIBE
        a UNSUBSCRIBE
        a CLIENT REPLY OFF
        a SUBSCRIBE q
        b PUBLISH q heard
        a CLIENT REPLY ON
        b PUBLISH q again
        a CLIENT REPLY SKIP
        a UNSUBSCRIBE
        a PING"""),
    ("both versions hear the same", """
        a HELLO 3
        a SUBSCRIBE x
        b SUBSCRIBE x
        c PSUBSCRIBE [xyz]
        c PSUBSCRIBE [xyz] ? *
        d PUBLISH x one
        d PUBLISH y two
        d MULTI
        d PUBLISH x three
        d PUBLISH x four
        d EXEC
        b QUIT
        d PUBLISH x five
        a HELLO 2
        d PUBLISH x six
        a GET k
        a RESET
        d PUBLISH x seven
        c RESET
        d PUBLISH x eight"""),
    ("subscribed within a transaction", """
        a MULTI
        a SUBSCRIBE x
        a GET k
        a PING
        a EXEC
        a GET k
        b PUBLISH x one
        a UNSUBSCRIBE
        a GET k
        a WATCH k
        a SUBSCRIBE x
        a EXEC
        a UNWATCH"""),
    ("order of channels that are left", """
        a SUBSCRIBE one
        a PSUBSCRIBE p*
        a UNSUBSCRIBE
        a PUNSUBSCRIBE
        a SUBSCRIBE one
        b CLIENT KILL TYPE pubsub
        b PUBLISH one x"""),
]

WRITES = """
    SET k 1
    SET k 2 EX 100000
    SET k 2 NX
    SET k 3 XX KEEPTTL GET
    SETNX n 1
    SETNX n 2
    SETEX k 100000 v
    PSETEX k 100000000 v
    GETSET k w
    GETEX k EX 100000
    GETEX k PERSIST
    GETEX k
    GETEX k EXAT 1
    GETDEL n
    GETDEL n
    MSET a 1 b 2
    MSETNX a 1 z 2
    MSETNX y 1 z 2
    APPEND a x
    APPEND a ""
    APPEND new y
    SETRANGE a 5 x
    SETRANGE a 5 ""
    SETBIT a 3 1
    INCR i
    DECR i
    INCRBY i 5
    INCRBYFLOAT i 1.5
    INCR a
    BITOP AND d a b
    BITOP AND d nokey
    BITFIELD f SET u8 0 1
    BITFIELD f GET u8 0
    BITFIELD f OVERFLOW FAIL INCRBY u2 0 9
    EXPIRE a 100000
    EXPIRE a -1
    EXPIRE nokey 1
    PEXPIREAT b 4102444800000
    PERSIST b
    PERSIST b
    RENAME b c
    RENAME c c
    RENAMENX c b
    RENAMENX b b
    COPY b e
    COPY b e
    COPY b e REPLACE
    DEL b e nokey
    UNLINK new
    TOUCH y
    GET missing
    MGET y missing
    EXISTS missing
    STRLEN missing
    TTL missing
    GETRANGE missing 0 1
    GETBIT missing 0
    BITCOUNT missing
    DUMP missing
    TYPE missing
    OBJECT ENCODING missing
    LCS missing missing
    RESTORE r 0 "\\x00\\x05hello\\n\\x00cr\\xdfve4 \\n"
    RESTORE r 100000 "\\x00\\x05hello\\n\\x00cr\\xdfve4 \\n" REPLACE
    RESTORE r 1000 "\\x00\\x05hello\\n\\x00cr\\xdfve4 \\n" REPLACE ABSTTL
    SET short 1 PX 20
    MULTI
    SET k 1
    DEL k
    INCR k
    EXEC
    FLUSHDB
    FLUSHALL
""".strip().splitlines()


def notifications():
    for flags in ("KEA", "KEAmn", "Kg", "E$x", "Kn", "Em"):
        steps = [f"a CONFIG SET notify-keyspace-events {flags}",
                 "b PSUBSCRIBE __key*__:*"]
        for write in WRITES:
            steps.append("a " + write.strip())
            if "PX 20" in write:
                # Whoever looks first makes both servers notice at once.
                steps += ["sleep 0.2", "a GET short"]
        yield f"notifications {flags}", "\n".join(
            [*steps, 'a CONFIG SET notify-keyspace-events ""'])


def late_notifications():
    """A key that is written again behind its deadline has expired, too."""
    for write in ("SET k 2", "SET k 2 NX", "SET k 2 EX 100", "INCR k",
                  "APPEND k 2", "SETBIT k 0 1", "MSET k 2", "GETSET k 2"):
        yield f"an expired key and {write}", f"""
            a CONFIG SET notify-keyspace-events KEAn
            b SUBSCRIBE __keyspace@0__:k __keyevent@0__:expired
            a SET k 1 PX 1
            sleep 0.003
            a {write}
            sleep 0.7
            a CONFIG SET notify-keyspace-events ""
            a DEL k"""


def own_notifications():
    """Who listens in RESP3 hears its own writes among its replies."""
    listens = """
        a HELLO 3
        a CONFIG SET notify-keyspace-events KEAmn
        a PSUBSCRIBE __key*__:*"""
    ends = 'a CONFIG SET notify-keyspace-events ""'
    # Redis pushes what MGET misses into the midst of its reply, where no
    # client can tell it from an element; kvs does so before.
    writes = [write.strip() for write in WRITES
              if "PX 20" not in write and "MGET" not in write]
    yield "own notifications", "\n".join(
        [listens, *(f"a {write}" for write in writes), ends])
    queued = [write for write in writes if write not in ("MULTI", "EXEC")]
    yield "own notifications within a transaction", "\n".join(
        [listens, "a MULTI", *(f"a {write}" for write in queued), "a EXEC",
         ends])
    yield "a transaction that begins to listen", "\n".join(
        ["a CONFIG SET notify-keyspace-events KEA", "a MULTI", "a SET k 1",
         "a PUBLISH x 0", "a PSUBSCRIBE __key*__:*", "a SET k 2",
         "a SUBSCRIBE x", "a PUBLISH x 1", "a PUNSUBSCRIBE", "a SET k 3",
         "a UNSUBSCRIBE", "a PUBLISH x 2", "a EXEC", "a GET k", ends])
    yield "a transaction without replies that listens", "\n".join(
        ["a MULTI", "a SUBSCRIBE x", "a PUBLISH x 1", "a GET k",
         "a CLIENT REPLY OFF", "a EXEC", "a PING", "a RESET", "a PING"])


NAMES = ["x", "y", "xy", '""', "z"]
PATTERNS = ["*", "x*", "?", "[xy]", "z", '""']


def random_steps(source):
    """Channels in use by four connections, two of them in RESP3."""
    steps = ["a HELLO 3", "b HELLO 3"]
    for _ in range(60):
        at = source.random()
        who = source.pick("abcd")
        names = [source.pick(NAMES) for _ in range(source.randint(1, 2))]
        if at < 0.35:
            steps.append(f"{who} PUBLISH {source.pick(NAMES)} {len(steps)}")
        elif at < 0.5:
            steps.append(f"{who} SUBSCRIBE {' '.join(names)}")
        elif at < 0.6:
            steps.append(f"{who} UNSUBSCRIBE {' '.join(names)}")
        elif at < 0.7:
            steps.append(f"{who} PSUBSCRIBE {source.pick(PATTERNS)}")
        elif at < 0.78:
            steps.append(f"{who} PUNSUBSCRIBE {source.pick(PATTERNS)}")
        else:
            steps.append(f"{who} " + source.pick((
                "PUBSUB NUMSUB x y z", "PUBSUB NUMPAT", "PING", "PING x",
                "GET k", "MULTI", "EXEC", "RESET", "UNWATCH",
                "PUBSUB CHANNELS x", "CLIENT GETNAME", "DISCARD")))
    return "\n".join(steps)


def channels(context):
    """SUBSCRIBE, PUBLISH, notifications, and what a listener may do."""
    rounds = [(f"random channels {number}",
               random_steps(context.source(number))) for number in range(6)]
    run_scripts(context, [*STORIES, *notifications(), *late_notifications(),
                          *own_notifications(), *rounds])
