"""Backups of a node under load, and stores that are restored from them."""

import os
import pathlib
import shutil
import subprocess
import threading
import time
import unittest

from support import wire
from support.backup_case import BackupCase, FAILED, IO_ERROR, NO_INPUT
from support.node import client, program, run_node

KEYS = 50


class Load(threading.Thread):
    """Overwrites keys one after the other; the n-th write of all is told by
    its value, so every state of the store is known."""

    def __init__(self, node):
        super().__init__()
        self.node = node
        self.stopping = threading.Event()
        self.acknowledged = 0

    def run(self):
        with self.node.connect() as connection:
            while not self.stopping.is_set():
                number = self.acknowledged
                connection.ask(wire.put(b"load%d" % (number % KEYS),
                                        b"%d " % number + b"v" * 200))
                self.acknowledged += 1
                if number % 400 == 399:
                    connection.ask(wire.frame(wire.COMPACT))

    def __enter__(self):
        self.start()
        while self.acknowledged < 3 * KEYS:
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.join()


def writes_in(node):
    """How many writes of a Load a node holds; they must be a prefix."""
    with node.connect() as connection:
        numbers = [int(connection.ask(wire.get(b"load%d" % key))
                       .value.split()[0]) for key in range(KEYS)]
    last = max(numbers)
    expected = {key: key + (last - key) // KEYS * KEYS for key in range(KEYS)}
    if numbers != [expected[key] for key in range(KEYS)]:
        raise AssertionError(f"no prefix of the writes: {numbers}")
    return last + 1


class BackupTest(BackupCase):
    # -- what it holds --------------------------------------------------------

    def test_a_backup_under_load_is_a_moment_of_the_store(self):
        for mode in ("always", "interval", "none"):
            with self.subTest(sync=mode):
                store = self.path("store-" + mode)
                with self.node(store, "--sync", mode) as node, \
                        Load(node) as load:
                    for number in range(4):
                        name = f"{mode}{number}"
                        before = load.acknowledged
                        words = [name]
                        if number:
                            words += ["--incremental-from",
                                      f"{mode}{number - 1}"]
                        if number == 2:
                            words.append("--copy")
                        self.back_up(node, *words)
                        self.assertIn("damages=0", self.verify(name))
                        self.restore(name, name)
                        after = load.acknowledged + 1
                        with self.node(self.path(name)) as restored:
                            held = writes_in(restored)
                            self.assertEqual(self.count(restored), KEYS)
                        self.assertGreaterEqual(held, before)
                        self.assertLessEqual(held, after)

    def test_a_restored_store_goes_on(self):
        with self.node() as node:
            with node.connect() as connection:
                old = connection.ask(wire.put(b"a", b"1")).version
                self.back_up(node, "b")
                # Lost by the restore; its number must not come again.
                lost = connection.ask(wire.put(b"a", b"2")).version
            node.kill()
        self.restore("b")
        with self.node(self.path("restored")) as node, \
                node.connect() as connection:
            found = connection.ask(wire.get(b"a"))
            self.assertEqual((found.value, found.version), (b"1", old))
            version = connection.ask(wire.put(b"a", b"3")).version
            self.assertGreater(version, lost)
            self.assertGreater(version >> 40, (lost >> 40) + 1000)
            self.back_up(node, "c", "--incremental-from", "b")
            self.assertEqual(node.stop(), 0)
        self.verify("c")

    def test_an_incremental_backup_shares_files(self):
        with self.node() as node:
            self.fill(node, 0, 500)
            self.back_up(node, "full", "--copy")
            self.fill(node, 500, 100)
            said = node.client("--json", "backup", "more", "--copy",
                               "--incremental-from", "full").stdout
            full, more = self.files("full"), self.files("more")
            shared = full.keys() & more.keys()
            self.assertGreater(len(shared), 4)
            for name in shared:
                self.assertEqual(full[name].stat().st_ino,
                                 more[name].stat().st_ino, name)
                store = pathlib.Path(self.directory, name)
                self.assertNotEqual(full[name].stat().st_ino,
                                    store.stat().st_ino, "it was copied")
            self.assertIn(b'"kept": %d' % len(shared),
                          said.replace(b'":', b'": ').replace(b":  ", b": "))
            self.assertGreater(len(more), len(shared))
        shutil.rmtree(self.path("backups", "full"))
        self.verify("more")
        self.restore("more")
        with self.node(self.path("restored")) as node:
            self.assertEqual(self.count(node), 600)

    def test_hard_links_take_no_space(self):
        with self.node() as node:
            self.fill(node, 0, 500)
            self.back_up(node, "b")
            names = self.files("b")
            self.assertTrue(names)
            for name, path in names.items():
                store = pathlib.Path(self.directory, name)
                self.assertEqual(path.stat().st_ino, store.stat().st_ino)
            # What compaction does to the store later does nothing to it.
            for _ in range(3):
                self.fill(node, 0, 500)
                node.client("compact")
            self.verify("b")

    def test_whose_it_is(self):
        with self.node() as node:
            self.fill(node, 0, 10)
            self.back_up(node, "b", "--copy")
        self.assertEqual(os.stat(self.path("backups", "b")).st_mode & 0o777,
                         0o700)
        for path in pathlib.Path(self.root, "b").iterdir():
            self.assertEqual(path.stat().st_mode & 0o777, 0o600, path)

    # -- damage ---------------------------------------------------------------

    def test_damage_in_a_backup_is_found(self):
        with self.node() as node:
            self.fill(node, 0, 200)
            self.back_up(node, "b", "--copy")
        name, path = max(self.files("b").items())
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        self.assertIn(name, self.verify("b", code=IO_ERROR))
        self.assertIn(name, self.restore("b", code=IO_ERROR))
        self.assertEqual(os.listdir(self.path("restored")), ["LOCK"])
        path.unlink()
        self.assertIn("missing", self.verify("b", code=IO_ERROR))
        self.assertIn("missing", self.restore("b", "again", code=IO_ERROR))
        self.damage_listing()

    def damage_listing(self):
        listing = pathlib.Path(self.root, "b", "BACKUP")
        content = bytearray(listing.read_bytes())
        content[70] ^= 1
        listing.write_bytes(content)
        self.assertIn("BACKUP", self.verify("b", code=IO_ERROR))
        self.restore("b", "again", code=IO_ERROR)

    def test_damage_in_the_store_is_not_backed_up(self):
        with self.node() as node:
            self.fill(node, 0, 300)
            log = min(pathlib.Path(self.directory).glob("*.log"))
            content = bytearray(log.read_bytes())
            content[content.index(b"key3v") + 20] ^= 1
            log.write_bytes(content)
            _, said = self.back_up(node, "b", code=FAILED)
            self.assertIn(log.name + " offset ", said)
            self.assertEqual(os.listdir(self.root), [])

    # -- bad days -------------------------------------------------------------

    def test_a_kill_in_the_middle_leaves_no_half_backup(self):
        whole = 0
        for tenth in range(10):
            with self.node() as node:
                self.fill(node, 0, 2000)
                name = f"b{tenth}"
                asking = subprocess.Popen(
                    [program("client"), "--addr", "%s:%d" % node.address,
                     "backup", name, "--copy"], stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL)
                deadline = time.monotonic() + 10
                remains = self.path("backups", name + ".incomplete")
                while not os.path.exists(remains) \
                        and not os.path.exists(self.path("backups", name)):
                    self.assertLess(time.monotonic(), deadline)
                time.sleep(tenth * 0.004)
                node.kill()
                finished = asking.wait(20) == 0
                if os.path.exists(self.path("backups", name)):
                    self.verify(name)
                    whole += 1
                else:
                    self.assertFalse(finished)
                    if not os.path.exists(os.path.join(remains, "BACKUP")):
                        # It may be a store without its MANIFEST as well.
                        said = run_node([program("node"), "verify", remains])
                        self.assertIn(said.returncode, (NO_INPUT, IO_ERROR))
                        self.restore(name + ".incomplete", code=NO_INPUT)
                    # The remains are no obstacle.
                    node.start()
                    self.back_up(node, name)
                    self.verify(name)
                    self.assertFalse(os.path.exists(remains))
                    self.assertEqual(self.count(node), 2000)
        self.assertLess(whole, 10, "no kill came early enough")

    def test_a_stop_leaves_a_whole_backup_or_none(self):
        # That it does not wait is shown where every step is decided by the
        # test, among the tests of the actors.
        with self.node() as node:
            self.fill(node, 0, 2000)
            asking = subprocess.Popen(
                [program("client"), "--addr", "%s:%d" % node.address,
                 "backup", "b", "--copy"], stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
            while not os.listdir(self.root):
                time.sleep(0.001)
            self.assertEqual(node.stop(), 0)
            finished = asking.wait(20) == 0
            self.assertEqual(os.listdir(self.root), ["b"] if finished else [])

    @unittest.skipUnless(os.geteuid() == 0, "only root can mount")
    def test_a_full_disk_leaves_nothing(self):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs",
                        self.root], check=True)
        self.addCleanup(subprocess.run, ["umount", self.root], check=True)
        with self.node() as node:
            self.fill(node, 0, 3000)
            _, said = self.back_up(node, "b", code=FAILED)
            self.assertIn("no space", said)
            self.assertEqual(os.listdir(self.root), [])
            # The store is as well as ever.
            self.fill(node, 3000, 10)
            self.assertEqual(self.count(node), 3010)
            subprocess.run(["mount", "-o", "remount,size=64m", self.root],
                           check=True)
            self.back_up(node, "b")
            self.assertEqual(node.stop(), 0)
        self.verify("b")

    def test_help_names_it(self):
        self.assertIn(b"backup", client("--help").stdout)
        self.assertIn(b"--incremental-from",
                      client("backup", "--help").stdout)
        self.assertIn("--to", self.run_offline("restore", "--help"))
        self.assertIn("--backup-root", self.run_offline("--help"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
