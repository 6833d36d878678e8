#!/usr/bin/env python3
"""What a start costs: from a checkpoint, from hints, and from segments alone.

The store is made once, in a directory that goes afterwards. Starts are those of
storage by itself, with one worker and with one per core, and those of a node,
from its birth to the line `ready`.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests" / "e2e"))

from support.node import Node, use_programs  # noqa: E402


class Measurement:
    def __init__(self, programs, directory):
        self.load = pathlib.Path(programs).resolve().parent / "perf" \
            / "recovery_load"
        self.directory = directory

    def run(self, word, *more):
        done = subprocess.run([self.load, word, self.directory,
                               *map(str, more)], check=True,
                              capture_output=True, text=True)
        return done.stdout.strip()

    def remove(self, *patterns):
        for pattern in patterns:
            for path in pathlib.Path(self.directory).glob(pattern):
                path.unlink()

    def start(self, what, workers, *, cold=False, without=()):
        self.remove(*without)
        if cold:
            self.run("cold")
        found = self.run("start", workers)
        print(f"{what}, {workers} worker(s), {'cold' if cold else 'cached'}: "
              f"{found}", flush=True)

    def start_node(self, what, *, without=()):
        self.remove(*without)
        begun = time.monotonic()
        with Node(directory=self.directory) as node:
            ready = time.monotonic() - begun
            log = node.read_log()
            begun = time.monotonic()
            node.stop(timeout=60)
            stop = time.monotonic() - begun
        checkpoint = "from_checkpoint=true" in log
        print(f"node {what}: ready after {ready:.3f} s, checkpoint used: "
              f"{checkpoint}; its stop took {stop:.3f} s", flush=True)


def main():
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--programs", required=True,
                       help="folder of kvs-node and kvs-client")
    parse.add_argument("--keys", type=int, default=10_000_000)
    parse.add_argument("--value-bytes", type=int, default=16)
    parse.add_argument("--rounds", type=int, default=3)
    parse.add_argument("--parent", help="where the store is made")
    chosen = parse.parse_args()
    use_programs(chosen.programs)
    cores = os.cpu_count()
    with tempfile.TemporaryDirectory(dir=chosen.parent) as parent:
        directory = os.path.join(parent, "store")
        measure = Measurement(chosen.programs, directory)
        measure.run("make", chosen.keys, chosen.value_bytes)
        measure.start("checkpoint", 1)
        # The first reading of a fresh file says more about the machine's
        # memory than about its disk; this one is thrown away.
        measure.run("start", cores)
        for _ in range(chosen.rounds):
            measure.run("cold")
            print("plain reading in sequence, cold:", measure.run("read"),
                  flush=True)
            for workers in (1, cores):
                measure.start("segments", workers, cold=True,
                              without=["*.hint"])
        measure.start("segments", 1, without=["*.hint"])
        for workers in (1, cores):
            measure.start("hints", workers)
        measure.start("hints", 1, cold=True)
        measure.start_node("from hints")
        measure.start_node("from its checkpoint")
        measure.start_node("from segments", without=["*.hint", "CHECKPOINT"])


if __name__ == "__main__":
    sys.exit(main())
