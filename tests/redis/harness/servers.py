"""Starts the two servers that are compared."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.append(str(pathlib.Path(__file__).parents[2] / "e2e"))

from support.node import Node  # noqa: E402


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RedisServer:
    """redis-server without persistence, as a context manager.

    It has one database, as kvs has.
    """

    name = "redis"

    def __init__(self, *options):
        self.options = options
        self.directory = tempfile.mkdtemp(prefix="kvs-redis-")
        self.process = None
        self.address = None

    def __enter__(self):
        for _ in range(5):
            if self.start():
                return self
        self.__exit__()
        raise RuntimeError("redis-server does not start")

    def start(self):
        self.address = ("127.0.0.1", free_port())
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.address[1]),
             "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
             "--databases", "1", "--maxclients", "15000",
             "--dir", self.directory, *self.options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(self.address, 1).close()
                return True
            except OSError:
                time.sleep(0.02)
        return False

    def __exit__(self, *_):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def pid(self):
        return self.process.pid

    def is_running(self):
        return self.process.poll() is None

    def last_words(self):
        return ""


class KvsServer(Node):
    """A node with a second listener; `address` is the one for RESP."""

    name = "kvs"

    def __init__(self, *options, directory=None):
        super().__init__("--resp-addr", "127.0.0.1:0",
                         *(options or ("--sync", "none")),
                         directory=directory)

    def start(self, timeout=30.0):
        super().start(timeout)
        self.native_address = self.address
        found = re.search(r"\bresp=(\S+):(\d+)", self.read_log())
        self.address = (found[1], int(found[2]))
        return self

    def is_running(self):
        return self.process.poll() is None

    def last_words(self):
        return f"exit code {self.process.poll()}\n{self.read_log()[-3000:]}"


def under_test(choice=None):
    """The server that is compared with redis-server.

    `redis` compares it with itself: no difference may be found then.
    """
    choice = choice or os.environ.get("KVS_RESP_SERVER", "kvs")
    if choice == "redis":
        return RedisServer()
    # Several of each whatever is usual: what they do in turn is tested too.
    return KvsServer("--shards", 2, "--threads", 2)
