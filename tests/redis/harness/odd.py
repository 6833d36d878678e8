"""Commands that nobody would send: wrong counts, wrong kinds, no names."""

from .values import BAD_TIMES, FLOATS, KEYS, PATTERNS, WORDS

DATA = b"""GET SET SETNX SETEX PSETEX GETSET GETDEL GETEX MGET MSET MSETNX
APPEND STRLEN GETRANGE SUBSTR SETRANGE INCR DECR INCRBY DECRBY INCRBYFLOAT LCS
SETBIT GETBIT BITCOUNT BITPOS BITOP BITFIELD BITFIELD_RO DEL UNLINK EXISTS TYPE
TOUCH RENAME RENAMENX COPY RANDOMKEY KEYS SCAN DBSIZE EXPIRE PEXPIRE EXPIREAT
PEXPIREAT TTL PTTL EXPIRETIME PEXPIRETIME PERSIST FLUSHDB FLUSHALL DUMP RESTORE
OBJECT MEMORY PING ECHO SELECT AUTH""".split()

# Not sent with random arguments, as they wait or change the connection.
OTHERS = b"""MULTI EXEC DISCARD WATCH UNWATCH HELLO CLIENT COMMAND CONFIG
WAIT LASTSAVE TIME ACL MODULE ROLE PUBSUB PUBLISH LATENCY SLOWLOG""".split()
# Further ones are left out, as with some counts they do what they are for.
HARMFUL = {(b"MULTI", 1), (b"COMMAND", 1)}

UNKNOWN = [b"", b"foo", b"GETT", b"\0", b"get\0", b"g\r\net", b"x" * 200,
           b"\xff\xfe", b"SET ", b" SET", b"'", b'"quoted"', b"*1", b"EX"]

OPTIONS = b"""NX XX GT LT EX PX GET KEEPTTL PERSIST LEN IDX MINMATCHLEN
WITHMATCHLEN BYTE BIT AND OR XOR NOT REPLACE DB COUNT MATCH TYPE ASYNC SYNC
ENCODING REFCOUNT HELP USAGE SAMPLES u8 i64 #1 FREQ IDLETIME OVERFLOW SAT FAIL
string default""".split()

# No small positive numbers: as times they would run out during a test, and
# no valid big ones: as offsets they would cost memory.
NUMBERS = [b"0", b"-1", b"-100000", b"100000", b"4294967296", b"1000000",
           b"9223372036854775807", b"-9223372036854775808",
           b"99999999999999999999"]
ANY = [*NUMBERS, *OPTIONS, *WORDS, *FLOATS, *BAD_TIMES, *PATTERNS]
# `1.5`, `5.` and the like are no integers, so no times; these would be.
ANY = [word for word in ANY if not word.isdigit() or int(word) in (0,)
       or int(word) >= 100000]


def odd_command(s):
    at = s.random()
    if at < 0.05:
        return [s.pick(UNKNOWN), *(s.pick(ANY) for _ in
                                   range(s.pick((0, 1, 2, 3, 30))))]
    words = [s.spelled(s.pick(DATA))]
    for _ in range(s.pick((0, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6, 9))):
        if s.chance(0.35):
            words.append(s.pick(KEYS))
        else:
            words.append(s.spelled(s.pick(ANY)))
    # It would truncate what later ones read, but no more often than needed.
    if words[0].upper() in (b"FLUSHALL", b"FLUSHDB") and s.chance(0.9):
        words.append(b"no")
    return words


def odd_commands(s, count):
    return [odd_command(s) for _ in range(count)]


def wrong_counts():
    """Every command with zero to seven arguments."""
    made = []
    for name in DATA + OTHERS:
        for count in range(8):
            if name == b"WAIT" and count == 2:
                continue
            if name in OTHERS and count < 2 and name != b"WAIT":
                made.append([name] + [b"nope"] * count)
            elif name in DATA:
                made.append([name] + [b"k"] * count)
            elif name not in (b"WATCH", b"PUBLISH", b"CLIENT"):
                made.append([name] + [b"nope"] * count)
    return [words for words in made
            if (words[0], len(words)) not in HARMFUL]
