#!/usr/bin/env python3
"""How quickly an idle node answers, and what it costs while nobody asks.

Sends single gets with a pause between them on one connection, then measures
the processor time of the node while it has nothing to do. Exit code 1 if a
bound is exceeded.
"""

import argparse
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests" / "e2e"))

from support import wire  # noqa: E402
from support.node import Node, use_programs  # noqa: E402


def measure_gets(node, count, pause_seconds):
    """Sorted round trip times in milliseconds."""
    request = wire.get(b"key")
    # The client's usual receive buffer costs 0.05 ms to allocate; the node is
    # not to be blamed for it.
    buffer = bytearray(4096)
    times = []
    with node.connect() as connection:
        connection.ask(wire.put(b"key", b"v" * 100))
        for _ in range(count):
            time.sleep(pause_seconds)
            begun = time.perf_counter()
            connection.send(request)
            size = connection.socket.recv_into(buffer)
            times.append((time.perf_counter() - begun) * 1000)
            connection.received += buffer[:size]
            connection.receive()
    return sorted(times)


def measure_idle_cpu(node, seconds):
    """Share of one core, in percent."""
    time.sleep(1)
    begun, cpu = time.monotonic(), node.cpu_seconds()
    time.sleep(seconds)
    return 100 * (node.cpu_seconds() - cpu) / (time.monotonic() - begun)


def main():
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--programs", help="folder of kvs-node; without it "
                       "KVS_NODE names the program")
    parse.add_argument("--gets", type=int, default=1000)
    parse.add_argument("--pause-ms", type=float, default=20)
    parse.add_argument("--idle-seconds", type=float, default=10)
    parse.add_argument("--p99-ms", type=float, default=0.5)
    parse.add_argument("--max-ms", type=float, default=5)
    parse.add_argument("--cpu-percent", type=float, default=0.5)
    chosen = parse.parse_args()
    if chosen.programs:
        use_programs(chosen.programs)
    with Node() as node:
        times = measure_gets(node, chosen.gets, chosen.pause_ms / 1000)
        cpu = measure_idle_cpu(node, chosen.idle_seconds)
    p50, p99 = (times[int(len(times) * share)] for share in (0.5, 0.99))
    rows = [("get, median", p50, float("inf"), "ms"),
            ("get, 99th percentile", p99, chosen.p99_ms, "ms"),
            ("get, maximum", times[-1], chosen.max_ms, "ms"),
            ("processor while idle", cpu, chosen.cpu_percent, "%")]
    for name, found, bound, unit in rows:
        verdict = "" if found < bound else f"  exceeds {bound} {unit}"
        print(f"{name:22} {found:8.3f} {unit}{verdict}")
    return int(any(found >= bound for _, found, bound, _ in rows))


if __name__ == "__main__":
    sys.exit(main())
