"""Directories that a node must not take for its own: it says why, and touches
nothing, not even its lock."""

import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from support import wire
from support.node import Node, node_command, run_node

CANNOT_CREATE, IO_ERROR = 73, 74
NOBODY = 65534


def is_root():
    return os.geteuid() == 0


class DirectoryTest(unittest.TestCase):
    def setUp(self):
        self.parent = tempfile.mkdtemp(prefix="kvs-e2e-")
        self.addCleanup(shutil.rmtree, self.parent)
        os.chmod(self.parent, 0o755)
        self.directory = self.path("store")

    def path(self, name):
        return os.path.join(self.parent, name)

    def make_store(self, directory, *, rounds=1):
        """A closed store; more rounds leave ids that are used no more."""
        for _ in range(rounds):
            with Node("--segment-bytes", "16KiB", directory=directory) as node:
                with node.connect() as connection:
                    for number in range(400):
                        connection.ask(wire.put(b"key%d" % number,
                                                b"v" * 100))
                    connection.ask(wire.frame(wire.COMPACT))
                self.assertEqual(node.stop(), 0)

    def segments(self, directory):
        return sorted(path.name for path in pathlib.Path(directory).iterdir()
                      if path.suffix in (".log", ".reloc"))

    def change(self, name, offset, byte):
        with open(os.path.join(self.directory, name), "r+b") as file:
            file.seek(offset)
            file.write(bytes([byte]))

    def fingerprint(self):
        """Everything below the parent: names, owners, times and bytes."""
        found = {}
        for folder, _, names in os.walk(self.parent):
            for name in [".", *names]:
                path = os.path.join(folder, name)
                status = os.lstat(path)
                content = None
                if os.path.islink(path):
                    content = os.readlink(path)
                elif os.path.isfile(path):
                    content = hashlib.sha256(
                        pathlib.Path(path).read_bytes()).digest()
                found[path] = (status.st_mode, status.st_uid, status.st_size,
                               status.st_mtime_ns, status.st_ctime_ns,
                               status.st_ino, content)
        return found

    def assert_refuses(self, code, *says, directory=None, **options):
        before = self.fingerprint()
        done = run_node(node_command(directory or self.directory, []),
                        **options)
        complaint = done.stderr.decode()
        self.assertEqual(done.returncode, code, complaint)
        self.assertNotIn(b"ready", done.stdout)
        for part in (*says, "nothing was touched"):
            self.assertIn(part, complaint)
        self.assertEqual(self.fingerprint(), before, complaint)

    # -- formats --------------------------------------------------------------

    def test_a_manifest_of_a_newer_format(self):
        self.make_store(self.directory)
        self.change("MANIFEST", 8, 2)
        self.assert_refuses(IO_ERROR, self.directory + "/MANIFEST",
                            "another version")

    def test_a_segment_of_a_newer_format(self):
        self.make_store(self.directory)
        name = self.segments(self.directory)[0]
        self.change(name, 8, 2)
        self.assert_refuses(IO_ERROR, name, "another version")

    def test_without_a_lock_file(self):
        # None is made for a directory that is refused.
        self.make_store(self.directory)
        os.unlink(os.path.join(self.directory, "LOCK"))
        self.change("MANIFEST", 8, 2)
        self.assert_refuses(IO_ERROR, "another version")

    # -- other stores ---------------------------------------------------------

    def test_a_segment_of_another_store(self):
        self.make_store(self.directory)
        other = self.path("other")
        self.make_store(other)
        for name in self.segments(self.directory):
            with self.subTest(name=name):
                own = self.path("own")
                shutil.copytree(self.directory, own)
                shutil.copy(os.path.join(other, name),
                            os.path.join(self.directory, name))
                self.assert_refuses(IO_ERROR, name, "another store")
                shutil.rmtree(self.directory)
                os.rename(own, self.directory)

    def test_a_segment_of_another_store_that_looks_like_a_remain(self):
        # Its id was given out long ago: a remain of this store would go.
        self.make_store(self.directory, rounds=2)
        other = self.path("other")
        self.make_store(other)
        own = self.segments(self.directory)
        strangers = [name for name in self.segments(other) if name not in own]
        self.assertTrue(strangers)
        shutil.copy(os.path.join(other, strangers[0]), self.directory)
        self.assert_refuses(IO_ERROR, strangers[0], "another store")

    def test_the_manifest_of_another_store(self):
        self.make_store(self.directory)
        other = self.path("other")
        self.make_store(other)
        shutil.copy(os.path.join(other, "MANIFEST"), self.directory)
        self.assert_refuses(IO_ERROR, "another store")

    def test_segments_without_a_manifest(self):
        self.make_store(self.directory)
        os.unlink(os.path.join(self.directory, "MANIFEST"))
        self.assert_refuses(IO_ERROR, "no MANIFEST")

    # -- links ----------------------------------------------------------------

    def test_a_symbolic_link_to_a_store(self):
        self.make_store(self.directory)
        link = self.path("link")
        os.symlink(self.directory, link)
        for directory in (link, link + "/", link + "//"):
            self.assert_refuses(CANNOT_CREATE, link, "symbolic link",
                                directory=directory)
        os.unlink(link)
        os.symlink(self.path("nowhere"), link)
        self.assert_refuses(CANNOT_CREATE, link, "symbolic link",
                            directory=link)

    def test_a_link_on_the_way_is_none_of_its_business(self):
        os.symlink(self.parent, self.path("way"))
        with Node(directory=self.path("way/store")) as node:
            self.assertEqual(node.stop(), 0)

    def test_files_that_are_links(self):
        self.make_store(self.directory)
        names = ["MANIFEST", "LOCK", "CHECKPOINT",
                 self.segments(self.directory)[0]]
        for name in names:
            with self.subTest(name=name):
                path = os.path.join(self.directory, name)
                elsewhere = self.path("elsewhere")
                os.rename(path, elsewhere)
                os.symlink(elsewhere, path)
                self.assert_refuses(CANNOT_CREATE, name, "symbolic link")
                os.unlink(path)
                os.rename(elsewhere, path)

    # -- owners and modes -----------------------------------------------------

    @unittest.skipUnless(is_root(), "only root can give a directory away")
    def test_a_directory_of_somebody_else(self):
        # Files that root makes there would lock its owner out.
        self.make_store(self.directory)
        os.chown(self.directory, NOBODY, NOBODY)
        self.assert_refuses(CANNOT_CREATE, self.directory,
                            "belongs to user %d" % NOBODY)

    @unittest.skipUnless(is_root(), "only root can give a file away")
    def test_a_file_of_somebody_else(self):
        self.make_store(self.directory)
        name = self.segments(self.directory)[0]
        os.chown(os.path.join(self.directory, name), NOBODY, NOBODY)
        self.assert_refuses(CANNOT_CREATE, name,
                            "belongs to user %d" % NOBODY)

    @unittest.skipUnless(is_root(), "only root can act for somebody else")
    def test_a_directory_of_root(self):
        self.make_store(self.directory)
        self.assert_refuses(CANNOT_CREATE, self.directory,
                            "belongs to user 0", user=NOBODY)

    @unittest.skipUnless(is_root(), "root may write to any directory")
    def test_a_directory_that_must_not_be_written(self):
        self.make_store(self.directory)
        for folder, _, names in os.walk(self.directory):
            for name in [".", *names]:
                os.chown(os.path.join(folder, name), NOBODY, NOBODY)
        os.chmod(self.directory, 0o500)
        self.assert_refuses(CANNOT_CREATE, self.directory, "read-only",
                            user=NOBODY)

    @unittest.skipUnless(is_root(), "only root can mount a file system")
    def test_a_file_system_that_is_read_only(self):
        os.mkdir(self.directory)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=700",
                        "tmpfs", self.directory], check=True)
        self.addCleanup(subprocess.run, ["umount", self.directory], check=True)
        self.make_store(self.directory)
        subprocess.run(["mount", "-o", "remount,ro", self.directory],
                       check=True)
        self.assert_refuses(CANNOT_CREATE, self.directory, "read-only")


if __name__ == "__main__":
    unittest.main(verbosity=2)
