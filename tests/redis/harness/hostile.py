"""A server under attack, and another client beside it."""

import os
import re
import socket
import threading
import time
import unittest

from harness import resp
from harness.links import Link, pump
from harness.servers import KvsServer, RedisServer

MEBIBYTE = 1 << 20
PING = b"*1\r\n$4\r\nPING\r\n"
CONNECTIONS = 10_000


def make_server():
    if os.environ.get("KVS_RESP_SERVER") == "redis":
        return RedisServer()
    return KvsServer("--sync", "none", "--shards", 2, "--threads", 2,
                     "--max-clients", str(CONNECTIONS + 500))


def memory_bytes(server):
    with open(f"/proc/{server.pid}/status", encoding="ascii") as status:
        return int(re.search(r"^VmRSS:\s+(\d+)", status.read(), re.M)[1]) << 10


class Pulse:
    """Another client, which gets a small value again and again."""

    def __init__(self, server):
        self.server = server
        self.slowest = 0.0
        self.count = 0
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.beat)

    def beat(self):
        link = Link(self.server)
        while not self.stopped.wait(0.002):
            began = time.monotonic()
            link.unsent = memoryview(b"GET pulse\r\n")
            pump([link], lambda link: len(link.replies) > 0)
            assert link.take(1) == [b"$2\r\nup\r\n"]
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.count += 1
        link.close()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()


class HostileCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(make_server())
        cls.is_kvs = cls.server.name == "kvs"

    def setUp(self):
        self.ask(b"FLUSHALL")
        self.ask(b"SET", b"pulse", b"up")
        self.addCleanup(self.assert_others_are_served)

    def assert_others_are_served(self):
        self.assertEqual(self.ask(b"PING"), b"+PONG\r\n")

    def link(self):
        link = Link(self.server)
        self.addCleanup(link.close)
        return link

    def exchange(self, link, data, count=1, timeout=60):
        link.unsent = memoryview(data)
        self.assertTrue(pump([link], lambda link: len(link.replies) >= count,
                             timeout), "no reply in time")
        return link.take(count)

    def ask(self, *words):
        link = Link(self.server)
        try:
            return self.exchange(link, resp.encode(words))[0]
        finally:
            link.close()

    def assert_memory_grew_by_at_most(self, before, mebibytes):
        if self.is_kvs:
            grown = (memory_bytes(self.server) - before) / MEBIBYTE
            self.assertLessEqual(grown, mebibytes, "MiB of memory")


class BoundedCase(HostileCase):
    @classmethod
    def setUpClass(cls):
        if os.environ.get("KVS_RESP_SERVER") == "redis":
            raise unittest.SkipTest("redis-server buffers without a bound")
        super().setUpClass()

    def deaf(self):
        """A socket that takes next to nothing in."""
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        made.connect(self.server.address)
        self.addCleanup(made.close)
        return made
