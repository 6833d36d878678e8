"""kvs-client import --rdb, with snapshots that a real Redis has written."""

import os
import pty
import unittest

from support.import_case import ImportCase
from support.node import Node
from support.redis_server import (OTHER_TYPES, RedisServer,
                                  fill_with_every_type)


class ImportRdbTest(ImportCase):
    def setUp(self):
        super().setUp()
        self.redis = RedisServer("--enable-debug-command", "yes")
        self.redis.__enter__()
        self.addCleanup(self.redis.__exit__)

    def test_takes_the_strings_and_counts_the_rest(self):
        strings = fill_with_every_type(self.redis)
        code, report, said = self.run_import("--rdb", self.redis.snapshot())
        self.assertEqual(code, 0, said)
        self.assert_report(report, imported=len(strings) + 1,
                           other_types=OTHER_TYPES, other_databases={"3": 2})
        self.assertIn("2 keys of type hash", said)
        self.assertIn("2 keys of database 3; see --db", said)
        self.assertTrue(900_000 < self.take_mortal(b"mortal") <= 1_000_000)
        self.assert_stored(strings)

    def test_another_database(self):
        fill_with_every_type(self.redis)
        code, report, said = self.run_import(
            "--rdb", self.redis.snapshot(), "--db", "3")
        self.assertEqual(code, 0, said)
        self.assert_report(report, imported=1, other_types={"list": 1},
                           other_databases={"0": 17})
        self.assert_stored({b"third": b"3"})

    def test_a_snapshot_of_nothing_but_strings_leaves_nothing_to_say(self):
        self.redis.ask("SET", "a", "1")
        path = self.redis.snapshot()
        done = self.node.client("import", "--rdb", path)
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (0, b"", b""))
        with open(path, "rb") as file:
            code, report, _ = self.run_import("--rdb", "-",
                                              input=file.read())
        self.assertEqual(code, 0)
        self.assert_report(report, imported=1)

    def test_keys_whose_time_is_over_are_counted(self):
        self.redis.ask("DEBUG", "SET-ACTIVE-EXPIRE", 0)
        self.redis.ask("SET", "dead", "1", "PX", 1)
        self.redis.ask("SET", "alive", "1")
        code, report, _ = self.run_import("--rdb", self.redis.snapshot())
        self.assertEqual(code, 0)
        self.assert_report(report, imported=1, expired=1)
        self.assert_stored({b"alive": b"1"})

    def test_what_the_node_does_not_take_is_named(self):
        self.redis.ask("SET", "large", "v" * ((1 << 20) + 1))
        self.redis.ask("SET", "k" * 1025, "v")
        self.redis.ask("SET", "k" * 1024, "v" * (1 << 20))
        code, report, said = self.run_import("--rdb", self.redis.snapshot())
        self.assertEqual(code, 1)
        self.assert_report(report, imported=1, failed=2)
        self.assertIn("key 'large': a value of 1048577 bytes", said)
        self.assertIn("(1,025 bytes): a key of 1025 bytes", said)

    def test_damage_is_named_with_its_offset(self):
        for number in range(100):
            self.redis.ask("SET", f"key:{number}", "v" * 50)
        path = self.redis.snapshot()
        with open(path, "rb") as file:
            content = file.read()
        for damaged, reason in (
                (content[:-1000], "unexpected end"),
                (content[:200] + b"\xff\xff" + content[202:], ""),
                (content[:-1] + bytes([content[-1] ^ 1]), "checksum"),
                (b"no snapshot at all", "no snapshot of Redis"),
                (b"REDIS0011" + content[9:], "version 0011"),
                (b"", "unexpected end")):
            with self.subTest(reason=reason):
                with open(path, "wb") as file:
                    file.write(damaged)
                code, report, said = self.run_import("--rdb", path)
                self.assertEqual((code, report["damage_count"]), (1, 1))
                damage, = report["damages"]
                self.assertEqual(damage["file"], path)
                self.assertLessEqual(damage["offset"], len(damaged))
                self.assertIn(reason, damage["reason"])
                self.assertIn(f"{path}: offset {damage['offset']}: ", said)

    def test_a_file_that_is_not_there(self):
        for path in ("/does/not/exist", self.redis.directory):
            code, _, said = self.run_import("--rdb", path)
            self.assertEqual(code, 1)
            self.assertIn(f"cannot open '{path}'", said)

    def test_a_node_that_is_not_there(self):
        path = self.redis.snapshot()
        with Node("--sync", "none") as gone:
            gone.kill()
            self.assertEqual(gone.client("import", "--rdb", path).returncode,
                             69)

    def test_a_terminal_sees_the_rate(self):
        for number in range(100):
            self.redis.ask("SET", f"key:{number}", "v")
        seen, terminal = pty.openpty()
        self.addCleanup(os.close, seen)
        done = self.node.client("import", "--rdb", self.redis.snapshot(),
                                stdout=None, stderr=terminal)
        os.close(terminal)
        self.assertEqual(done.returncode, 0)
        self.assertRegex(os.read(seen, 4096).decode(),
                         r"100 keys imported, [\d,]+/s")


class ImportTest(ImportCase):
    def test_exactly_one_source(self):
        for words in ([], ["a", "--rdb", "b"], ["a", "--db", "1"],
                      ["--rdb", "a", "--db", "-1"]):
            self.assertEqual(self.run_import(*words)[0], 64, words)

    def test_a_line_above_the_limits_costs_no_other(self):
        lines = b"".join(b'{"key": "%s", "value": "%s"}\n' % line for line in (
            (b"a", b"1"), (b"b", b"v" * (3 << 20)), (b"c", b"3")))
        code, report, said = self.run_import("-", input=lines)
        self.assertEqual((code, report["imported"], report["failed"]),
                         (1, 2, 1))
        self.assertIn("line 2: a value of 3145728 bytes", said)
        self.assert_stored({b"a": b"1", b"c": b"3"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
