"""What a kvs-node finds at start, after a clean stop and after a crash."""

import os
import pathlib
import re
import signal
import tempfile
import unittest

from support import wire
from support.node import Node

KEYS = 500


class RecoveryTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="kvs-e2e-")
        self.addCleanup(directory.cleanup)
        self.directory = os.path.join(directory.name, "store")
        self.checkpoint = pathlib.Path(self.directory, "CHECKPOINT")

    def node(self, *options, shards=2):
        return Node("--segment-bytes", "16KiB", "--shards", shards, *options,
                    directory=self.directory)

    def fill(self, node, mark):
        with node.connect() as connection:
            for number in range(KEYS):
                done = connection.ask(wire.put(b"key%d" % number, mark * 100))
                self.assertTrue(done.applied)

    def check(self, node, mark):
        with node.connect() as connection:
            self.assertEqual(connection.ask(wire.frame(wire.COUNT)), KEYS)
            for number in range(KEYS):
                found = connection.ask(wire.get(b"key%d" % number))
                self.assertEqual(found.value, mark * 100)

    def stop_with_checkpoint(self, mark=b"a"):
        with self.node() as node:
            self.fill(node, mark)
            self.assertEqual(node.stop(), 0)
        self.assertTrue(self.checkpoint.exists())

    def assert_start(self, mark, *, used, says=""):
        with self.node() as node:
            log = node.read_log()
            self.assertIn("from_checkpoint=%s" % str(used).lower(), log)
            self.assertIn(says, log)
            self.assertFalse(self.checkpoint.exists())
            self.check(node, mark)
            node.kill()

    def test_a_clean_stop_leaves_a_checkpoint_for_one_start(self):
        self.stop_with_checkpoint()
        self.assertEqual(self.checkpoint.stat().st_mode & 0o077, 0)
        self.assert_start(b"a", used=True)
        # That one was killed.
        self.assert_start(b"a", used=False)

    def test_a_checkpoint_spares_the_hints(self):
        self.stop_with_checkpoint()
        for hint in pathlib.Path(self.directory).glob("*.hint"):
            hint.unlink()
        self.assert_start(b"a", used=True)

    def test_a_damaged_checkpoint_costs_no_data(self):
        self.stop_with_checkpoint()
        content = bytearray(self.checkpoint.read_bytes())
        content[len(content) // 2] ^= 0x10
        self.checkpoint.write_bytes(content)
        self.assert_start(b"a", used=False, says="store.checkpoint-ignored")

    def test_a_truncated_checkpoint_costs_no_data(self):
        self.stop_with_checkpoint()
        os.truncate(self.checkpoint, self.checkpoint.stat().st_size - 100)
        self.assert_start(b"a", used=False, says="store.checkpoint-ignored")

    def test_a_stale_checkpoint_costs_no_data(self):
        # Method: between its stop and its return the store is overwritten,
        # compacted and killed.
        self.stop_with_checkpoint()
        stale = self.checkpoint.read_bytes()
        with self.node() as node:
            self.fill(node, b"b")
            with node.connect() as connection:
                connection.ask(wire.frame(wire.COMPACT))
            node.kill()
        self.checkpoint.write_bytes(stale)
        self.assert_start(b"b", used=False, says="store.checkpoint-ignored")

    def test_a_checkpoint_for_other_shards_costs_no_data(self):
        self.stop_with_checkpoint()
        with self.node(shards=3) as node:
            self.assertIn("another number of shards", node.read_log())
            self.check(node, b"a")

    def test_a_crash_logs_its_tail_once_more(self):
        with self.node("--sync", "none") as node:
            self.fill(node, b"a")
            node.process.send_signal(signal.SIGKILL)
            node.wait(10)
        self.assert_start(b"a", used=False)
        names = os.listdir(self.directory)
        self.assertFalse([name for name in names if name.endswith(".tmp")])

    def test_progress_names_what_was_found(self):
        self.stop_with_checkpoint()
        self.checkpoint.unlink()
        with self.node() as node:
            opened = re.search(r"store\.opened .*", node.read_log())[0]
            self.assertIn(f"keys={KEYS}", opened)
            segments = re.search(r" segments=(\d+)", opened)[1]
            self.assertGreater(int(segments), 3)
            self.assertIn(f"segments_from_hints={segments}", opened)


if __name__ == "__main__":
    unittest.main(verbosity=2)
