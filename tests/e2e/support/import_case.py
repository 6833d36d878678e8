"""What the tests of imports share."""

import json
import unittest

from . import wire
from .node import Node


class ImportCase(unittest.TestCase):
    """One node for all tests of a class, emptied before each, that takes keys
    up to 1 KiB and values up to 1 MiB."""

    @classmethod
    def setUpClass(cls):
        cls.node = Node("--sync", "none", "--key-bytes-max", "1KiB",
                        "--value-bytes-max", "1MiB")
        cls.addClassCleanup(cls.node.__exit__)
        cls.node.start()

    def setUp(self):
        self.node.client("flush", "--yes")

    def run_import(self, *words, **options):
        """The exit code, the report and what was said on stderr."""
        done = self.node.client("--json", "import", *words, **options)
        report = json.loads(done.stdout) if done.stdout else {}
        return done.returncode, report, done.stderr.decode()

    def assert_report(self, report, **expected):
        """Every figure that is not named is zero or empty."""
        everything = {"imported": 0, "failed": 0, "expired": 0, "vanished": 0,
                      "dead_files": 0, "other_types": {}, "other_databases": {},
                      "damage_count": 0, "damages": [], **expected}
        self.assertEqual(report, everything)

    def assert_stored(self, values):
        """Exactly these, and none of them expires."""
        with self.node.connect() as connection:
            self.assertEqual(connection.ask(wire.frame(wire.COUNT)),
                             len(values))
            for key, value in values.items():
                found = connection.ask(wire.get(key))
                self.assertEqual((found.value, found.ttl_ms), (value, -1), key)

    def take_mortal(self, key):
        """Erases a key that is about to expire; its time in ms."""
        with self.node.connect() as connection:
            ttl_ms = connection.ask(wire.get(key)).ttl_ms
            connection.ask(wire.erase(key))
        return ttl_ms
