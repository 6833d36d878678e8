"""Starts a real redis-server to import from."""

import os
import shutil
import socket
import subprocess
import tempfile
import time


class RedisError(Exception):
    """An error reply."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RedisServer:
    """A context manager: a server that saves when it is told to, into a
    directory of its own."""

    def __init__(self, *options):
        self.port = free_port()
        self.directory = tempfile.mkdtemp(prefix="kvs-redis-")
        self.address = f"127.0.0.1:{self.port}"
        self.command = ["redis-server", "--port", str(self.port), "--bind",
                        "127.0.0.1", "--dir", self.directory, "--save", "",
                        *options]
        self.process = None
        self.socket = None
        self.replies = None

    def __enter__(self):
        self.process = subprocess.Popen(self.command,
                                        stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while self.socket is None:
            try:
                self.socket = socket.create_connection(
                    ("127.0.0.1", self.port), timeout=20)
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    self.__exit__()
                    raise
                time.sleep(0.02)
        self.replies = self.socket.makefile("rb")
        return self

    def __exit__(self, *_):
        if self.socket is not None:
            self.replies.close()
            self.socket.close()
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def send(self, *words):
        packed = [word if isinstance(word, bytes) else str(word).encode()
                  for word in words]
        self.socket.sendall(b"*%d\r\n" % len(packed) + b"".join(
            b"$%d\r\n%s\r\n" % (len(word), word) for word in packed))

    def ask(self, *words):
        self.send(*words)
        return self.read_reply()

    def read_reply(self):
        line = self.replies.readline()[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind in (b"+", b":"):
            return rest if kind == b"+" else int(rest)
        if int(rest) < 0:
            return None
        if kind == b"$":
            return self.replies.read(int(rest) + 2)[:-2]
        return [self.read_reply() for _ in range(int(rest))]

    def snapshot(self):
        """The path of a new dump.rdb."""
        self.ask("SAVE")
        return os.path.join(self.directory, "dump.rdb")


# What `fill_with_every_type` puts into database 0 besides strings.
OTHER_TYPES = {"list": 2, "set": 2, "zset": 1, "hash": 2, "stream": 1}


def fill_with_every_type(server):
    """Stores strings of every encoding, keys of all other types, and two keys
    in database 3. Returns the strings of database 0 that never expire."""
    strings = {b"plain": b"value", b"empty": b"", b"number": b"-7",
               b"larger": b"123456789", b"packed": b"a" * 5000,
               b"binary": bytes(range(256)), b"\xff\0key": b"odd",
               b"big": os.urandom(300_000)}
    for key, value in strings.items():
        server.ask("SET", key, value)
    server.ask("SET", "mortal", "soon", "EX", 1000)
    server.ask("RPUSH", "list", "a", "b")
    server.ask("RPUSH", "long-list", *range(1000))
    server.ask("SADD", "numbers", 1, 2)
    server.ask("SADD", "set", "a", "b")
    server.ask("ZADD", "zset", 1.5, "a")
    server.ask("HSET", "hash", "f", "v")
    server.ask("HSET", "long-hash", "f", "v" * 1000)
    server.ask("XADD", "stream", "*", "f", "v")
    server.ask("SELECT", 3)
    server.ask("SET", "third", "3")
    server.ask("RPUSH", "third-list", "a")
    server.ask("SELECT", 0)
    return strings
