"""How kvs-node starts, refuses to start, and stops."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from support import wire
from support.node import Node, node_command, program, run_node

USAGE, UNAVAILABLE, CANNOT_CREATE, IO_ERROR = 64, 69, 73, 74


class LifecycleTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="kvs-e2e-")
        self.addCleanup(directory.cleanup)
        self.directory = os.path.join(directory.name, "store")

    def assert_refuses(self, code, *options, says=""):
        done = run_node(node_command(self.directory, options))
        said = done.stderr.decode()
        self.assertEqual(done.returncode, code, said)
        self.assertNotIn(b"ready", done.stdout)
        self.assertIn(says, said)
        return said

    # -- start ----------------------------------------------------------------

    def test_version_and_help(self):
        for option in ("-V", "--version"):
            done = run_node([program("node"), option])
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertRegex(done.stdout.decode(),
                             r"\Akvs-node \d+\.\d+\.\d+\n\Z")
        done = run_node([program("node"), "--help"])
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        for option in ("--addr", "--dir", "--sync", "--sync-interval-ms",
                       "--shards", "--threads", "--segment-bytes",
                       "--space-factor", "--compact-effort",
                       "--disk-reserve", "--key-bytes-max", "--value-bytes-max",
                       "--net-memory-max", "--max-clients",
                       "--frame-timeout-ms", "--idle-timeout-ms",
                       "--allow-remote", "--version", "--help"):
            self.assertIn(option, done.stdout.decode())

    def test_start_names_what_it_serves(self):
        with Node("--sync", "interval", "--shards", 3,
                  directory=self.directory) as node:
            log = node.read_log()
            starting = re.search(r"node\.starting .*", log)
            self.assertIsNotNone(starting, log)
            for part in ("version=", f"dir={self.directory}",
                         "addr=127.0.0.1:0", "shards=3", "sync=interval"):
                self.assertIn(part, starting[0])
            self.assertIn("node.listening addr=127.0.0.1:%d" % node.address[1],
                          log)
            # No escape sequences where no terminal is.
            self.assertNotIn("\x1b", log)

    def test_threads_have_names(self):
        with Node(directory=self.directory) as node:
            names = {(path / "comm").read_text(encoding="ascii").strip()
                     for path in pathlib.Path(
                         f"/proc/{node.process.pid}/task").iterdir()}
        for role in ("loop", "syncer", "catalog", "reader", "compactor"):
            self.assertIn(f"kvs-{role}", names)

    def test_the_directory_is_private(self):
        with Node(directory=self.directory):
            self.assertEqual(os.stat(self.directory).st_mode & 0o777, 0o700)
            for entry in os.scandir(self.directory):
                self.assertEqual(entry.stat().st_mode & 0o077, 0, entry.name)

    def test_bad_arguments(self):
        for options in (["--sync", "sometimes"], ["--unknown"], ["word"],
                        ["--shards", "-1"], ["--shards", "many"],
                        ["--segment-bytes", "0"], ["--segment-bytes", "1EiB"],
                        ["--space-factor", "1"], ["--sync-interval-ms", "-5"],
                        ["--key-bytes-max", "1TiB"],
                        ["--value-bytes-max", "1TiB"], ["--max-clients"],
                        ["--addr", "nonsense"], ["--addr", "127.0.0.1:99999"],
                        ["--addr", "127.0.0.1"]):
            with self.subTest(options=options):
                done = run_node(node_command(self.directory, options))
                self.assertEqual(done.returncode, USAGE, done.stderr)
                self.assertEqual(done.stdout, b"")
                self.assertTrue(done.stderr)
                self.assertFalse(os.path.exists(self.directory))

    def test_a_remote_address_needs_a_word(self):
        for address in ("0.0.0.0:0", "[::]:0"):
            done = run_node(node_command(self.directory,
                                         ["--addr", address]))
            self.assertEqual(done.returncode, USAGE, done.stderr)
            self.assertIn(b"--allow-remote", done.stderr)
        with Node("--addr", "0.0.0.0:0", "--allow-remote",
                  directory=self.directory) as node:
            node.address = ("127.0.0.1", node.address[1])
            with node.connect() as connection:
                self.assertEqual(connection.ask(wire.ping(b"x")), b"x")

    def test_an_occupied_port(self):
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            address = "%s:%d" % holder.getsockname()
            self.assert_refuses(UNAVAILABLE, "--addr", address, says=address)

    def test_one_directory_has_one_node(self):
        with Node(directory=self.directory) as node:
            self.assert_refuses(CANNOT_CREATE, says=str(node.pid))
            # The first one noticed nothing.
            with node.connect() as connection:
                self.assertTrue(connection.ask(wire.put(b"a", b"1")).applied)
            node.kill()
            # A lock file alone locks nobody out.
            node.start()

    def test_a_directory_that_cannot_be(self):
        pathlib.Path(self.directory).write_text("no directory")
        self.assert_refuses(CANNOT_CREATE, says=self.directory)
        self.directory = "/proc/kvs"
        self.assert_refuses(CANNOT_CREATE, says=self.directory)

    # -- damaged stores -------------------------------------------------------

    def make_store(self, *, clean):
        with Node("--sync", "always", directory=self.directory) as node:
            with node.connect() as connection:
                for number in range(100):
                    connection.ask(wire.put(b"key%d" % number, b"v" * 100))
            if clean:
                self.assertEqual(node.stop(), 0)

    def damage(self, path, offset):
        with open(path, "r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ 0x5A]))

    def first_log(self):
        return min(pathlib.Path(self.directory).glob("*.log"))

    def test_a_damaged_record_is_no_torn_tail(self):
        # Acknowledged records behind the damage prove that it is no tail.
        self.make_store(clean=False)
        log = self.first_log()
        place = log.read_bytes().index(b"key50")
        self.damage(log, place)
        before = log.read_bytes()
        said = self.assert_refuses(IO_ERROR, says=log.name)
        self.assertRegex(said, r"offset\D{0,3}\d+")
        self.assertEqual(log.read_bytes(), before, "the evidence was changed")

    def test_a_damaged_value_is_never_served(self):
        self.make_store(clean=True)
        log = self.first_log()
        self.damage(log, log.read_bytes().index(b"key50") + 20)
        try:
            with Node(directory=self.directory) as node, \
                    node.connect() as connection:
                answer = connection.ask(wire.get(b"key50"))
                self.assertIsInstance(answer, wire.Error)
                self.assertEqual(answer.status, wire.CORRUPT)
                # The others are as they were.
                self.assertEqual(connection.ask(wire.get(b"key51")).value,
                                 b"v" * 100)
        except RuntimeError as refused:
            # Refusing to start is an honest answer too.
            self.assertIn(log.name, str(refused))

    def test_a_damaged_manifest(self):
        self.make_store(clean=True)
        manifest = os.path.join(self.directory, "MANIFEST")
        self.damage(manifest, os.path.getsize(manifest) // 2)
        self.assert_refuses(IO_ERROR, says="MANIFEST")

    def test_a_missing_segment(self):
        self.make_store(clean=True)
        log = self.first_log()
        log.unlink()
        self.assert_refuses(IO_ERROR, says=log.name)

    def test_an_unreadable_file(self):
        self.make_store(clean=True)
        log = self.first_log()
        log.unlink()
        log.mkdir()
        self.assert_refuses(IO_ERROR, says=log.name)

    def test_a_torn_tail_is_cut(self):
        self.make_store(clean=False)
        logs = pathlib.Path(self.directory).glob("*.log")
        log = next(path for path in sorted(logs, reverse=True)
                   if b"key99" in path.read_bytes())
        content = log.read_bytes()
        end = content.rindex(b"key99") + 5 + 100
        with open(log, "r+b") as file:
            file.seek(end + (-end) % 8)
            file.write(b"half a record that never was")
        with Node(directory=self.directory) as node, \
                node.connect() as connection:
            for number in range(100):
                found = connection.ask(wire.get(b"key%d" % number))
                self.assertEqual(found.value, b"v" * 100)

    def test_hints_are_never_trusted(self):
        self.make_store(clean=True)
        # Otherwise no hint is read.
        pathlib.Path(self.directory, "CHECKPOINT").unlink()
        for hint in pathlib.Path(self.directory).glob("*.hint"):
            self.damage(hint, hint.stat().st_size // 2)
        with Node(directory=self.directory) as node, \
                node.connect() as connection:
            self.assertEqual(connection.ask(wire.frame(wire.COUNT)), 100)
            for number in range(100):
                found = connection.ask(wire.get(b"key%d" % number))
                self.assertEqual(found.value, b"v" * 100)

    # -- stop -----------------------------------------------------------------

    def test_signals_stop_it_cleanly(self):
        for sent in (signal.SIGTERM, signal.SIGINT):
            for mode in ("always", "interval", "none"):
                with self.subTest(signal=sent, sync=mode), \
                        Node("--sync", mode, directory=self.directory) as node:
                    with node.connect() as connection:
                        connection.ask(wire.put(b"key", mode.encode()))
                        self.assertEqual(node.stop(sent), 0)
                    node.start()
                    with node.connect() as connection:
                        self.assertEqual(connection.ask(wire.get(b"key"))
                                         .value, mode.encode())

    def test_a_stop_under_load_answers_or_closes(self):
        with Node("--sync", "always", directory=self.directory) as node:
            connection = node.connect()
            connection.send(b"".join(wire.put(b"%d" % number, b"v" * 100,
                                              number)
                                     for number in range(5000)))
            connection.fill()
            begun = time.monotonic()
            node.process.send_signal(signal.SIGTERM)
            acknowledged = []
            try:
                while connection.fill():
                    pass
            except ConnectionResetError:
                pass
            for reply in connection.take_replies():
                if isinstance(reply.message, wire.Write):
                    acknowledged.append(reply.id)
            self.assertEqual(node.wait(10), 0, node.read_log())
            self.assertLess(time.monotonic() - begun, 10)
            connection.close()
            node.start()
            with node.connect() as connection:
                # No more than a multi-get takes.
                for start in range(0, len(acknowledged), 1000):
                    values = connection.ask(wire.multi_get(
                        [b"%d" % number
                         for number in acknowledged[start:start + 1000]]))
                    self.assertTrue(all(value.found for value in values))

    def test_a_second_signal_ends_it_at_once(self):
        # Method: both signals wait for the process when it goes on.
        with Node(directory=self.directory) as node:
            process = node.process
            process.send_signal(signal.SIGSTOP)
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGINT)
            begun = time.monotonic()
            process.send_signal(signal.SIGCONT)
            process.wait(5)
            self.assertLess(time.monotonic() - begun, 2)

    def test_a_closed_stderr_and_stdout_stop_nothing(self):
        process = subprocess.Popen(
            [program("node"), "--addr", "127.0.0.1:0", "--dir",
             self.directory], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        try:
            self.assertEqual(process.stdout.readline(), b"ready\n")
            process.stdout.close()
            process.stderr.close()
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(10), 0)
        finally:
            process.kill()
            process.wait()


if __name__ == "__main__":
    unittest.main(verbosity=2)
