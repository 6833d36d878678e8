"""Random commands on strings, bits and keys.

Each row of WEIGHTED has a weight and a function from a Source to the words
of a command. What is generated never blocks, never leaves the connection in
another mode and never expires during a run.
"""

from .payloads import payload
from .values import PATTERNS

EXPIRIES = [(b"EX", "after", 1), (b"PX", "after", 1000),
            (b"EXAT", "until", 1), (b"PXAT", "until", 1000)]
# Redis keeps a key that SET has given a deadline in the past until somebody
# looks at it, or until its next cleaning: DBSIZE is a matter of luck then.
LATER = [(b"EX", "after", 1), (b"PX", "after", 1000),
         (b"EXAT", "later", 1), (b"PXAT", "later", 1000)]


def expiry(s, choices):
    word, kind, unit = s.pick(choices)
    return [s.spelled(word), getattr(s, kind)(unit)]


def options(s, words, expiries, more_max=2):
    """Some of `words`, or an expiry, or nonsense."""
    made = []
    for _ in range(s.pick((0, 0, 0, 1, 1, 1, more_max))):
        at = s.random()
        if at < 0.5:
            made.append(s.spelled(s.pick(words)))
        elif at < 0.92:
            made += expiry(s, expiries)
        else:
            made += s.pick(([b"EX"], [b"NOPE"], [b""], [b"PX", b"0"],
                            [b"EX", b"-5"], [b"GETT"], [b"NX", b"XX"]))
    return made


def keys(s, most=4):
    return [s.key() for _ in range(s.randint(1, most))]


def pairs(s):
    return [word for _ in range(s.randint(1, 4))
            for word in (s.key(), s.value())]


def lcs(s):
    words = [b"LCS", s.short_key(), s.short_key()]
    for _ in range(s.pick((0, 1, 1, 2, 3))):
        words += s.pick(([b"LEN"], [b"IDX"], [b"WITHMATCHLEN"], [b"IDX"],
                         [b"MINMATCHLEN", b"%d" % s.randint(-1, 5)],
                         [b"MINMATCHLEN", s.number()], [b"what"]))
    return words


def bit_range(s):
    words = [s.index() for _ in range(s.pick((0, 0, 2, 2, 2, 1)))]
    if len(words) == 2 and s.chance(0.5):
        words.append(s.spelled(s.pick((b"BYTE", b"BIT", b"BIT", b"BITS"))))
    return words


def field_type(s):
    if s.chance(0.08):
        return s.pick((b"u64", b"i65", b"u0", b"i0", b"x8", b"u", b"", b"8",
                       b"i-1", b"u8x", b"U8"))
    return b"%b%d" % (s.pick((b"u", b"i")), s.pick(
        (1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 31, 32, 33, 62, 63)))


def field_offset(s):
    if s.chance(0.1):
        return s.pick((b"-1", b"#-1", b"#", b"", b"#x", b"4294967296",
                       b"#4294967296", b"9223372036854775807"))
    return b"%b%d" % (s.pick((b"", b"", b"#")), s.randint(0, 60))


def field_operations(s, write):
    words = []
    for _ in range(s.randint(0, 4)):
        kind = s.random()
        if kind < 0.4 or not write and kind < 0.95:
            words += [s.spelled(b"GET"), field_type(s), field_offset(s)]
        elif kind < 0.65:
            words += [b"SET", field_type(s), field_offset(s), s.number()]
        elif kind < 0.9:
            words += [b"INCRBY", field_type(s), field_offset(s), s.number()]
        else:
            words += [b"OVERFLOW", s.spelled(s.pick(
                (b"WRAP", b"SAT", b"FAIL", b"NONE")))]
    return words


def expire(name, kind, unit):
    def make(s):
        words = [s.spelled(name), s.key(), getattr(s, kind)(unit)]
        for _ in range(s.pick((0, 0, 0, 1, 1, 2))):
            words.append(s.spelled(s.pick(
                (b"NX", b"XX", b"GT", b"LT", b"GT", b"LT", b"ZZ"))))
        return words
    return make


REPLACE = [[b"REPLACE"], [b"REPLACE"], [b"REPLACE"], [b"IDLETIME", b"5"],
           [b"FREQ", b"7"]]
RARE_RESTORE = [[b"FREQ", b"256"], [b"BAD"], [b"IDLETIME", b"-1"],
                [b"IDLETIME"], [b"FREQ", b""], [b"ABSTTL"]]


def restore(s):
    words = [b"RESTORE", s.key(), s.pick((b"0", b"0", s.after(1000)))]
    words.append(payload(s))
    for _ in range(s.pick((0, 1, 1, 1, 2))):
        words += s.pick(REPLACE) if s.chance(0.8) else s.pick(RARE_RESTORE)
    if s.chance(0.15):
        words[2] = s.until(1000)
        words.append(b"ABSTTL")
    return words


def scan(s):
    words = [b"SCAN", s.pick((b"0", b"0", b"0", b"x", b"-1", b"", b" 0",
                              b"18446744073709551616"))]
    for _ in range(s.pick((0, 1, 1, 2))):
        words += s.pick(([b"COUNT", b"100"], [b"COUNT", s.number()],
                         [b"MATCH", s.pick(PATTERNS)], [b"TYPE", b"string"],
                         [b"TYPE", b"hash"], [b"COUNT"], [b"what", b"1"]))
    return words


