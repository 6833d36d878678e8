"""What a backup, and a restore, will not do."""

import fcntl
import os
import pathlib
import unittest

from support.backup_case import (BackupCase, CANNOT_CREATE, FAILED, NO_INPUT,
                                 USAGE)
from support.node import Node, node_command, run_node


class BackupRefusalTest(BackupCase):
    def test_without_a_root_there_are_no_backups(self):
        with Node(directory=self.directory) as node:
            _, said = self.back_up(node, "b", code=FAILED)
            self.assertIn("--backup-root", said)
        self.assertEqual(os.listdir(self.root), [])

    def test_names_that_lead_elsewhere(self):
        pathlib.Path(self.parent, "victim").mkdir()
        os.symlink(self.path("victim"), self.path("backups", "link"))
        with self.node() as node:
            self.fill(node, 0, 10)
            for name in ("../victim", "/tmp/victim", "a/b", ".hidden", "..",
                         ".", "", "a\nb", "x" * 300, "link", "b.incomplete",
                         self.path("victim"), self.root,
                         self.root + "/../victim"):
                with self.subTest(name=name):
                    _, said = self.back_up(node, name, code=FAILED)
                    self.assertTrue(said)
                    self.back_up(node, "b", "--incremental-from",
                                 name or "..", code=FAILED)
            self.assertEqual(os.listdir(self.path("victim")), [])
            self.assertEqual(os.listdir(self.root), ["link"])
            # The path of one below the root is another way to say its name.
            self.back_up(node, self.path("backups", "whole"))
            self.verify("whole")

    def test_nothing_is_overwritten(self):
        os.mkdir(self.path("backups", "empty"))
        for name, file in (("notes", "notes.txt"), ("copies", "000001.log")):
            os.mkdir(self.path("backups", name))
            pathlib.Path(self.root, name, file).write_text("mine")
        with self.node() as node:
            self.fill(node, 0, 10)
            self.back_up(node, "b")
            for name in ("b", "notes", "copies", "empty"):
                _, said = self.back_up(node, name, code=FAILED)
                self.assertIn("nothing was touched", said)
        self.assertEqual(sorted(os.listdir(self.root)),
                         ["b", "copies", "empty", "notes"])
        self.assertEqual(os.listdir(self.path("backups", "copies")),
                         ["000001.log"])
        self.assertEqual(os.listdir(self.path("backups", "empty")), [])
        self.verify("b")

    def test_a_backup_that_is_being_made_has_an_owner(self):
        # This test is another node that has been asked for the same name.
        os.mkdir(self.path("backups", "b.incomplete"))
        segment = pathlib.Path(self.root, "b.incomplete", "000001.log")
        segment.write_text("theirs")
        lock = open(self.path("backups", "b.incomplete", "LOCK"), "w+",
                    encoding="ascii")
        self.addCleanup(lock.close)
        fcntl.flock(lock, fcntl.LOCK_EX)
        print(os.getpid(), file=lock, flush=True)
        with self.node() as node:
            self.fill(node, 0, 10)
            _, said = self.back_up(node, "b", code=FAILED)
            self.assertIn("a backup of this name is being made", said)
            self.assertIn(f"process {os.getpid()}", said)
            self.assertEqual(segment.read_text(), "theirs")
            lock.close()
            self.back_up(node, "b")
        self.assertEqual(os.listdir(self.root), ["b"])
        self.assertNotIn("LOCK", os.listdir(self.path("backups", "b")))
        self.verify("b")

    def test_store_and_backups_are_apart(self):
        os.mkdir(self.directory)
        os.symlink(self.directory, self.path("link"))
        for directory, root in (("store", "store"), ("store", "store/"),
                                ("store", "store/backups"), ("store", "."),
                                ("store", "link"), ("store", "link/../store"),
                                ("backups/a", "backups"), ("new", "new"),
                                ("new", "new/backups")):
            with self.subTest(directory=directory, root=root):
                done = run_node(node_command(
                    self.path(directory),
                    ("--backup-root", self.path(root))))
                self.assertEqual(done.returncode, USAGE, done.stderr)
                self.assertIn(b"--backup-root", done.stderr)
        self.assertEqual(os.listdir(self.directory), [])
        self.assertFalse(os.path.exists(self.path("new")))

    def test_no_node_opens_a_backup(self):
        with self.node() as node:
            self.fill(node, 0, 10)
            self.back_up(node, "b")
        with self.assertRaisesRegex(RuntimeError, "restore"):
            with Node(directory=self.path("backups", "b")):
                pass
        self.verify("b")

    def test_restore_refuses(self):
        with self.node() as node:
            self.fill(node, 0, 10)
            self.back_up(node, "b")
            said = self.restore("b", "store", code=CANNOT_CREATE)
            self.assertIn("not empty", said)
            self.restore("none", code=NO_INPUT)
            os.mkdir(self.path("backups", "empty"))
            self.restore("empty", code=NO_INPUT)
            self.assertFalse(os.path.exists(self.path("restored")))
            self.assertEqual(self.count(node), 10)
        self.run_offline("restore", self.path("backups", "b"), code=USAGE)

    def test_restore_makes_only_what_a_node_opens(self):
        with self.node() as node:
            self.fill(node, 0, 10)
            self.back_up(node, "b")
        os.mkdir(self.path("target"))
        os.symlink(self.path("target"), self.path("link"))
        said = self.restore("b", "link", code=CANNOT_CREATE)
        self.assertIn("symbolic link", said)
        if os.geteuid() == 0:
            os.chown(self.path("target"), 65534, 65534)
            said = self.restore("b", "target", code=CANNOT_CREATE)
            self.assertIn("belongs to user 65534", said)
        self.assertEqual(os.listdir(self.path("target")), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
