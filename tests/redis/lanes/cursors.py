"""Iterations with SCAN, and payloads of DUMP on the other server."""

from harness import resp
from harness.links import Pair
from harness.values import PATTERNS


def iterate(link_ask, *more):
    """All that a whole iteration returns, in the order it came."""
    cursor, found = b"0", []
    for _ in range(100_000):
        cursor, keys = resp.items_of(link_ask(b"SCAN", cursor, *more))
        cursor = resp.blob_of(cursor)
        found += map(resp.blob_of, resp.items_of(keys))
        if cursor == b"0":
            return found
    raise AssertionError("the iteration does not end")


class Sides:
    """Asks one server alone, over one link of a pair."""

    def __init__(self, pair):
        self.pair = pair

    def ask(self, at):
        def ask(*words):
            single = Pair.__new__(Pair)
            single.links = [self.pair.links[at]]
            return single.ask(*words)[0]
        return ask


def compare_scans(context, pair, sides):
    options = [[], [b"COUNT", b"1"], [b"COUNT", b"7"], [b"COUNT", b"5000"],
               [b"TYPE", b"string"], [b"TYPE", b"list"]]
    options += [[b"MATCH", pattern] for pattern in PATTERNS]
    options += [[b"MATCH", b"key:*1?", b"COUNT", b"100"]]
    for more in options:
        one, two = (set(iterate(sides.ask(at), *more)) for at in (0, 1))
        context.compared += 1
        if one != two:
            context.report([f"  whole iteration with {more}"],
                           b"only here: " + b" ".join(sorted(one - two)[:5]),
                           b"only here: " + b" ".join(sorted(two - one)[:5]))


def compare_changing_scans(context, sides):
    """What is there all the time is found while other keys come and go."""
    for at, server in enumerate(context.servers):
        ask, found, cursor = sides.ask(at), set(), b"0"
        stay = iterate(ask)
        for step in range(100_000):
            page = resp.items_of(ask(b"SCAN", cursor, b"COUNT", b"5"))
            cursor = resp.blob_of(page[0])
            found.update(map(resp.blob_of, resp.items_of(page[1])))
            if cursor == b"0":
                break
            ask(b"SET", b"come:%d" % step, b"v")
            ask(b"DEL", b"come:%d" % (step - 3))
        missing = set(stay) - found
        context.compared += 1
        if missing:
            context.report([f"  {server.name}: a scan among writes misses"],
                           b"", b" ".join(sorted(missing)[:5]))


def compare_dumps(context, sides, source):
    values = [source.value() for _ in range(200)]
    values += [b"x" * 5000, b"ab" * 3000, source.randbytes(20000), b""]
    values += [b"%d" % number for number in (
        0, -1, 127, 128, -128, -129, 32767, 32768, 2147483647, 2147483648,
        -2147483648, -2147483649, 99999999999)]
    for value in values:
        for of, to in ((0, 1), (1, 0)):
            sides.ask(of)(b"SET", b"dumped", value)
            dumped = resp.blob_of(sides.ask(of)(b"DUMP", b"dumped"))
            said = sides.ask(to)(b"RESTORE", b"restored", b"0", dumped,
                                 b"REPLACE")
            got = resp.blob_of(sides.ask(to)(b"GET", b"restored"))
            context.compared += 1
            if said != b"+OK\r\n" or got != value:
                context.report([f"  DUMP on {context.servers[of].name},"
                                f" RESTORE on {context.servers[to].name}:"
                                f" {dumped[:60]!r}"], value, got or said)


def cursors(context):
    """SCAN finds everything; payloads are understood by the other."""
    source = context.source()
    with Pair(context.servers) as pair:
        pair.ask(b"FLUSHALL")
        sides = Sides(pair)
        compare_dumps(context, sides, source)
        keys = [b"key:%d" % number for number in range(1000)]
        keys += [source.key() for _ in range(100)]
        for key in keys:
            pair.ask(b"SET", key, b"v")
        compare_scans(context, pair, sides)
        compare_changing_scans(context, sides)