def copy(s):
    words = [b"COPY", s.key(), s.key()]
    for _ in range(s.pick((0, 0, 1, 1, 2))):
        words += s.pick(([b"REPLACE"], [b"DB", b"0"], [b"DB", b"1"], [b"DB"],
                         [b"DB", b"x"], [b"REPLAC"]))
    return words


def simple(name, *makers):
    """A command whose arguments are made by methods of Source."""
    def make(s):
        return [s.spelled(name), *(getattr(s, maker)() for maker in makers)]
    return make


def count_words(s):
    return [b"BITCOUNT", s.key(), *bit_range(s)]


WEIGHTED = [
    (60, simple(b"GET", "key")),
    (60, lambda s: [s.spelled(b"SET"), s.key(), s.value(), *options(
        s, (b"NX", b"XX", b"GET", b"KEEPTTL"), LATER, 3)]),
    (12, lambda s: [b"SET", s.short_key(), s.short_value()]),
    (8, simple(b"SETNX", "key", "value")),
    (8, lambda s: [b"SETEX", s.key(), s.after(1), s.value()]),
    (8, lambda s: [b"PSETEX", s.key(), s.after(1000), s.value()]),
    (8, simple(b"GETSET", "key", "value")),
    (8, simple(b"GETDEL", "key")),
    (14, lambda s: [b"GETEX", s.key(), *options(
        s, (b"PERSIST",), EXPIRIES)]),
    (10, lambda s: [b"MGET", *keys(s)]),
    (8, lambda s: [b"MSET", *pairs(s), *s.pick(([], [], [], [b"odd"]))]),
    (5, lambda s: [b"MSETNX", *pairs(s)]),
    (14, simple(b"APPEND", "key", "value")),
    (14, simple(b"STRLEN", "key")),
    (16, simple(b"GETRANGE", "key", "index", "index")),
    (4, simple(b"SUBSTR", "key", "index", "index")),
    (16, lambda s: [b"SETRANGE", s.key(), s.offset(3000), s.value()]),
    (16, simple(b"INCR", "key")), (12, simple(b"DECR", "key")),
    (16, simple(b"INCRBY", "key", "number")),
    (12, simple(b"DECRBY", "key", "number")),
    (24, simple(b"INCRBYFLOAT", "key", "float")),
    (14, lcs),
    (20, lambda s: [b"SETBIT", s.key(), s.offset(30000),
                    s.pick((b"0", b"1", b"1", b"1", b"2", b"", b"01"))]),
    (14, lambda s: [b"GETBIT", s.key(), s.offset(30000)]),
    (18, count_words),
    (18, lambda s: [b"BITPOS", s.key(), s.pick((b"0", b"1", b"1", b"2")),
                    *bit_range(s)]),
    (14, lambda s: [b"BITOP", s.spelled(s.pick(
        (b"AND", b"OR", b"XOR", b"NOT", b"NAND"))), *keys(s), s.key()]),
    (24, lambda s: [b"BITFIELD", s.key(), *field_operations(s, True)]),
    (8, lambda s: [b"BITFIELD_RO", s.key(), *field_operations(s, False)]),
    (16, lambda s: [s.spelled(b"DEL"), *keys(s)]),
    (4, lambda s: [b"UNLINK", *keys(s)]),
    (10, lambda s: [b"EXISTS", *keys(s)]),
    (6, simple(b"TYPE", "key")),
    (4, lambda s: [b"TOUCH", *keys(s)]),
    (8, simple(b"RENAME", "key", "key")),
    (6, simple(b"RENAMENX", "key", "key")),
    (12, copy),
    (2, simple(b"RANDOMKEY")),
    (4, lambda s: [b"KEYS", s.pick(PATTERNS)]),
    (4, scan),
    (6, simple(b"DBSIZE")),
    (16, expire(b"EXPIRE", "after", 1)),
    (12, expire(b"PEXPIRE", "after", 1000)),
    (12, expire(b"EXPIREAT", "until", 1)),
    (12, expire(b"PEXPIREAT", "until", 1000)),
    (12, simple(b"TTL", "key")), (10, simple(b"PTTL", "key")),
    (10, simple(b"EXPIRETIME", "key")), (10, simple(b"PEXPIRETIME", "key")),
    (10, simple(b"PERSIST", "key")),
    (1, lambda s: [b"FLUSHDB", *s.pick(
        ([], [b"ASYNC"], [b"SYNC"], [b"NOW"], [b"SYNC", b"SYNC"]))]),
    (1, lambda s: [b"FLUSHALL", *s.pick(([], [b"async"], [b"sync"]))]),
    (5, simple(b"DUMP", "key")),
    (14, restore),
    (4, lambda s: [b"OBJECT", s.pick((
        b"ENCODING", b"REFCOUNT", b"IDLETIME", b"FREQ", b"encoding",
        b"NOPE")), s.key()]),
    (2, lambda s: [b"MEMORY", b"USAGE", s.key()]),
    (3, simple(b"ECHO", "value")),
    (3, lambda s: [b"PING", *s.pick(([], [s.value()]))]),
]
MAKERS = [maker for _, maker in WEIGHTED]
WEIGHTS = [weight for weight, _ in WEIGHTED]


def commands(source, count):
    return [make(source)
            for make in source.choices(MAKERS, WEIGHTS, k=count)]
