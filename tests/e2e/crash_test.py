"""What a node acknowledged survives the death of its process.

Method: four pipelined connections write into a store with small segments, so
that it seals, compacts and deletes files all the time; SIGKILL at a random
moment; restart; every key must hold its last acknowledged state or a later one
that was sent. Ten times in each sync mode, always on the same directory.
The seed is printed; KVS_TEST_SEED repeats a run.
"""

import os
import random
import unittest

from support.ledger import (History, Writer, connect_all,
                            take_last_acknowledgements, write_for)
from support.node import Node

ROUNDS = 10
WRITERS = 4


class CrashTest(unittest.TestCase):
    def survive(self, sync_mode):
        seed = int(os.environ.get("KVS_TEST_SEED",
                                  random.SystemRandom().randrange(1 << 32)))
        print(f"KVS_TEST_SEED={seed}", flush=True)
        chance = random.Random(seed)
        writers = [Writer(b"w%d" % number, 200, chance.random())
                   for number in range(WRITERS)]
        with Node("--sync", sync_mode, "--segment-bytes", "256KiB") as node:
            for _ in range(ROUNDS):
                connect_all(writers, node)
                write_for(writers, chance.uniform(0.1, 0.6))
                node.kill()
                take_last_acknowledgements(writers)
                node.start()
                with node.connect() as connection:
                    for writer in writers:
                        writer.settle(connection)
            acknowledged = sum(writer.acknowledged for writer in writers)
            print(f"{sync_mode}: {acknowledged} acknowledged writes")
            self.assertGreater(acknowledged, ROUNDS * 100)
            # A clean stop keeps them too.
            self.assertEqual(node.stop(), 0)
            node.start()
            with node.connect() as connection:
                for writer in writers:
                    writer.settle(connection)

    def test_sync_always(self):
        self.survive("always")

    def test_sync_interval(self):
        self.survive("interval")

    def test_sync_none(self):
        self.survive("none")


class LedgerTest(unittest.TestCase):
    """The ledger notices what it is there for."""

    def setUp(self):
        self.history = History()
        for state in (b"1", b"2", None, b"3"):
            self.history.add(state)
        self.history.acknowledged = 2

    def test_acknowledged_and_later_states_are_possible(self):
        for found in (b"2", None, b"3"):
            self.setUp()
            self.history.settle(found, b"key")

    def test_lost_and_foreign_states_are_noticed(self):
        for found in (b"1", b"4", b""):
            with self.assertRaises(AssertionError):
                self.history.settle(found, b"key")


if __name__ == "__main__":
    unittest.main(verbosity=2)
