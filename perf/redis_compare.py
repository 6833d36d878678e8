#!/usr/bin/env python3
"""kvs-node and redis-server in turn under redis-benchmark, in one run.

Both write to disk in the background: kvs-node with `--sync interval`,
redis-server with its append-only file and `appendfsync everysec`. Each round
measures every test on both before the next begins, so that a busy machine is
unfair to neither. CPU time per request counts more than requests per second:
the load comes from the same cores.
"""

import argparse
import contextlib
import datetime
import os
import pathlib
import platform
import statistics
import subprocess
import sys
from collections import defaultdict, namedtuple

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "redis"))

from harness.servers import KvsServer, RedisServer  # noqa: E402

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
RESULTS = ROOT / "perf" / "results"

Sample = namedtuple("Sample", "per_second cpu_us")


def cpu_seconds(pid):
    """User and system time of a process with all its threads."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        # The name may contain blanks and ends with the last parenthesis.
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def measure(server, test, pipeline, chosen):
    """One run of redis-benchmark."""
    before = cpu_seconds(server.pid)
    done = subprocess.run(
        ["redis-benchmark", "-p", str(server.address[1]), "-c", "50",
         "-d", "100", "-r", "1000000", "-P", str(pipeline), "-t", test,
         "-n", str(chosen.requests * (4 if pipeline > 1 else 1)), "--csv"],
        capture_output=True, text=True, check=True, timeout=600,
        stdin=subprocess.DEVNULL)
    used = cpu_seconds(server.pid) - before
    count = chosen.requests * (4 if pipeline > 1 else 1)
    # "test","rps",… and one line per test.
    per_second = float(done.stdout.splitlines()[1].split('","')[1])
    return Sample(per_second, used * 1e6 / count)


def run(servers, chosen):
    """(test, pipeline, server) to its samples."""
    samples = defaultdict(list)
    for round_number in range(chosen.rounds):
        for pipeline in chosen.pipelines:
            for test in chosen.tests:
                # Who begins changes from round to round.
                turn = servers if round_number % 2 == 0 else servers[::-1]
                for server in turn:
                    samples[test, pipeline, server.name].append(
                        measure(server, test, pipeline, chosen))
        print(f"round {round_number + 1} of {chosen.rounds}", file=sys.stderr,
              flush=True)
    return samples


def median(samples, field):
    return statistics.median(getattr(each, field) for each in samples)


def table(samples, chosen):
    lines = ["| test | pipeline | kvs req/s | redis req/s | ratio "
             "| kvs CPU µs/req | redis CPU µs/req | ratio |",
             "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for pipeline in chosen.pipelines:
        for test in chosen.tests:
            kvs, redis = (samples[test, pipeline, name]
                          for name in ("kvs", "redis"))
            speed = [median(each, "per_second") for each in (kvs, redis)]
            cpu = [median(each, "cpu_us") for each in (kvs, redis)]
            lines.append(
                f"| {test} | {pipeline} | {speed[0]:,.0f} | {speed[1]:,.0f} "
                f"| {speed[0] / speed[1]:.2f} | {cpu[0]:.2f} | {cpu[1]:.2f} "
                f"| {cpu[0] / cpu[1]:.2f} |")
    return "\n".join(lines)


def processor():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        names = [line.split(":", 1)[1].strip() for line in file
                 if line.startswith("model name")]
    return f"{len(names)} × {names[0] if names else platform.machine()}"


def report(samples, chosen):
    version = subprocess.run(["redis-server", "--version"], check=True,
                             capture_output=True, text=True).stdout.split()[2]
    commit = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"],
        capture_output=True, text=True, check=False).stdout.strip()
    return "\n".join([
        f"# kvs and Redis, {datetime.date.today().isoformat()}", "",
        f"{processor()}, Linux {platform.release()}, kvs at {commit}, redis"
        f" {version[2:]}.",
        "", f"`redis-benchmark -c 50 -d 100 -r 1000000`, medians of"
        f" {chosen.rounds} interleaved rounds of {chosen.requests:,} requests"
        " (four times as many with a pipeline). kvs-node: `--sync interval`."
        " redis-server: `appendonly yes`, `appendfsync everysec`.", "",
        table(samples, chosen), ""])


def options():
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--programs", required=True,
                       help="folder of kvs-node")
    parse.add_argument("--rounds", type=int, default=5)
    parse.add_argument("--requests", type=int, default=200_000)
    parse.add_argument("--tests", default="set,get,incr,mset",
                       type=lambda text: text.split(","))
    parse.add_argument("--pipelines", default="1,16,64",
                       type=lambda text: [int(p) for p in text.split(",")])
    parse.add_argument("--threads", default=None,
                       help="event loops of kvs-node; its default otherwise")
    parse.add_argument("--output", type=pathlib.Path,
                       default=RESULTS / f"{datetime.date.today()}-redis.md")
    return parse.parse_args()


def main():
    chosen = options()
    os.environ["KVS_NODE"] = str(
        pathlib.Path(chosen.programs).resolve() / "kvs-node")
    more = ["--threads", chosen.threads] if chosen.threads else []
    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(KvsServer("--sync", "interval", *more)),
            stack.enter_context(RedisServer(
                "--appendonly", "yes", "--appendfsync", "everysec"))]
        text = report(run(servers, chosen), chosen)
    print(text)
    chosen.output.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
