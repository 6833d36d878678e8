"""kvs-node verify and kvs-node salvage, on stores of real nodes."""

import hashlib
import os
import pathlib
import re
import subprocess
import tempfile
import threading
import unittest

from support import wire
from support.node import Node, program, run_node

INCOMPLETE, USAGE, NO_INPUT, CANNOT_CREATE, IO_ERROR = 1, 64, 66, 73, 74
KEYS = 300


def value_of(number):
    return b"value of %d " % number + b"v" * 80


class OfflineTest(unittest.TestCase):
    def setUp(self):
        parent = tempfile.TemporaryDirectory(prefix="kvs-e2e-")
        self.addCleanup(parent.cleanup)
        self.directory = os.path.join(parent.name, "store")
        self.copy = os.path.join(parent.name, "copy")

    def node(self, directory=None):
        return Node("--segment-bytes", "16KiB",
                    directory=directory or self.directory)

    def make_store(self, *, clean=True):
        with self.node() as node:
            with node.connect() as connection:
                for number in range(KEYS):
                    connection.ask(wire.put(b"key%d" % number,
                                            value_of(number)))
            if clean:
                self.assertEqual(node.stop(), 0)

    def run_offline(self, *words):
        done = run_node([program("node"), *words], timeout=60)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def verify(self):
        before = self.fingerprint()
        found = self.run_offline("verify", self.directory)
        self.assertEqual(self.fingerprint(), before, "it wrote something")
        return found

    def salvage(self):
        return self.run_offline("salvage", self.directory, "--to", self.copy)

    def fingerprint(self):
        return {path.name: (path.stat().st_mtime_ns,
                            hashlib.sha256(path.read_bytes()).digest())
                for path in pathlib.Path(self.directory).iterdir()}

    def file_with(self, content):
        return next(path for path in
                    sorted(pathlib.Path(self.directory).glob("*.log"))
                    if content in path.read_bytes())

    def flip(self, path, offset):
        content = bytearray(path.read_bytes())
        content[offset] ^= 0x20
        path.write_bytes(content)

    def damage_value(self, number):
        path = self.file_with(value_of(number))
        self.flip(path, path.read_bytes().index(value_of(number)) + 3)
        return path

    def contents_of_copy(self):
        found = {}
        with self.node(self.copy) as node, node.connect() as connection:
            for number in range(KEYS):
                value = connection.ask(wire.get(b"key%d" % number))
                if value.found:
                    found[number] = value.value
            node.stop()
        return found

    # -- verify ---------------------------------------------------------------

    def test_verify_of_a_whole_store(self):
        self.make_store()
        code, said, complained = self.verify()
        self.assertEqual((code, complained), (0, ""), said)
        summary = said.splitlines()[-1]
        self.assertRegex(summary, r"\Averified segments=\d+ records=%d "
                                  r"bytes=\d+ damages=0\Z" % KEYS)

    def test_verify_names_file_offset_and_key(self):
        self.make_store()
        path = self.damage_value(100)
        code, said, _ = self.verify()
        self.assertEqual(code, IO_ERROR, said)
        self.assertRegex(said, r'(?m)^damaged \S+%s offset \d+ to \d+: .*'
                               r'key "key100"$' % re.escape(path.name))
        self.assertIn("damages=1", said)

    def test_verify_names_the_keys_around_a_damaged_head(self):
        self.make_store()
        path = self.file_with(b"key100value")
        self.flip(path, path.read_bytes().index(b"key100value"))
        code, said, _ = self.verify()
        self.assertEqual(code, IO_ERROR, said)
        self.assertIn('keys between "key99" and "key101"', said)

    def test_verify_of_what_a_start_refuses(self):
        # And the refusal names the same place.
        self.make_store(clean=False)
        path = self.file_with(b"key290value")
        self.flip(path, path.read_bytes().index(b"key290value"))
        code, said, _ = self.verify()
        self.assertEqual(code, IO_ERROR, said)
        place = re.search(r"damaged (\S+ offset \d+ to \d+)", said)[1]
        refused = run_node([program("node"), "--addr", "127.0.0.1:0",
                            "--dir", self.directory])
        self.assertEqual(refused.returncode, IO_ERROR)
        complaint = refused.stderr.decode()
        self.assertIn(place, complaint)
        self.assertIn("key289", complaint)
        self.assertIn("key291", complaint)

    def test_verify_beside_a_busy_node(self):
        with self.node() as node:
            stop = threading.Event()

            def write():
                with node.connect() as connection:
                    number = 0
                    while not stop.is_set():
                        connection.ask(wire.put(b"key%d" % (number % KEYS),
                                                value_of(number)))
                        number += 1
                        if number % 500 == 0:
                            connection.ask(wire.frame(wire.COMPACT))

            writer = threading.Thread(target=write)
            writer.start()
            try:
                for _ in range(40):
                    code, said, complained = self.run_offline(
                        "verify", self.directory)
                    self.assertEqual(code, 0, said + complained)
            finally:
                stop.set()
                writer.join()
            with node.connect() as connection:
                self.assertTrue(connection.ask(wire.put(b"a", b"1")).applied)

    def test_verify_of_nothing(self):
        os.mkdir(self.directory)
        for directory in (self.directory, "/proc/kvs"):
            code, said, complained = self.run_offline("verify", directory)
            self.assertEqual((code, said), (NO_INPUT, ""), complained)
            self.assertIn(directory, complained)
        self.assertEqual(os.listdir(self.directory), [])

    # -- salvage --------------------------------------------------------------

    def test_salvage_keeps_what_verifies(self):
        self.make_store()
        self.damage_value(7)
        path = self.file_with(b"key100value")
        self.flip(path, path.read_bytes().index(b"key100value"))
        before = self.fingerprint()
        code, said, complained = self.salvage()
        self.assertEqual(code, INCOMPLETE, said + complained)
        self.assertEqual(said.count("lost "), 2, said)
        self.assertIn('key "key7"', said)
        self.assertIn('keys between "key99" and "key101"', said)
        self.assertRegex(said, r"salvaged segments=\d+ records=298 lost=2\n\Z")
        after = self.fingerprint()
        after.pop("LOCK"), before.pop("LOCK")
        self.assertEqual(after, before, "the old store was changed")
        expected = {number: value_of(number) for number in range(KEYS)
                    if number not in (7, 100)}
        self.assertEqual(self.contents_of_copy(), expected)

    def test_salvage_of_a_whole_store(self):
        self.make_store()
        code, said, complained = self.salvage()
        self.assertEqual(code, 0, said + complained)
        self.assertEqual(len(self.contents_of_copy()), KEYS)
        self.assertEqual(os.stat(self.copy).st_mode & 0o777, 0o700)

    def test_salvage_without_a_manifest(self):
        self.make_store()
        os.unlink(os.path.join(self.directory, "MANIFEST"))
        code, said, complained = self.salvage()
        self.assertEqual(code, INCOMPLETE, said + complained)
        self.assertIn("MANIFEST", said)
        self.assertEqual(len(self.contents_of_copy()), KEYS)

    def test_salvage_refuses(self):
        self.make_store()
        os.mkdir(self.copy)
        pathlib.Path(self.copy, "notes.txt").write_text("mine")
        code, _, complained = self.salvage()
        self.assertEqual(code, CANNOT_CREATE, complained)
        self.assertEqual(os.listdir(self.copy), ["notes.txt"])
        os.unlink(os.path.join(self.copy, "notes.txt"))
        # No node opens a store through a link.
        link = self.copy + "-link"
        os.symlink(self.copy, link)
        code, _, complained = self.run_offline("salvage", self.directory,
                                               "--to", link)
        self.assertEqual(code, CANNOT_CREATE, complained)
        self.assertEqual(os.listdir(self.copy), [])
        with self.node() as node:
            code, _, complained = self.salvage()
            self.assertEqual(code, CANNOT_CREATE, complained)
            self.assertIn(str(node.pid), complained)
        os.rmdir(self.copy)
        empty = self.directory + "-empty"
        os.mkdir(empty)
        code, _, complained = self.run_offline("salvage", empty, "--to",
                                               self.copy)
        self.assertEqual(code, NO_INPUT, complained)

    def test_words_that_are_wrong(self):
        for words in (["verify"], ["salvage", self.directory],
                      ["salvage", "--to", self.copy], ["verify", "a", "b"],
                      ["verify", "a", "salvage", "b", "--to", "c"]):
            code, said, complained = self.run_offline(*words)
            self.assertEqual((code, said), (USAGE, ""), words)
            self.assertTrue(complained)

    def test_help_names_them(self):
        for words in (["--help"], ["verify", "--help"], ["salvage", "--help"]):
            done = subprocess.run([program("node"), *words], check=True,
                                  capture_output=True, text=True)
            self.assertEqual(done.stderr, "")
        self.assertIn("--to", done.stdout)
        everything = subprocess.run([program("node"), "--help"], check=True,
                                    capture_output=True, text=True).stdout
        self.assertIn("verify", everything)
        self.assertIn("salvage", everything)


if __name__ == "__main__":
    unittest.main(verbosity=2)
