"""Transactions of several connections, one step at a time."""

from harness import resp
from harness.comparator import Stream
from harness.links import Pair
from harness.payloads import payload

KEYS = [b"a", b"b", b"c", b"d"]
STEPS_OF_ROUND = 120

CHANGES = [
    lambda s, k: [b"SET", k, s.short_value()],
    lambda s, k: [b"SET", k, b"v", s.pick((b"NX", b"XX", b"KEEPTTL"))],
    lambda s, k: [b"GETSET", k, b"1"],
    lambda s, k: [b"GETDEL", k],
    lambda s, k: [b"GETEX", k, b"EX", s.after(1)],
    lambda s, k: [b"GETEX", k, b"PERSIST"],
    lambda s, k: [b"GETEX", k],
    lambda s, k: [b"INCR", k],
    lambda s, k: [b"INCRBYFLOAT", k, b"0.5"],
    lambda s, k: [b"APPEND", k, s.pick((b"", b"x"))],
    lambda s, k: [b"SETRANGE", k, b"3", s.pick((b"", b"y"))],
    lambda s, k: [b"SETBIT", k, b"7", b"0"],
    lambda s, k: [b"BITOP", b"NOT", k, s.pick(KEYS)],
    lambda s, k: [b"BITFIELD", k, s.pick((b"GET", b"INCRBY")), b"u8", b"0",
                  *s.pick(([], [b"1"]))],
    # No BITFIELD that fails on an absent key: Redis makes the key then and
    # does not tell those who watch it.
    lambda s, k: [b"DEL", k],
    lambda s, k: [b"UNLINK", k, s.pick(KEYS)],
    lambda s, k: [b"RENAME", k, s.pick(KEYS)],
    lambda s, k: [b"RENAMENX", k, s.pick(KEYS)],
    lambda s, k: [b"COPY", k, s.pick(KEYS), *s.pick(([], [b"REPLACE"]))],
    lambda s, k: [b"EXPIRE", k, s.pick((b"100000", b"0", b"-1"))],
    lambda s, k: [b"EXPIREAT", k, s.until(1), s.pick((b"NX", b"GT", b"XX"))],
    lambda s, k: [b"PERSIST", k],
    lambda s, k: [b"TOUCH", k],
    lambda s, k: [b"MSET", k, b"1", s.pick(KEYS), b"2"],
    lambda s, k: [b"MSETNX", k, b"1", s.pick(KEYS), b"2"],
    lambda s, k: [b"RESTORE", k, b"0", payload(s), b"REPLACE"],
    lambda s, k: [s.pick((b"FLUSHALL", b"FLUSHDB"))],
]
READS = [
    lambda s, k: [b"GET", k], lambda s, k: [b"MGET", *KEYS],
    lambda s, k: [b"EXISTS", k], lambda s, k: [b"STRLEN", k],
    lambda s, k: [b"DBSIZE"], lambda s, k: [b"TTL", k],
    lambda s, k: [b"DUMP", k], lambda s, k: [b"PING"],
    lambda s, k: [b"BITCOUNT", k], lambda s, k: [b"TYPE", k],
]
BROKEN = [
    lambda s, k: [b"GET"], lambda s, k: [b"NOPE", k],
    lambda s, k: [b"INCRBY", k, b"x"], lambda s, k: [b"SET", k, b"1", b"ZZ"],
    lambda s, k: [b"EXPIRE", k], lambda s, k: [b"SELECT", b"9"],
    lambda s, k: [b"OBJECT", b"NOPE", k], lambda s, k: [b"CLIENT", b"NOPE"],
    lambda s, k: [b"HELLO", b"9"], lambda s, k: [b"AUTH", b"x"],
]
CONTROLS = [
    lambda s, k: [b"WATCH", k], lambda s, k: [b"WATCH", k, s.pick(KEYS)],
    lambda s, k: [b"MULTI"], lambda s, k: [b"MULTI"], lambda s, k: [b"EXEC"],
    lambda s, k: [b"EXEC"], lambda s, k: [b"EXEC"], lambda s, k: [b"DISCARD"],
    lambda s, k: [b"UNWATCH"], lambda s, k: [b"RESET"],
    lambda s, k: [b"SELECT", b"0"], lambda s, k: [b"HELLO", b"3"],
    lambda s, k: [b"HELLO", b"2"], lambda s, k: [b"CLIENT", b"ID"],
]


def step(source):
    at = source.random()
    choices = (CONTROLS if at < 0.4 else CHANGES if at < 0.75
               else READS if at < 0.95 else BROKEN)
    return source.pick(choices)(source, source.pick(KEYS))


def play(context, source):
    """One round with connections of its own; true if it found nothing."""
    history = []
    pairs = [Pair(context.servers) for _ in range(source.randint(2, 4))]
    try:
        streams = [Stream() for _ in pairs]
        pairs[0].ask(b"FLUSHALL")
        for _ in range(STEPS_OF_ROUND):
            at = source.randrange(len(pairs))
            # Several steps of one connection make transactions likely.
            commands = [step(source) for _ in range(source.pick((1, 1, 3)))]
            history += [[b"%c>" % (97 + at), *words] for words in commands]
            sides = pairs[at].exchange(
                b"".join(map(resp.encode, commands)), len(commands))
            context.compared += len(commands)
            found = streams[at].compare(commands, *sides)
            if found:
                if context.is_new(*found[1:]):
                    context.report_commands(history, found, 40)
                return
    finally:
        for pair in pairs:
            pair.close()


def interleaved(context):
    """Random WATCH, MULTI, EXEC and writes from several connections."""
    begin, number = context.compared, 0
    while (context.compared - begin < context.commands * 4 // 100
           and not context.full):
        play(context, context.source(number))
        number += 1
