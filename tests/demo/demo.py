#!/usr/bin/env python3
"""Shows what kvs does, with real data: the package index of this machine.

`./dev demo` runs it. Every check that fails ends it with exit code 1.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from packages_to_jsonl import from_line, read_stanzas, to_line

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))

from support import wire  # noqa: E402
from support.node import Node, bytes_on_disk, use_programs  # noqa: E402

BATCH_OPERATIONS = 1_000


def step(title, *explanation):
    print(f"\n== {title}", flush=True)
    for line in explanation:
        print(f"   {line}", flush=True)


def result(text):
    print(f"   -> {text}", flush=True)


def check(holds, complaint):
    if not holds:
        sys.exit(f"demo: FAILED: {complaint}")


def mebibytes(count):
    return f"{count / (1 << 20):.1f} MiB"


class Demo:
    def __init__(self, index, folder):
        self.folder = pathlib.Path(folder)
        self.index = index
        self.expected = {}
        self.node = Node("--segment-bytes", "16MiB",
                         directory=str(self.folder / "store"))

    def run(self):
        self.convert()
        self.start()
        self.import_packages()
        self.compare("Read everything back")
        self.pull_the_plug()
        self.change_half()
        self.compact()
        self.compare("Read everything back once more")
        self.stop()

    # -- the steps ------------------------------------------------------------

    def convert(self):
        step("Convert the package index to JSON Lines",
             "One line for each Debian package that this machine knows: the",
             "name is the key, its description (version, dependencies, size,",
             "checksum, …) the value.")
        with open(self.index, "rb") as file:
            self.expected = dict(read_stanzas(file))
        size = sum(map(len, self.expected.values()))
        result(f"{len(self.expected):,} packages, {mebibytes(size)}")

    def start(self):
        step("Start a node in an empty directory",
             f"kvs-node --addr 127.0.0.1:0 --dir {self.node.directory}",
             "         --segment-bytes 16MiB",
             "Port 0 lets the system choose a port. The default is",
             "--sync always: a write is acknowledged when the disk has it.")
        self.node.start()
        result("it listens on %s:%d" % self.node.address)

    def import_packages(self):
        step("Import the packages", "kvs-client import packages.jsonl")
        self.import_all(self.expected)
        count = self.client("count").strip().decode()
        check(int(count) == len(self.expected), f"count says {count}")
        result(f"count says {int(count):,} keys; on disk: "
               + mebibytes(bytes_on_disk(self.node.directory)))

    def compare(self, title):
        step(title, "kvs-client export all.jsonl",
             "Every key and every value is compared with what was written.")
        path = self.folder / "all.jsonl"
        self.client("export", str(path))
        with open(path, encoding="utf-8") as file:
            found = dict(map(from_line, file))
        self.check_equal(found)
        result(f"all {len(found):,} values are right")

    def pull_the_plug(self):
        step("Kill the node with SIGKILL in the middle of writes",
             "A client stores a copy of every package, many requests at once,",
             "and remembers which of them the node has acknowledged.")
        copies = [(b"copy:" + key, value)
                  for key, value in self.expected.items()]
        acknowledged = self.write_and_kill(copies)
        result(f"killed when {len(acknowledged):,} of {len(copies):,} copies "
               "were acknowledged")
        step("Start it again and look",
             "Recovery reads the log. Writes that were acknowledged must be",
             "there; of the others each is there as a whole or not at all.")
        begun = time.monotonic()
        self.node.start()
        result(f"ready after {time.monotonic() - begun:.2f} s")
        path = self.folder / "all.jsonl"
        self.client("export", str(path))
        with open(path, encoding="utf-8") as file:
            found = dict(map(from_line, file))
        for key in acknowledged:
            check(key in found, f"{key!r} was acknowledged and is lost")
        self.expected.update(
            (key, value) for key, value in copies if key in found)
        self.check_equal(found)
        result(f"no acknowledged write is lost; {len(found):,} values are "
               "right")

    def change_half(self):
        step("Overwrite a quarter, delete a quarter",
             "kvs-client import (overwrites), kvs-client batch (deletes, up to",
             f"{BATCH_OPERATIONS:,} keys all or nothing)")
        keys = list(self.expected)
        changed = {key: b"overwritten: " + self.expected[key]
                   for key in keys[::4]}
        self.import_all(changed)
        self.expected.update(changed)
        deleted = keys[1::4]
        path = self.folder / "batch.jsonl"
        for begin in range(0, len(deleted), BATCH_OPERATIONS):
            with open(path, "w", encoding="utf-8") as file:
                for key in deleted[begin:begin + BATCH_OPERATIONS]:
                    file.write('{"op": "erase", ' + to_line(key, b"")[1:])
            self.client("batch", str(path))
        for key in deleted:
            del self.expected[key]
        result(f"{len(changed):,} overwritten, {len(deleted):,} deleted")

    def compact(self):
        step("Compact", "kvs-client compact",
             "The log only grows at its end; what was overwritten or deleted",
             "is dead weight. Compaction copies what lives and deletes the",
             "old files. The node also does it by itself, in the background.")
        before = bytes_on_disk(self.node.directory)
        said = self.client("compact").decode().strip()
        # Files go when the last reader has let go of them.
        for _ in range(50):
            after = bytes_on_disk(self.node.directory)
            if after < before:
                break
            time.sleep(0.1)
        result(said)
        result(f"bytes on disk, space reserved for new writes included: "
               f"{before:,} before, {after:,} after")
        check(after < before, "compaction gave nothing back")

    def stop(self):
        step("Stop the node", "SIGTERM: finish, sync, seal, exit")
        code = self.node.stop()
        check(code == 0, f"the node ended with exit code {code}")
        result("exit code 0")

    # -- helpers --------------------------------------------------------------

    def client(self, *words):
        done = self.node.client(*words, timeout=600)
        check(done.returncode == 0, f"kvs-client {words[0]}: "
              + done.stderr.decode(errors="replace"))
        return done.stdout

    def import_all(self, pairs):
        path = self.folder / "packages.jsonl"
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(to_line(*pair) for pair in pairs.items())
        begun = time.monotonic()
        done = self.node.client("import", str(path), stdout=None, timeout=600)
        check(done.returncode == 0, "kvs-client import failed")
        rate = len(pairs) / (time.monotonic() - begun)
        result(f"{len(pairs):,} writes, {rate:,.0f} per second")

    def write_and_kill(self, pairs, window=256):
        """Keys that were acknowledged before half of `pairs` was written."""
        acknowledged = []
        sent = 0
        with self.node.connect() as connection:
            try:
                while len(acknowledged) < len(pairs):
                    requests = []
                    while (sent < len(pairs)
                           and sent - len(acknowledged) < window):
                        requests.append(wire.put(*pairs[sent], sent))
                        sent += 1
                    connection.send(b"".join(requests))
                    if not connection.fill():
                        break
                    acknowledged += [pairs[reply.id][0] for reply in
                                     connection.take_replies()
                                     if reply.message.applied]
                    if (self.node.process is not None
                            and len(acknowledged) > len(pairs) / 2):
                        self.node.kill()
            except OSError:
                pass  # The node is dead, as it should be.
        return acknowledged

    def check_equal(self, found):
        check(found.keys() == self.expected.keys(),
              f"{len(found):,} keys instead of {len(self.expected):,}")
        for key, value in self.expected.items():
            check(found[key] == value, f"the value of {key!r} is wrong")


def main():
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--index", required=True,
                       help="what apt-cache dumpavail printed")
    parse.add_argument("--programs", required=True,
                       help="folder of kvs-node and kvs-client")
    chosen = parse.parse_args()
    use_programs(chosen.programs)
    folder = tempfile.mkdtemp(prefix="kvs-demo-")
    demo = Demo(chosen.index, folder)
    try:
        demo.run()
    except (RuntimeError, subprocess.TimeoutExpired, OSError) as error:
        sys.exit(f"demo: FAILED: {error}")
    finally:
        demo.node.kill()
        shutil.rmtree(folder, ignore_errors=True)
    print("\nThat was kvs. README.md says how to use it yourself.")


if __name__ == "__main__":
    main()
