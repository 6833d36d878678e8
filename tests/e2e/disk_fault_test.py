"""What a node promises when its disk refuses to work.

Method: a library preloaded into the node refuses or delays system calls while
a file asks for it (faults/faulty_disk.cpp).
"""

import os
import pathlib
import signal
import tempfile
import time
import unittest

from support import wire
from support.node import Node


class DiskFaultTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="kvs-e2e-")
        self.addCleanup(folder.cleanup)
        self.faults = pathlib.Path(folder.name, "faults")
        self.directory = os.path.join(folder.name, "store")

    def node(self, *options):
        return Node(*options, directory=self.directory, environment={
            "LD_PRELOAD": os.environ["KVS_FAULTY_DISK"],
            "KVS_FAULTS": str(self.faults)})

    def cause(self, fault):
        # Replaced as a whole, so that no call sees half a word.
        fresh = self.faults.with_suffix(".new")
        fresh.write_text(fault)
        fresh.rename(self.faults)

    def assert_error(self, answer, *allowed):
        self.assertIsInstance(answer, wire.Error)
        self.assertIn(answer.status, allowed, answer.message)

    def test_a_failed_sync_is_final(self):
        with self.node() as node, node.connect() as connection:
            self.assertTrue(connection.ask(wire.put(b"a", b"1")).applied)
            self.cause("fail-sync")
            self.assert_error(connection.ask(wire.put(b"a", b"2")),
                              wire.OUTCOME_UNKNOWN)
            self.cause("")
            # The disk works again, but what it holds is unknown.
            for request in (wire.put(b"b", b"1"), wire.increment(b"n", 1),
                            wire.erase(b"a"),
                            wire.batch([wire.put_operation(b"b", b"1")])):
                self.assert_error(connection.ask(request), wire.READ_ONLY)
            self.assertEqual(connection.ask(wire.get(b"a")).value, b"1")
            self.assertIn("store.read-only", node.read_log())
            self.assertEqual(node.stop(), 74)
        with Node(directory=self.directory) as node, \
                node.connect() as connection:
            self.assertIn(connection.ask(wire.get(b"a")).value, (b"1", b"2"))
            self.assertTrue(connection.ask(wire.put(b"b", b"1")).applied)

    def test_a_failed_sync_is_told_to_all_who_wait(self):
        with self.node() as node:
            connections = [node.connect() for _ in range(8)]
            self.cause("fail-sync")
            for number, connection in enumerate(connections):
                connection.send(wire.put(b"key%d" % number, b"1"))
            unknown = 0
            for connection in connections:
                with connection:
                    answer = connection.receive()[0].message
                    # Who comes too late has written nothing.
                    self.assert_error(answer, wire.OUTCOME_UNKNOWN,
                                      wire.READ_ONLY)
                    unknown += answer.status == wire.OUTCOME_UNKNOWN
            self.assertGreaterEqual(unknown, 1)
            self.cause("")
            self.assertEqual(node.stop(), 74)

    def test_a_full_disk_is_not_final(self):
        with self.node() as node, node.connect() as connection:
            self.assertTrue(connection.ask(wire.put(b"a", b"1")).applied)
            self.cause("full")
            for request in (wire.put(b"a", b"2"), wire.increment(b"n", 1),
                            wire.put(b"large", bytes(1 << 20))):
                self.assert_error(connection.ask(request), wire.NO_SPACE)
            self.assertEqual(connection.ask(wire.get(b"a")).value, b"1")
            self.cause("")
            self.assertTrue(connection.ask(wire.put(b"a", b"3")).applied)
            self.assertEqual(connection.ask(wire.increment(b"n", 1)).value, 1)
            self.assertEqual(node.stop(), 0)
        with Node(directory=self.directory) as node, \
                node.connect() as connection:
            self.assertEqual(connection.ask(wire.get(b"a")).value, b"3")
            self.assertFalse(connection.ask(wire.get(b"large")).found)

    def test_reads_do_not_wait_for_a_sync(self):
        with self.node() as node, node.connect() as writer, \
                node.connect() as reader:
            self.assertTrue(writer.ask(wire.put(b"a", b"1")).applied)
            self.cause("slow-sync")
            writer.send(wire.put(b"a", b"2"))
            begun = time.monotonic()
            for _ in range(20):
                # Nobody reads what a power cut could still take away.
                self.assertEqual(reader.ask(wire.get(b"a")).value, b"1")
            self.assertLess(time.monotonic() - begun, 5)
            self.cause("")
            self.assertTrue(writer.receive()[0].message.applied)
            self.assertEqual(reader.ask(wire.get(b"a")).value, b"2")

    def test_a_second_signal_does_not_wait(self):
        with self.node() as node:
            with node.connect() as connection:
                self.assertTrue(connection.ask(wire.put(b"a", b"1")).applied)
                self.cause("slow-sync")
                node.process.send_signal(signal.SIGTERM)
                time.sleep(0.5)
                self.assertIsNone(node.process.poll(), "it did not wait")
                begun = time.monotonic()
                node.process.send_signal(signal.SIGTERM)
                self.assertNotEqual(node.process.wait(5), 0)
                self.assertLess(time.monotonic() - begun, 1)
        self.cause("")
        with self.node() as node, node.connect() as connection:
            self.assertEqual(connection.ask(wire.get(b"a")).value, b"1")


if __name__ == "__main__":
    unittest.main(verbosity=2)
