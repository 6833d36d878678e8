"""A node that makes backups, and what tests of them ask for."""

import os
import pathlib
import tempfile
import unittest

from . import wire
from .node import Node, program, run_node

FAILED, USAGE, NO_INPUT, CANNOT_CREATE, IO_ERROR = 1, 64, 66, 73, 74


class BackupCase(unittest.TestCase):
    def setUp(self):
        parent = tempfile.TemporaryDirectory(prefix="kvs-e2e-")
        self.addCleanup(parent.cleanup)
        self.parent = parent.name
        self.directory = self.path("store")
        self.root = self.path("backups")
        os.mkdir(self.root)

    def path(self, *names):
        return os.path.join(self.parent, *names)

    def node(self, directory=None, *options):
        return Node("--segment-bytes", "16KiB", "--backup-root", self.root,
                    *options, directory=directory or self.directory)

    def back_up(self, node, *words, code=0):
        done = node.client("backup", *words)
        self.assertEqual(done.returncode, code, done.stderr.decode())
        return done.stdout.decode(), done.stderr.decode()

    def run_offline(self, *words, code=0):
        done = run_node([program("node"), *words], timeout=60)
        said = done.stdout.decode() + done.stderr.decode()
        self.assertEqual(done.returncode, code, said)
        return said

    def verify(self, name, code=0):
        return self.run_offline("verify", self.path("backups", name),
                                code=code)

    def restore(self, name, to="restored", code=0):
        return self.run_offline("restore", self.path("backups", name), "--to",
                                self.path(to), code=code)

    def files(self, name):
        return {path.name: path for path in
                pathlib.Path(self.root, name).iterdir()
                if path.suffix in (".log", ".reloc")}

    def fill(self, node, first, count):
        with node.connect() as connection:
            for number in range(first, first + count):
                connection.ask(wire.put(b"key%d" % number, b"v" * 200))

    def count(self, node):
        with node.connect() as connection:
            return connection.ask(wire.frame(wire.COUNT))
