"""What a node promises on a disk that fills up.

Method: a small file system in memory (tmpfs), which only root can mount.
"""

import os
import pathlib
import subprocess
import tempfile
import time
import unittest

from support import wire
from support.node import Node

MEBIBYTE = 1 << 20
VALUE = b"v" * 4000


@unittest.skipUnless(os.geteuid() == 0, "only root can mount a file system")
class FullDiskTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="kvs-e2e-")
        self.addCleanup(os.rmdir, self.folder)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs",
                        self.folder], check=True)
        self.addCleanup(subprocess.run, ["umount", self.folder], check=True)
        self.directory = os.path.join(self.folder, "store")

    def node(self):
        return Node("--segment-bytes", "1MiB", "--sync", "interval",
                    directory=self.directory)

    def free_bytes(self):
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    def is_full(self, answer):
        if not isinstance(answer, wire.Error):
            return False
        self.assertEqual(answer.status, wire.NO_SPACE, answer.message)
        return True

    def fill(self, connection):
        """Puts keys until they are refused; how many were taken."""
        for number in range(100_000):
            answer = connection.ask(wire.put(b"key%d" % number, VALUE))
            if self.is_full(answer):
                return number
        self.fail("it never fills up")

    def wait_until_taken(self, connection):
        deadline = time.monotonic() + 20
        while self.is_full(connection.ask(wire.put(b"after", VALUE))):
            self.assertLess(time.monotonic(), deadline, "still refused")
            time.sleep(0.05)

    def assert_reserve_sufficed(self, node):
        """No rewrite ran out of the space that is kept for it."""
        self.assertNotIn("compactor.output-failed", node.read_log())

    def test_erases_make_space_again(self):
        with self.node() as node, node.connect() as connection:
            count = self.fill(connection)
            # 24 MiB without the reserve and what its segments waste.
            self.assertGreater(count, 17 * MEBIBYTE // 4100)
            self.assertGreater(self.free_bytes(), 2 * MEBIBYTE)
            for refused in (wire.increment(b"n", 1), wire.append(b"key1", b"x"),
                            wire.batch([wire.put_operation(b"b", b"1")])):
                self.assertTrue(self.is_full(connection.ask(refused)))
            self.assertEqual(connection.ask(wire.get(b"key0")).value, VALUE)
            for number in range(0, count, 3):
                answer = connection.ask(wire.erase(b"key%d" % number))
                self.assertTrue(answer.applied)
            self.wait_until_taken(connection)
            for number in range(0, count, 97):
                answer = connection.ask(wire.get(b"key%d" % number))
                self.assertEqual(answer.found, number % 3 != 0, number)
            self.assert_reserve_sufficed(node)
            self.assertEqual(node.stop(), 0)

    def test_overwrites_go_on_for_ever(self):
        # Twice as much lives as the disk would hold with the space factor.
        with self.node() as node, node.connect() as connection:
            for number in range(20_000):
                answer = connection.ask(
                    wire.put(b"key%d" % (number * 7919 % 3900), VALUE))
                self.assertTrue(getattr(answer, "applied", False), number)
            self.assert_reserve_sufficed(node)
            self.assertEqual(node.stop(), 0)

    def test_a_killed_node_starts_on_a_full_disk(self):
        with self.node() as node:
            with node.connect() as connection:
                count = self.fill(connection)
            node.restart()
            with node.connect() as connection:
                for number in range(count):
                    answer = connection.ask(wire.get(b"key%d" % number))
                    self.assertEqual(answer.value, VALUE, number)
                for number in range(0, count, 3):
                    answer = connection.ask(wire.erase(b"key%d" % number))
                    self.assertTrue(answer.applied)
                self.wait_until_taken(connection)
            self.assert_reserve_sufficed(node)
            self.assertEqual(node.stop(), 0)

    def test_others_who_fill_the_disk(self):
        ballast = pathlib.Path(self.folder, "ballast")
        with self.node() as node, node.connect() as connection:
            self.assertTrue(connection.ask(wire.put(b"a", b"1")).applied)
            with ballast.open("wb") as file:
                try:
                    while True:
                        file.write(bytes(65536))
                        file.flush()
                except OSError:
                    pass
            self.fill(connection)
            self.assertEqual(connection.ask(wire.get(b"a")).value, b"1")
            self.assertTrue(connection.ask(wire.erase(b"a")).applied)
            ballast.unlink()
            self.wait_until_taken(connection)
            self.assertFalse(connection.ask(wire.get(b"a")).found)
            self.assertEqual(node.stop(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
