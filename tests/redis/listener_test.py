#!/usr/bin/env python3
"""Where kvs-node listens for Redis clients, and whom it does not let in."""

import contextlib
import os
import resource
import socket
import tempfile
import time
import unittest

from harness.servers import KvsServer
from support.node import Node, node_command, run_node

USAGE, UNAVAILABLE = 64, 69
DEFAULT_PORT = 6380


def occupied(port=0):
    """A socket that listens there; None if somebody else does already."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        holder.bind(("127.0.0.1", port))
    except OSError:
        holder.close()
        return None
    holder.listen()
    return holder


class ListenerTest(unittest.TestCase):
    def setUp(self):
        directory = self.enterContext(
            tempfile.TemporaryDirectory(prefix="kvs-resp-"))
        self.directory = os.path.join(directory, "store")

    def test_a_taken_default_is_one_warning(self):
        with contextlib.closing(occupied(DEFAULT_PORT)
                                or contextlib.nullcontext()), \
                Node(directory=self.directory) as node:
            log = node.read_log()
            self.assertEqual(node.stop(), 0)
        self.assertEqual(log.count("warning"), 1, log)
        self.assertIn(f"node.resp-off error=\"cannot listen on"
                      f" 127.0.0.1:{DEFAULT_PORT}", log)

    def test_a_taken_address_that_was_asked_for_is_an_error(self):
        with contextlib.closing(occupied()) as holder:
            address = "127.0.0.1:%d" % holder.getsockname()[1]
            done = run_node(node_command(self.directory,
                                         ["--resp-addr", address]))
        self.assertEqual(done.returncode, UNAVAILABLE, done.stderr)
        self.assertIn(address.encode(), done.stderr)
        self.assertNotIn(b"ready", done.stdout)

    def test_off(self):
        with Node("--resp-addr", "off", directory=self.directory) as node:
            log = node.read_log()
        self.assertEqual(log.count("listening"), 1, log)

    def test_a_remote_address_needs_a_word(self):
        for address in ("0.0.0.0:0", "[::]:0"):
            done = run_node(node_command(self.directory,
                                         ["--resp-addr", address]))
            self.assertEqual(done.returncode, USAGE, done.stderr)
            self.assertIn(b"--allow-remote", done.stderr)
        with Node("--resp-addr", "0.0.0.0:0", "--allow-remote",
                  directory=self.directory) as node:
            self.assertEqual(node.read_log().count("listening"), 2)

    def test_an_address_that_is_none(self):
        for address in ("nonsense", "127.0.0.1", "127.0.0.1:99999"):
            done = run_node(node_command(self.directory,
                                         ["--resp-addr", address]))
            self.assertEqual(done.returncode, USAGE, done.stderr)
            self.assertIn(address.encode(), done.stderr)

    def test_no_more_clients_than_allowed(self):
        with KvsServer("--max-clients", "3") as server:
            within = [socket.create_connection(server.address, timeout=10)
                      for _ in range(3)]
            for each in within:
                each.sendall(b"PING\r\n")
                self.assertEqual(each.recv(64), b"+PONG\r\n")
            with socket.create_connection(server.address, timeout=10) as more:
                self.assertEqual(more.recv(64),
                                 b"-ERR max number of clients reached\r\n")
                self.assertEqual(more.recv(64), b"")
            for each in within:
                each.close()

    def test_a_lack_of_descriptors(self):
        with KvsServer("--sync", "none") as server:
            used = len(os.listdir(f"/proc/{server.pid}/fd"))
            resource.prlimit(server.pid, resource.RLIMIT_NOFILE,
                             (used + 20, used + 20))
            # The system accepts them all; the node has no room for so many.
            many = [socket.create_connection(server.address, timeout=10)
                    for _ in range(60)]
            for each in many[:10]:
                each.sendall(b"SET k v\r\n")
                self.assertEqual(each.recv(64), b"+OK\r\n")
            before = server.cpu_seconds()
            time.sleep(1)
            self.assertLess(server.cpu_seconds() - before, 0.05)
            said = server.read_log().count("accept")
            self.assertTrue(1 <= said <= 5, server.read_log()[-2000:])
            for each in many:
                each.close()
            with socket.create_connection(server.address, timeout=10) as after:
                after.sendall(b"GET k\r\n")
                self.assertEqual(after.recv(64), b"$1\r\nv\r\n")

    def test_whoever_leaves_early_ends_nothing(self):
        with KvsServer("--sync", "none") as server:
            large = b"v" * 300_000
            for _ in range(200):
                leaving = socket.create_connection(server.address, timeout=10)
                leaving.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$300000\r\n"
                                + large + b"\r\n" + b"GET k\r\n" * 20)
                leaving.close()
            with socket.create_connection(server.address, timeout=10) as after:
                after.sendall(b"STRLEN k\r\n")
                self.assertEqual(after.recv(64), b":300000\r\n")


if __name__ == "__main__":
    unittest.main(verbosity=2)
