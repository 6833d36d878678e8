"""kvs-client import --bitcask, with directories that the real Bitcask has
written: the Erlang program of Riak, from Debian."""

import base64
import os
import shutil
import subprocess
import tempfile
import unittest

from support.import_case import ImportCase


def binary(content):
    """The bytes as a literal of Erlang."""
    return f'base64:decode("{base64.b64encode(content).decode()}")'


def put(key, value):
    return f"ok = bitcask:put(B, {binary(key)}, {binary(value)})"


def erase(key):
    return f"ok = bitcask:delete(B, {binary(key)})"


class ImportBitcaskTest(ImportCase):
    def setUp(self):
        super().setUp()
        self.directory = tempfile.mkdtemp(prefix="kvs-bitcask-")
        self.addCleanup(shutil.rmtree, self.directory)

    def bitcask(self, *expressions, file_bytes=200):
        """Opens the directory as `B`, runs the expressions and closes it."""
        script = ",\n".join((
            f'D = "{self.directory}"',
            f"B = bitcask:open(D, [read_write, {{max_file_size, "
            f"{file_bytes}}}])", *expressions, "ok = bitcask:close(B)",
            "halt(0)."))
        subprocess.run(["erl", "-noshell", "-eval", script], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       timeout=60)

    def data_files(self):
        names = [name for name in os.listdir(self.directory)
                 if name.endswith(".data")]
        return [os.path.join(self.directory, name)
                for name in sorted(names, key=lambda name:
                                   int(name.split(".")[0]))]

    def damage(self, path, offset, content):
        with open(path, "r+b") as file:
            file.seek(offset)
            file.write(content)

    def test_takes_what_lives(self):
        strings = {b"k%d" % number: os.urandom(20) for number in range(50)}
        strings.update({b"": b"no key", b"empty": b"", b"\xff\0": b"odd",
                        b"long": os.urandom(20_000)})
        self.bitcask(*(put(key, b"old") for key in strings),
                     put(b"gone", b"x"),
                     *(put(key, value) for key, value in strings.items()),
                     put(b"back", b"1"), erase(b"back"), put(b"back", b"2"),
                     erase(b"gone"))
        # The newest file has the highest number, not the last name.
        self.assertGreater(len(self.data_files()), 10)
        strings[b"back"] = b"2"
        code, report, said = self.run_import("--bitcask", self.directory)
        self.assertEqual((code, said), (0, ""))
        self.assert_report(report, imported=len(strings))
        self.assert_stored(strings)

    def test_after_merges(self):
        self.bitcask(*(put(b"k%d" % number, b"v" * 20)
                       for number in range(12)),
                     erase(b"k3"), put(b"k1", b"new"), "bitcask:sync(B)",
                     'F = lists:sort(filelib:wildcard(D ++ "/*.data"))',
                     "ok = bitcask:merge(D, [], lists:sublist(F, 3))",
                     put(b"k2", b"newer"), erase(b"k5"))
        expected = {b"k%d" % number: b"v" * 20 for number in range(12)}
        del expected[b"k3"], expected[b"k5"]
        expected.update({b"k1": b"new", b"k2": b"newer"})
        dead = [path for path in self.data_files()
                if os.stat(path).st_mode & 1]
        self.assertTrue(dead)
        code, report, said = self.run_import("--bitcask", self.directory)
        self.assertEqual(code, 0, said)
        self.assertIn(f"not read: {len(dead)} file", said)
        self.assert_report(report, imported=len(expected),
                           dead_files=len(dead))
        self.assert_stored(expected)

    def test_a_torn_tail(self):
        self.bitcask(put(b"a", b"1"), put(b"b", b"2"), file_bytes=1 << 20)
        path, = self.data_files()
        size = os.path.getsize(path)
        os.truncate(path, size - 1)
        code, report, said = self.run_import("--bitcask", self.directory)
        self.assertEqual(code, 1)
        self.assertIn(f"{path}: offset {size // 2}: the last "
                      f"{size // 2 - 1} bytes", said)
        self.assertEqual((report["imported"], report["damage_count"]), (1, 1))
        self.assertEqual(report["damages"][0]["offset"], size // 2)
        self.assert_stored({b"a": b"1"})

    def test_a_damaged_record(self):
        self.bitcask(put(b"a", b"1"), put(b"b", b"2"), put(b"c", b"3"),
                     file_bytes=1 << 20)
        path, = self.data_files()
        record_bytes = os.path.getsize(path) // 3
        self.damage(path, 2 * record_bytes - 1, b"x")
        code, report, said = self.run_import("--bitcask", self.directory)
        self.assertEqual(code, 1)
        self.assertIn(f"{path}: offset {record_bytes}: the checksum", said)
        self.assertEqual((report["imported"], report["damage_count"]), (2, 1))
        self.assert_stored({b"a": b"1", b"c": b"3"})

    def test_what_the_node_does_not_take_is_named(self):
        self.bitcask(put(b"k" * 1025, b"v"), put(b"small", b"v"),
                     "ok = bitcask:put(B, <<108>>, "
                     "binary:copy(<<118>>, 1048577))", file_bytes=1 << 30)
        code, report, said = self.run_import("--bitcask", self.directory)
        self.assertEqual(code, 1)
        self.assert_report(report, imported=1, failed=2)
        self.assertIn("key 'l': a value of 1048577 bytes", said)
        self.assert_stored({b"small": b"v"})

    def test_directories_that_are_none(self):
        code, _, said = self.run_import("--bitcask", self.directory)
        self.assertEqual(code, 1)
        self.assertIn("no data files of Bitcask", said)
        code, _, said = self.run_import("--bitcask", "/does/not/exist")
        self.assertEqual(code, 1)
        self.assertIn("cannot read '/does/not/exist'", said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
