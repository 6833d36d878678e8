"""Deadlines that are reached while the test waits."""

import time

from harness import resp
from harness.comparator import Stream
from harness.generator import commands as random_commands
from harness.links import Pair
from harness.scripts import run_scripts

SOON_MS = 150
MARGIN_SECONDS = 0.25

STORIES = [
    ("a deadline ends what WATCH watches", """
        a SET k v PX 40
        a WATCH k
        sleep 0.2
        a MULTI
        a PING
        a EXEC
        a WATCH k
        a MULTI
        a PING
        a EXEC
        a SET k v PX 40
        sleep 0.2
        a WATCH k
        a MULTI
        a PING
        a EXEC
        a SET k v PX 40
        a WATCH k
        sleep 0.2
        b GET k
        a MULTI
        a PING
        a EXEC"""),
    ("a deadline within a transaction", """
        a MULTI
        a SET k v PX 40
        a GET k
        a EXEC
        sleep 0.2
        a GET k
        a MULTI
        a SET k 5 PX 40
        a INCR k
        sleep 0.2
        a EXEC
        a GET k
        sleep 0.2
        a GET k"""),
]


def soon(source, key):
    """Gives a key that exists a deadline that is reached soon."""
    return source.pick((
        [b"SET", key, b"v", b"PX", b"%d" % SOON_MS],
        [b"PSETEX", key, b"%d" % SOON_MS, b"12"],
        [b"PEXPIRE", key, b"%d" % SOON_MS],
        [b"GETEX", key, b"PX", b"%d" % SOON_MS],
        [b"SET", key, b"v", b"EX", b"100000"],
        [b"PERSIST", key]))


def reads(key):
    return [[b"EXISTS", key], [b"GET", key], [b"TTL", key], [b"PTTL", key],
            [b"TYPE", key], [b"STRLEN", key], [b"DUMP", key],
            [b"EXPIRETIME", key], [b"GETRANGE", key, b"0", b"-1"]]


def play(context, source):
    keys = [b"e%d" % number for number in range(40)]
    before = [[b"SET", key, source.short_value()] for key in keys]
    before += [soon(source, key) for key in keys]
    # Whatever looks first has to find the key gone, so each time another.
    after = [source.pick(reads(key)) for key in keys]
    after += [[b"DBSIZE"], [b"KEYS", b"e*"]]
    after += [words for key in keys for words in (
        source.pick(([b"INCR", key], [b"APPEND", key, b"x"],
                     [b"SET", key, b"w", b"XX"], [b"SETNX", key, b"n"],
                     [b"RENAME", key, b"moved"], [b"COPY", key, b"copied"],
                     [b"PERSIST", key], [b"EXPIRE", key, b"100000"],
                     [b"SETBIT", key, b"1", b"1"], [b"DEL", key],
                     [b"SET", key, b"w", b"KEEPTTL"], [b"TOUCH", key])),
        [b"GET", key])]
    after += random_commands(source, 200)
    with Pair(context.servers) as pair:
        stream = Stream()
        for commands in ([[b"FLUSHALL"], *before], after):
            sides = pair.exchange(b"".join(map(resp.encode, commands)),
                                  len(commands))
            context.compared += len(commands)
            found = stream.compare(commands, *sides)
            if found:
                history = before + commands[:found.at + 1]
                related = [words for words in history
                           if found.words[1:2] == words[1:2]]
                if context.is_new(*found[1:]):
                    context.report_commands(related, found)
                return
            time.sleep(SOON_MS / 1000 + MARGIN_SECONDS)


def expiry(context):
    """Keys are gone after their time, for every command that looks."""
    run_scripts(context, STORIES)
    for number in range(5):
        play(context, context.source(number))
