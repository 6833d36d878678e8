#!/usr/bin/env python3
"""Compares kvs-node with redis-server, reply by reply, to the byte.

Both get the same commands from seeded random streams and from tables;
normalisation.py lists all that may differ. A difference is printed with the
shortest stream that shows it, and with the seed.
"""

import argparse
import contextlib
import os
import sys
import time

from harness.servers import RedisServer, under_test
from lanes import (channels, cursors, diagnosis, exact, expiry, interleaved,
                   malformed, session, streams)
from lanes.context import Context

LANES = {
    "data": streams.data,
    "odd": streams.odd,
    "inline": streams.inline,
    "large": streams.large,
    "cut": streams.cut,
    "interleaved": interleaved.interleaved,
    "malformed": malformed.malformed,
    "exact": exact.exact,
    "session": session.session,
    "channels": channels.channels,
    "diagnosis": diagnosis.diagnosis,
    "expiry": expiry.expiry,
    "cursors": cursors.cursors,
}


def options():
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--seed", default=os.environ.get(
        "KVS_TEST_SEED", str(time.time_ns() % 1_000_000)))
    parse.add_argument("--commands", type=int, default=500_000,
                       help="how many are compared, by all random lanes")
    parse.add_argument("--only", help="lanes, with commas", default="")
    parse.add_argument("--against", choices=("kvs", "redis"),
                       help="redis: a second redis-server, which must agree")
    parse.add_argument("--failures", type=int, default=10,
                       help="stop after so many differences")
    return parse.parse_args()


def main():
    chosen = options()
    lanes = chosen.only.split(",") if chosen.only else list(LANES)
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(RedisServer()),
                   stack.enter_context(under_test(chosen.against))]
        context = Context(servers, chosen.seed, chosen.commands,
                          chosen.failures)
        for lane in lanes:
            before, start = context.compared, time.monotonic()
            context.begin(lane)
            try:
                LANES[lane](context)
            except OSError as problem:
                context.report([f"  {problem}"], b"", b"")
            if not servers[1].is_running():
                context.report([servers[1].last_words()], b"", b"it ended")
                break
            print(f"{lane}: {context.compared - before} commands in"
                  f" {time.monotonic() - start:.1f} s", flush=True)
            if context.full:
                break
    print(f"seed {chosen.seed}: {context.compared} commands in"
          f" {time.monotonic() - began:.1f} s,"
          f" {len(context.failures)} differences")
    return 1 if context.failures else 0


if __name__ == "__main__":
    sys.exit(main())
