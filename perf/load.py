#!/usr/bin/env python3
"""Throughput of a fresh node under `kvs-client bench`, both on this machine."""

import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests" / "e2e"))

from support.node import Node, use_programs  # noqa: E402


def main():
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--programs", required=True,
                       help="folder of kvs-node and kvs-client")
    parse.add_argument("--sync", default="interval")
    parse.add_argument("--clients", default="50")
    parse.add_argument("--pipeline", default="16")
    parse.add_argument("--requests", default="2000000")
    parse.add_argument("--value-bytes", default="100")
    chosen = parse.parse_args()
    use_programs(chosen.programs)
    with Node("--sync", chosen.sync) as node:
        done = node.client("bench", "--clients", chosen.clients,
                           "--pipeline", chosen.pipeline,
                           "--requests", chosen.requests,
                           "--value-bytes", chosen.value_bytes,
                           stdout=None, timeout=600)
        return done.returncode or node.stop()


if __name__ == "__main__":
    sys.exit(main())
