"""What becomes of expiries when somebody sets the clock of the machine.

Method: a library preloaded into the node adds to its wall clock what a file
says (faults/stepping_clock.cpp).
"""

import os
import pathlib
import tempfile
import time
import unittest

from support import wire
from support.node import Node

YEAR = 365 * 24 * 3600


class ClockTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="kvs-e2e-")
        self.addCleanup(folder.cleanup)
        self.step_file = pathlib.Path(folder.name, "step")
        self.directory = os.path.join(folder.name, "store")

    def node(self):
        return Node(directory=self.directory, environment={
            "LD_PRELOAD": os.environ["KVS_STEPPING_CLOCK"],
            "KVS_CLOCK": str(self.step_file)})

    def step(self, seconds):
        fresh = self.step_file.with_suffix(".new")
        fresh.write_text(str(seconds))
        fresh.rename(self.step_file)

    def put(self, connection, key, seconds):
        done = connection.ask(wire.put(key, b"v", expiry_ms=seconds * 1000))
        self.assertTrue(done.applied)

    def found(self, connection, key):
        return connection.ask(wire.get(key)).found

    def test_the_clock_that_steps_is_the_one_of_the_node(self):
        # Otherwise the other tests would prove nothing.
        self.step(20 * YEAR)
        with self.node() as node:
            year = int(node.read_log()[:4])
        self.assertGreater(year, time.gmtime().tm_year + 15)

    def test_steps_while_it_runs(self):
        with self.node() as node, node.connect() as connection:
            self.put(connection, b"short", 2)
            self.put(connection, b"long", 3600)
            begun = time.monotonic()
            for step in (10 * YEAR, -10 * YEAR, 3600, -3600, 1, 0):
                self.step(step)
                self.assertTrue(self.found(connection, b"long"), step)
                if time.monotonic() - begun < 1.5:
                    self.assertTrue(self.found(connection, b"short"), step)
            time.sleep(max(0, begun + 2.2 - time.monotonic()))
            for step in (-10 * YEAR, 0, 10 * YEAR):
                self.step(step)
                self.assertFalse(self.found(connection, b"short"), step)
                self.assertTrue(self.found(connection, b"long"), step)
            left = connection.ask(wire.get(b"long")).ttl_ms
            self.assertAlmostEqual(left, 3_597_000, delta=3000)

    def test_a_clock_set_back_across_a_restart(self):
        for end in ("stop", "kill"):
            with self.subTest(end=end):
                self.step(0)
                with self.node() as node:
                    with node.connect() as connection:
                        self.put(connection, b"short", 1)
                        self.put(connection, b"long", 3600)
                        time.sleep(1.2)
                        self.assertFalse(self.found(connection, b"short"))
                    self.step(-YEAR)
                    getattr(node, end)()
                    node.start()
                    with node.connect() as connection:
                        self.assertFalse(self.found(connection, b"short"))
                        self.assertTrue(self.found(connection, b"long"))

    def test_a_clock_set_forward_across_a_restart_is_believed(self):
        with self.node() as node:
            with node.connect() as connection:
                self.put(connection, b"long", 3600)
                self.put(connection, b"longer", 3 * 3600)
            self.step(2 * 3600)
            node.restart()
            with node.connect() as connection:
                self.assertFalse(self.found(connection, b"long"))
                self.assertTrue(self.found(connection, b"longer"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
