"""What is shown of commands, and what is asked of the server."""

import re

from harness import resp
from harness.links import Pair, pump
from harness.scripts import run_scripts, words_of

COMMANDS = r"""
SET a 1
SET a "quoted \"\n\x00 text"
GET a
GET nokey
INCR n
SET a 1 EX 100
SET a 2 NX
APPEND a x
GETRANGE a 0 1
MSET a 1 b 2
MGET a b
DEL a b
EXISTS a
SCAN 0
DBSIZE
KEYS *
RANDOMKEY
RENAME a b
PING
ECHO hello
SELECT 0
SELECT 1
AUTH secret
AUTH default secret
AUTH nobody secret
HELLO 2 AUTH default secret SETNAME me
HELLO 2 AUTH nobody secret
CLIENT SETNAME you
CLIENT ID
CLIENT GETNAME
CONFIG GET timeout
CONFIG SET timeout 0
COMMAND COUNT
TIME
NOPE x
GET
MULTI
SET a 1
INCR a
PING
AUTH secret
KEYS *
NOPE
EXEC
MULTI
SET a 1
INCR a
PING
CLIENT GETNAME
EXEC
MULTI
SET a 1
DISCARD
MULTI
EXEC
EXEC
WATCH a
MULTI
GET a
EXEC
UNWATCH
PUBLISH x y
SUBSCRIBE x
UNSUBSCRIBE x
FLUSHDB
FLUSHALL
SAVE
WAIT 0 0
OBJECT ENCODING a
MEMORY USAGE a
RESET
""".strip().splitlines()

STORIES = [
    ("who monitors does nothing else", """
        a MULTI
        a MONITOR
        a EXEC
        b MONITOR
        b MONITOR
        b GET k
        b SET k v
        b PUBLISH x y
        b RESET
        b GET k"""),
    ("arguments of the server's own commands", """
        a CONFIG SET timeout 0 timeout
        a MULTI
        a CONFIG SET timeout 0 timeout
        a EXEC
        a BGSAVE foo
        a BGSAVE SCHEDULE x
        a SHUTDOWN NOSAVE SAVE
        a SHUTDOWN ABORT NOW
        a SHUTDOWN ABORT
        a SHUTDOWN nope
        a SLOWLOG GET 1 2
        a SLOWLOG GET x
        a SLOWLOG GET -2
        a CLIENT LIST ID 0
        a CLIENT LIST ID -1 0
        a CLIENT LIST ID x
        a MULTI
        a DEBUG SLEEP 0
        a EXEC
        a DEBUG""")]

# What begins with a time and an address.
SHOWN = re.compile(rb'^\+[0-9]+\.[0-9]{6} \[0 127\.0\.0\.1:[0-9]+\] ')
LAST = b"the last one"


def monitored(pair):
    """What each server shows while the commands run on another connection."""
    with Pair([link.server for link in pair.links]) as monitors:
        monitors.ask(b"MONITOR")
        for line in COMMANDS:
            pair.ask(*words_of(line))
        pair.ask(b"ECHO", LAST)
        pump(monitors.links,
             lambda link: any(LAST in each for each in link.replies))
        return [[SHOWN.sub(b"", each) for each in link.replies]
                for link in monitors.links]


def logged(pair):
    """The words and the client's name of all entries of each server."""
    pair.ask(b"CONFIG", b"SET", b"slowlog-log-slower-than", b"0")
    pair.ask(b"CONFIG", b"SET", b"slowlog-max-len", b"1000")
    pair.ask(b"SLOWLOG", b"RESET")
    for line in COMMANDS:
        pair.ask(*words_of(line))
    logs = pair.ask(b"SLOWLOG", b"GET", b"-1")
    pair.ask(b"CONFIG", b"SET", b"slowlog-log-slower-than", b"10000")
    pair.ask(b"CONFIG", b"SET", b"slowlog-max-len", b"128")
    entries = [[resp.items_of(each) for each in resp.items_of(log)]
               for log in logs]
    return [[(each[3], each[5]) for each in reversed(log)] for log in entries]


COUNTED = re.compile(rb"cmdstat_([^:]+):calls=(\d+),usec=\d+,"
                     rb"usec_per_call=[0-9.]+,(rejected_calls=\d+),"
                     rb"(failed_calls=\d+)$")


def counted(pair):
    """How often each server counts every command, and with which outcome."""
    pair.ask(b"CONFIG", b"RESETSTAT")
    for line in COMMANDS:
        pair.ask(*words_of(line))
    return [sorted(b" ".join(match.groups()) if (match := COUNTED.match(line))
                   else line
                   for line in text.split(b"\r\n")[2:] if line)
            for text in pair.ask(b"INFO", b"COMMANDSTATS")]


def compare(context, what, sides):
    """Reports the first of `sides`' items that differ."""
    context.compared += len(sides[0])
    for at in range(max(map(len, sides))):
        redis, other = (side[at] if at < len(side) else b"(nothing)"
                        for side in sides)
        if redis != other:
            before = [f"  {each!r}" for each in sides[0][max(0, at - 3):at]]
            return context.report([f"  {what}, behind", *before],
                                  repr(redis).encode(), repr(other).encode())
    return None


def diagnosis(context):
    """Nothing is left out, and no secret told."""
    for what, look in (("MONITOR", monitored), ("SLOWLOG", logged),
                       ("INFO commandstats", counted)):
        with Pair(context.servers) as pair:
            pair.ask(b"FLUSHALL")
            compare(context, what, look(pair))
    run_scripts(context, STORIES)
